import { randomBytes } from 'node:crypto'
import type { Automation } from '../../automation/automation.ts'
import { locations } from '../../automation/location.ts'
import type { Backing, MessageBus } from '../../backing/backing.ts'
import { KvError } from '../../errors/errors.ts'
import { LIVENESS } from '../../lib/liveness.ts'
import type { Log } from '../../observability/log.ts'
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

interface ChannelHub {
  readonly automation: Automation
  readonly topics: Readonly<Record<ChannelKind, Map<string, Topic>>>
  readonly receive: (sealed: Buffer) => void
  readonly opened: Promise<void>
  isOpen: boolean
  /** Of the names of all topics: the other processes read them at each PUBLISH. */
  nameBytes: number
  /** How many are about to listen: it must not be closed under them. */
  joining: number
  /**
   * The announcement that is being made, and the one after it, which tells of everything that happens until
   * it begins.
   */
  announcing: Promise<void>
  announcement: Promise<void> | undefined
}

/**
 * One process's listeners as the others see them: name -> number of listeners, by kind. Names are latin1
 * identities.
 */
type SubscriberCounts = Readonly<Record<ChannelKind, ReadonlyArray<readonly [id: string, count: number]>>>

/** Of one automation in one process. */
const MAX_NAME_BYTES = 1024 * 1024
/** Of the record of a name, beside the name. */
const RECORD_BYTES = 16

/** The longest name of a channel or a pattern. */
const MAX_CHANNEL_BYTES = 64 * 1024

const KINDS: readonly ChannelKind[] = ['channel', 'pattern', 'shard']
/**
 * Pub/sub of all automations. All messages of one automation go through one channel of the backing Redis,
 * sealed together with the name of their channel, and are told apart here: so the backing Redis sees neither,
 * and one connection is enough for any number of listeners. How many listeners there are in other processes
 * is read from what each of them keeps in the backing Redis.
 */
export class PubSub {
  private readonly backing: Backing
  private readonly bus: MessageBus
  private readonly log: Log
  /** Under which the others know of the listeners here. */
  private readonly id = randomBytes(16).toString('hex')
  private readonly hubs = new Map<string, ChannelHub>()
  private readonly renewal: NodeJS.Timeout
  /** Announcements that nobody waits for. */
  private readonly leaving = new Set<Promise<void>>()

  constructor(backing: Backing, bus: MessageBus, log: Log) {
    this.backing = backing
    this.bus = bus
    this.log = log
    bus.onReturn(() => this.renew())
    this.renewal = setInterval(() => this.renew(), LIVENESS.renewMs)
    this.renewal.unref()
  }

  /** What was announced before is on its way when this resolves. */
  async close(): Promise<void> {
    clearInterval(this.renewal)
    await Promise.allSettled([
      ...this.leaving,
      ...Array.from(this.hubs.values(), ({ announcing }) => announcing),
    ])
  }

  /**
   * Resolves when what is published from now on will arrive; a message may be delivered before that. Rejects
   * with `unavailable` or `channel_names`: then nothing is delivered.
   */
  async subscribe(
    automation: Automation,
    kind: ChannelKind,
    names: readonly Buffer[],
    listener: MessageReceiver,
  ): Promise<void> {
    const hub = this.hubOf(automation)
    hub.joining++
    try {
      await hub.opened
      checkNames(hub, kind, names)
      addTopics(hub, kind, names, listener)
      await this.announce(hub)
    } catch (error) {
      deleteTopics(hub, kind, names, listener)
      throw error
    } finally {
      hub.joining--
      this.closeIfEmpty(hub)
    }
  }

  unsubscribe(
    automation: Automation,
    kind: ChannelKind,
    names: Iterable<Buffer>,
    listener: MessageReceiver,
  ): void {
    const hub = this.hubs.get(automation.id)
    if (hub === undefined) return
    deleteTopics(hub, kind, names, listener)
    this.closeIfEmpty(hub)
    // Anyone who counts meanwhile counts some too many, as Redis may for a client that just left.
    const told = this.announce(hub).catch(() => {})
    this.leaving.add(told)
    void told.then(() => this.leaving.delete(told))
  }

  /**
   * Answers how many listeners get the message. They are counted before it is sent, so that anyone who was
   * counted gets it.
   */
  async publish(
    automation: Automation,
    kind: 'channel' | 'shard',
    channel: Buffer,
    message: Buffer,
  ): Promise<number> {
    checkChannel(channel)
    const sealed = automation.sealer.seal(locations.message(''), encode(kind, channel, message), false)
    const hub = this.hubs.get(automation.id)
    const here = hub === undefined ? 0 : receiversHere(hub, kind, channel)
    const isOpen = hub?.isOpen === true
    const counting = this.backing.call(automation, ['HGETALL', automation.listenersKey])
    // Whether the message was sent is told by the other one.
    counting.catch(() => {})
    const processes = (await this.backing.call(
      automation,
      ['PUBLISH', automation.messageChannel, sealed],
      true,
    )) as number
    if (processes === 0) return 0
    if (processes === 1 && isOpen) return here
    return this.otherCounts(automation, (await counting) as Buffer[]).reduce(
      (sum, subscriberCounts) => sum + receivers(subscriberCounts, kind, channel),
      here,
    )
  }

  /** Every listener of the automation, in all processes: name -> number. */
  async subscriberCounts(automation: Automation, kind: ChannelKind): Promise<Map<string, number>> {
    const hub = this.hubs.get(automation.id)
    const sum = new Map<string, number>()
    const records = (await this.backing.call(automation, ['HGETALL', automation.listenersKey])) as Buffer[]
    for (const subscriberCounts of [
      ...(hub === undefined ? [] : [countsOf(hub)]),
      ...this.otherCounts(automation, records),
    ]) {
      for (const [id, count] of subscriberCounts[kind]) sum.set(id, (sum.get(id) ?? 0) + count)
    }
    return sum
  }

  private hubOf(automation: Automation): ChannelHub {
    const known = this.hubs.get(automation.id)
    if (known !== undefined) return known
    const receive = (sealed: Buffer): void => this.receive(hub, sealed)
    const hub: ChannelHub = {
      automation,
      topics: { channel: new Map(), pattern: new Map(), shard: new Map() },
      receive,
      opened: this.bus.subscribe(automation, automation.messageChannel, receive).then(() => {
        hub.isOpen = true
      }),
      isOpen: false,
      nameBytes: 0,
      joining: 0,
      announcing: Promise.resolve(),
      announcement: undefined,
    }
    this.hubs.set(automation.id, hub)
    return hub
  }

  private closeIfEmpty(hub: ChannelHub): void {
    const { automation, topics } = hub
    if (
      this.hubs.get(automation.id) !== hub ||
      hub.joining > 0 ||
      KINDS.some((kind) => topics[kind].size > 0)
    )
      return
    this.hubs.delete(automation.id)
    this.bus.unsubscribe(automation, automation.messageChannel, hub.receive)
  }

  private receive({ automation, topics }: ChannelHub, sealed: Buffer): void {
    let decoded: ReturnType<typeof decode>
    try {
      decoded = decode(automation.sealer.open(locations.message(''), sealed).bytes)
    } catch {
      this.log.error({ automation: automation.id }, 'a published message could not be opened')
      return
    }
    const { kind, channel, message } = decoded
    for (const listener of topics[kind].get(idOf(channel))?.listeners ?? [])
      listener.deliver(kind, channel, message)
    if (kind === 'shard') return
    for (const { name, listeners, matches } of topics.pattern.values()) {
      if (matches(channel))
        for (const listener of listeners) listener.deliver('pattern', channel, message, name)
    }
  }

  /** Tells the other processes who listens here. Many who come at once are announced together. */
  private announce(hub: ChannelHub): Promise<void> {
    hub.announcement ??= hub.announcing
      .catch(() => {})
      .then(() => {
        hub.announcement = undefined
        hub.announcing = this.tell(hub.automation)
        return hub.announcing
      })
    return hub.announcement
  }

  private async tell(automation: Automation): Promise<void> {
    const hub = this.hubs.get(automation.id)
    if (hub === undefined || KINDS.every((kind) => hub.topics[kind].size === 0)) {
      await this.backing.call(automation, ['HDEL', automation.listenersKey, this.id])
      return
    }
    const record = Buffer.from(JSON.stringify({ at: Date.now(), ...countsOf(hub) }))
    const sealed = automation.sealer.seal(locations.record('listeners'), record, true)
    await Promise.all([
      this.backing.call(automation, ['HSET', automation.listenersKey, this.id, sealed]),
      this.backing.call(automation, ['PEXPIRE', automation.listenersKey, LIVENESS.lastsMs]),
    ])
  }

  private renew(): void {
    for (const hub of this.hubs.values()) {
      // A link that is down is renewed in the next turn.
      this.announce(hub).catch(() => {})
    }
  }

  /** `records` = the automation's listeners key: ids of processes and their sealed counts in turn. */
  private otherCounts(automation: Automation, records: readonly Buffer[]): SubscriberCounts[] {
    const counts: SubscriberCounts[] = []
    const dead: Buffer[] = []
    for (let i = 0; i < records.length; i += 2) {
      if (records[i]!.toString('latin1') === this.id) continue
      const record = JSON.parse(
        automation.sealer.open(locations.record('listeners'), records[i + 1]!).bytes.toString(),
      ) as SubscriberCounts & { at: number }
      if (record.at > Date.now() - LIVENESS.lastsMs) counts.push(record)
      else dead.push(records[i]!)
    }
    // Others renew the key, so what a dead process left in it would last.
    if (dead.length > 0) this.backing.read(automation, ['HDEL', automation.listenersKey, ...dead], () => {})
    return counts
  }
}

/** Throws `channel_too_long`. */
export function checkChannel({ length }: Buffer): void {
  if (length > MAX_CHANNEL_BYTES)
    throw new KvError('channel_too_long', { used: String(length), allowed: String(MAX_CHANNEL_BYTES) })
}

/** Throws `channel_names`. */
function checkNames({ topics, nameBytes }: ChannelHub, kind: ChannelKind, names: readonly Buffer[]): void {
  let used = nameBytes
  for (const name of names) if (!topics[kind].has(idOf(name))) used += name.length + RECORD_BYTES
  if (used > MAX_NAME_BYTES)
    throw new KvError('channel_names', { used: String(used), allowed: String(MAX_NAME_BYTES) })
}

function addTopics(
  hub: ChannelHub,
  kind: ChannelKind,
  names: readonly Buffer[],
  listener: MessageReceiver,
): void {
  const { topics } = hub
  for (const name of names) {
    const id = idOf(name)
    const topic = topics[kind].get(id)
    if (topic !== undefined) {
      topic.listeners.add(listener)
      continue
    }
    hub.nameBytes += name.length + RECORD_BYTES
    topics[kind].set(id, {
      name,
      listeners: new Set([listener]),
      matches: kind === 'pattern' ? channelMatcher(name) : () => false,
    })
  }
}

function deleteTopics(
  hub: ChannelHub,
  kind: ChannelKind,
  names: Iterable<Buffer>,
  listener: MessageReceiver,
): void {
  const { topics } = hub
  for (const name of names) {
    const topic = topics[kind].get(idOf(name))
    if (topic?.listeners.delete(listener) !== true || topic.listeners.size > 0) continue
    topics[kind].delete(idOf(name))
    hub.nameBytes -= topic.name.length + RECORD_BYTES
  }
}

function countsOf({ topics }: ChannelHub): SubscriberCounts {
  const count = (kind: ChannelKind): SubscriberCounts[ChannelKind] =>
    Array.from(topics[kind], ([id, { listeners }]) => [id, listeners.size])
  return { channel: count('channel'), pattern: count('pattern'), shard: count('shard') }
}

function receivers(subscriberCounts: SubscriberCounts, kind: 'channel' | 'shard', channel: Buffer): number {
  const id = idOf(channel)
  let sum = 0
  for (const [name, count] of subscriberCounts[kind]) if (name === id) sum += count
  if (kind === 'shard') return sum
  for (const [pattern, count] of subscriberCounts.pattern)
    if (channelMatcher(Buffer.from(pattern, 'latin1'))(channel)) sum += count
  return sum
}

function receiversHere({ topics }: ChannelHub, kind: 'channel' | 'shard', channel: Buffer): number {
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

/** ChannelKind (1 byte), length of the channel's name (4 bytes), the name, the message. */
function encode(kind: 'channel' | 'shard', channel: Buffer, message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head[0] = kind === 'shard' ? 1 : 0
  head.writeUInt32BE(channel.length, 1)
  return Buffer.concat([head, channel, message])
}

function decode(bytes: Buffer): { kind: 'channel' | 'shard'; channel: Buffer; message: Buffer } {
  const end = 5 + bytes.readUInt32BE(1)
  return {
    kind: bytes[0] === 1 ? 'shard' : 'channel',
    channel: bytes.subarray(5, end),
    message: bytes.subarray(end),
  }
}
