import { compileGlob } from '../../redis-semantics/glob.ts'
import { idOf } from '../plaintext/id.ts'

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
export type Topics = Readonly<Record<ChannelKind, Map<string, Topic>>>

/**
 * One process's listeners as the others see them: name -> number of listeners, by kind. Names are latin1
 * identities.
 */
export type SubscriberCounts = Readonly<
  Record<ChannelKind, ReadonlyArray<readonly [id: string, count: number]>>
>

export function addTopics(
  topics: Topics,
  kind: ChannelKind,
  names: readonly Buffer[],
  listener: MessageReceiver,
): void {
  for (const name of names) {
    const id = idOf(name)
    const topic = topics[kind].get(id)
    if (topic !== undefined) topic.listeners.add(listener)
    else
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
    if (topic?.listeners.delete(listener) === true && topic.listeners.size === 0)
      topics[kind].delete(idOf(name))
  }
}

export function countsOf(topics: Topics): SubscriberCounts {
  const count = (kind: ChannelKind): SubscriberCounts[ChannelKind] =>
    Array.from(topics[kind], ([id, { listeners }]) => [id, listeners.size])
  return { channel: count('channel'), pattern: count('pattern'), shard: count('shard') }
}

export function receivers(
  subscriberCounts: SubscriberCounts,
  kind: 'channel' | 'shard',
  channel: Buffer,
): number {
  const id = idOf(channel)
  let sum = 0
  for (const [name, count] of subscriberCounts[kind]) if (name === id) sum += count
  if (kind === 'shard') return sum
  for (const [pattern, count] of subscriberCounts.pattern)
    if (channelMatcher(Buffer.from(pattern, 'latin1'))(channel)) sum += count
  return sum
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
