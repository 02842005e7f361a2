import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { compileGlob } from '../../redis-semantics/glob.ts'

/** Channels, patterns, and shard channels are three separate worlds, as in Redis. */
export type ChannelKind = 'channel' | 'pattern' | 'shard'

/** What gets the messages: a connection. */
export interface MessageReceiver {
  /** `pattern` is set when a pattern matched. */
  deliver(kind: ChannelKind, channel: Buffer, message: Buffer, pattern?: Buffer): void
}

interface Topic {
  readonly name: Buffer
  readonly listeners: Set<MessageReceiver>
  readonly matches: (channel: Buffer) => boolean
}

/** Who listens to what in this process: by the identity of the name. */
export interface Topics extends Readonly<Record<ChannelKind, Map<string, Topic>>> {
  /** Of all names together, with their records. */
  nameBytes: number
}

/** Of one automation in one process. */
const MAX_NAME_BYTES = 1024 * 1024
/** Of the record of a name, beside the name. */
const RECORD_BYTES = 16
/** The longest name of a channel or a pattern. */
const MAX_CHANNEL_BYTES = 64 * 1024

/**
 * One process's listeners as the others see them: name -> number of listeners, by kind. Names are latin1
 * identities.
 */
export interface SubscriberCounts
  extends Readonly<Record<ChannelKind, ReadonlyArray<readonly [id: string, count: number]>>> {
  /** Of all names together. */
  readonly nameBytes: number
}

/** Throws `channel_too_long`. */
export function checkChannel({ length }: Buffer): void {
  if (length > MAX_CHANNEL_BYTES)
    throw new KvError('channel_too_long', { used: String(length), allowed: String(MAX_CHANNEL_BYTES) })
}

/** Throws `channel_names`. */
export function checkNames(topics: Topics, kind: ChannelKind, names: readonly Buffer[]): void {
  let used = topics.nameBytes
  for (const name of names) if (!topics[kind].has(idOf(name))) used += name.length + RECORD_BYTES
  if (used > MAX_NAME_BYTES)
    throw new KvError('channel_names', { used: String(used), allowed: String(MAX_NAME_BYTES) })
}

export function addTopics(
  topics: Topics,
  kind: ChannelKind,
  names: readonly Buffer[],
  listener: MessageReceiver,
): void {
  for (const name of names) {
    const id = idOf(name)
    const topic = topics[kind].get(id)
    if (topic !== undefined) {
      topic.listeners.add(listener)
      continue
    }
    topics.nameBytes += name.length + RECORD_BYTES
    topics[kind].set(id, {
      name,
      listeners: new Set([listener]),
      matches: kind === 'pattern' ? channelMatcher(name) : () => false,
    })
  }
}

export function deleteTopics(
  topics: Topics,
  kind: ChannelKind,
  names: Iterable<Buffer>,
  listener: MessageReceiver,
): void {
  for (const name of names) {
    const topic = topics[kind].get(idOf(name))
    if (topic?.listeners.delete(listener) !== true || topic.listeners.size > 0) continue
    topics[kind].delete(idOf(name))
    topics.nameBytes -= topic.name.length + RECORD_BYTES
  }
}

const KINDS: readonly ChannelKind[] = ['channel', 'pattern', 'shard']

export const isEmpty = (topics: Topics): boolean => KINDS.every((kind) => topics[kind].size === 0)

export function countsOf(topics: Topics): SubscriberCounts {
  const count = (kind: ChannelKind): SubscriberCounts[ChannelKind] =>
    Array.from(topics[kind], ([id, { listeners }]) => [id, listeners.size])
  const { nameBytes } = topics
  return { channel: count('channel'), pattern: count('pattern'), shard: count('shard'), nameBytes }
}

export function receiversHere(topics: Topics, kind: 'channel' | 'shard', channel: Buffer): number {
  let sum = topics[kind].get(idOf(channel))?.listeners.size ?? 0
  if (kind === 'shard') return sum
  for (const { matches, listeners } of topics.pattern.values()) if (matches(channel)) sum += listeners.size
  return sum
}

/**
 * As for keys, but for the empty channel, which only the empty pattern matches (stringmatchlen has no special
 * case for `*`).
 */
export function channelMatcher(pattern: Buffer): (channel: Buffer) => boolean {
  const matches = compileGlob(pattern)
  return (channel) => (channel.length === 0 ? pattern.length === 0 : matches(channel))
}
