import { randomBytes } from 'node:crypto'
import type { Subscriber } from '../backing/subscriber.ts'
import type { Backing } from '../backing/redis.ts'
import { locations } from '../crypto/location.ts'
import type { Log } from '../log.ts'
import { compileGlob } from '../redis/glob.ts'
import type { Tenant } from './tenant.ts'
import { idOf } from './values.ts'

/** Channels, patterns, and shard channels are three separate worlds, as in Redis. */
export type Kind = 'channel' | 'pattern' | 'shard'

/** Whoever listens: a connection. */
export interface Listener {
  /** `pattern` is set when a pattern matched. */
  deliver(kind: Kind, channel: Buffer, message: Buffer, pattern?: Buffer): void
}

interface Topic {
  readonly name: Buffer
  readonly listeners: Set<Listener>
  readonly matches: (channel: Buffer) => boolean
}

interface Room {
  readonly tenant: Tenant
  readonly topics: Readonly<Record<Kind, Map<string, Topic>>>
  readonly receive: (sealed: Buffer) => void
  readonly opened: Promise<void>
  isOpen: boolean
  /** How many are about to listen: it must not be closed under them. */
  joining: number
  /** The announcement that is being made, and the one after it, which tells of everything that happens until it begins. */
  announcing: Promise<void>
  announcement: Promise<void> | undefined
}

/** One process's listeners as the others see them: name -> number of listeners, by kind. Names are latin1 identities. */
type Census = Readonly<Record<Kind, ReadonlyArray<readonly [id: string, count: number]>>>

const KINDS: readonly Kind[] = ['channel', 'pattern', 'shard']
/** How long a process's census is believed, and how often it is renewed: a dead process is forgotten in this time. */
const CENSUS_MS = 9_000
const RENEW_MS = 3_000

/**
 * Pub/sub of all automations. All messages of one automation go through one channel of the backing Redis, sealed together with the
 * name of their channel, and are told apart here: so the backing Redis sees neither, and one connection is enough for any number of
 * listeners. How many listeners there are in other processes is read from what each of them keeps in the backing Redis.
 */
export class PubSub {
  private readonly backing: Backing
  private readonly subscriber: Subscriber
  private readonly log: Log
  /** Under which the others know of the listeners here. */
  private readonly id = randomBytes(16).toString('hex')
  private readonly rooms = new Map<string, Room>()
  private readonly renewal: NodeJS.Timeout
  /** Announcements that nobody waits for. */
  private readonly leaving = new Set<Promise<void>>()

  constructor(backing: Backing, subscriber: Subscriber, log: Log) {
    this.backing = backing
    this.subscriber = subscriber
    this.log = log
    subscriber.onReturn(() => this.renew())
    this.renewal = setInterval(() => this.renew(), RENEW_MS)
    this.renewal.unref()
  }

  /** What was announced before is on its way when this resolves. */
  async close(): Promise<void> {
    clearInterval(this.renewal)
    await Promise.allSettled([...this.leaving, ...Array.from(this.rooms.values(), ({ announcing }) => announcing)])
  }

  /**
   * Resolves when what is published from now on will arrive; a message may be delivered before that. Rejects with `unavailable`: then
   * nothing is delivered.
   */
  async subscribe(tenant: Tenant, kind: Kind, names: readonly Buffer[], listener: Listener): Promise<void> {
    const room = this.roomOf(tenant)
    room.joining++
    try {
      await room.opened
      addTopics(room, kind, names, listener)
      await this.announce(room)
    } catch (error) {
      deleteTopics(room, kind, names, listener)
      throw error
    } finally {
      room.joining--
      this.closeIfEmpty(room)
    }
  }

  unsubscribe(tenant: Tenant, kind: Kind, names: Iterable<Buffer>, listener: Listener): void {
    const room = this.rooms.get(tenant.id)
    if (room === undefined) return
    deleteTopics(room, kind, names, listener)
    this.closeIfEmpty(room)
    // Whoever counts meanwhile counts some too many, as Redis may for a client that just left.
    const told = this.announce(room).catch(() => {})
    this.leaving.add(told)
    void told.then(() => this.leaving.delete(told))
  }

  /** Answers how many listeners get the message. They are counted before it is sent, so that whoever was counted gets it. */
  async publish(tenant: Tenant, kind: 'channel' | 'shard', channel: Buffer, message: Buffer): Promise<number> {
    const sealed = tenant.sealer.seal(locations.message(''), encode(kind, channel, message), false)
    const room = this.rooms.get(tenant.id)
    const here = room === undefined ? 0 : receiversHere(room, kind, channel)
    const isOpen = room?.isOpen === true
    const counting = this.backing.call(['HGETALL', tenant.listenersKey])
    // Whether the message was sent is told by the other one.
    counting.catch(() => {})
    const processes = (await this.backing.call(['PUBLISH', tenant.messageChannel, sealed], true)) as number
    if (processes === 0) return 0
    if (processes === 1 && isOpen) return here
    return this.otherCensuses(tenant, (await counting) as Buffer[]).reduce((sum, census) => sum + receivers(census, kind, channel), here)
  }

  /** Every listener of the automation, in all processes: name -> number. */
  async census(tenant: Tenant, kind: Kind): Promise<Map<string, number>> {
    const room = this.rooms.get(tenant.id)
    const sum = new Map<string, number>()
    const records = (await this.backing.call(['HGETALL', tenant.listenersKey])) as Buffer[]
    for (const census of [...(room === undefined ? [] : [censusOf(room)]), ...this.otherCensuses(tenant, records)]) {
      for (const [id, count] of census[kind]) sum.set(id, (sum.get(id) ?? 0) + count)
    }
    return sum
  }

  private roomOf(tenant: Tenant): Room {
    const known = this.rooms.get(tenant.id)
    if (known !== undefined) return known
    const receive = (sealed: Buffer): void => this.receive(room, sealed)
    const room: Room = {
      tenant,
      topics: { channel: new Map(), pattern: new Map(), shard: new Map() },
      receive,
      opened: this.subscriber.subscribe(tenant.messageChannel, receive).then(() => {
        room.isOpen = true
      }),
      isOpen: false,
      joining: 0,
      announcing: Promise.resolve(),
      announcement: undefined,
    }
    this.rooms.set(tenant.id, room)
    return room
  }

  private closeIfEmpty(room: Room): void {
    const { tenant, topics } = room
    if (this.rooms.get(tenant.id) !== room || room.joining > 0 || KINDS.some((kind) => topics[kind].size > 0)) return
    this.rooms.delete(tenant.id)
    this.subscriber.unsubscribe(tenant.messageChannel, room.receive)
  }

  private receive({ tenant, topics }: Room, sealed: Buffer): void {
    let decoded: ReturnType<typeof decode>
    try {
      decoded = decode(tenant.sealer.open(locations.message(''), sealed).bytes)
    } catch {
      this.log.error({ automation: tenant.id }, 'a published message could not be opened')
      return
    }
    const { kind, channel, message } = decoded
    for (const listener of topics[kind].get(idOf(channel))?.listeners ?? []) listener.deliver(kind, channel, message)
    if (kind === 'shard') return
    for (const { name, listeners, matches } of topics.pattern.values()) {
      if (matches(channel)) for (const listener of listeners) listener.deliver('pattern', channel, message, name)
    }
  }

  /** Tells the other processes who listens here. Many who come at once are announced together. */
  private announce(room: Room): Promise<void> {
    room.announcement ??= room.announcing
      .catch(() => {})
      .then(() => {
        room.announcement = undefined
        room.announcing = this.tell(room.tenant)
        return room.announcing
      })
    return room.announcement
  }

  private async tell(tenant: Tenant): Promise<void> {
    const room = this.rooms.get(tenant.id)
    if (room === undefined || KINDS.every((kind) => room.topics[kind].size === 0)) {
      await this.backing.call(['HDEL', tenant.listenersKey, this.id])
      return
    }
    const record = Buffer.from(JSON.stringify({ at: Date.now(), ...censusOf(room) }))
    const sealed = tenant.sealer.seal(locations.record('listeners'), record, true)
    await Promise.all([
      this.backing.call(['HSET', tenant.listenersKey, this.id, sealed]),
      this.backing.call(['PEXPIRE', tenant.listenersKey, CENSUS_MS]),
    ])
  }

  private renew(): void {
    for (const room of this.rooms.values()) {
      // A link that is down is renewed in the next turn.
      this.announce(room).catch(() => {})
    }
  }

  /** `records` = the automation's listeners key: ids of processes and their sealed censuses in turn. */
  private otherCensuses(tenant: Tenant, records: readonly Buffer[]): Census[] {
    const censuses: Census[] = []
    const dead: Buffer[] = []
    for (let i = 0; i < records.length; i += 2) {
      if (records[i]!.toString('latin1') === this.id) continue
      const record = JSON.parse(tenant.sealer.open(locations.record('listeners'), records[i + 1]!).bytes.toString()) as Census & { at: number }
      if (record.at > Date.now() - CENSUS_MS) censuses.push(record)
      else dead.push(records[i]!)
    }
    // Others renew the key, so what a dead process left in it would last.
    if (dead.length > 0) this.backing.read(['HDEL', tenant.listenersKey, ...dead], () => {})
    return censuses
  }
}

function addTopics({ topics }: Room, kind: Kind, names: readonly Buffer[], listener: Listener): void {
  for (const name of names) {
    const id = idOf(name)
    const topic = topics[kind].get(id)
    if (topic !== undefined) topic.listeners.add(listener)
    else topics[kind].set(id, { name, listeners: new Set([listener]), matches: kind === 'pattern' ? channelMatcher(name) : () => false })
  }
}

function deleteTopics({ topics }: Room, kind: Kind, names: Iterable<Buffer>, listener: Listener): void {
  for (const name of names) {
    const topic = topics[kind].get(idOf(name))
    if (topic?.listeners.delete(listener) === true && topic.listeners.size === 0) topics[kind].delete(idOf(name))
  }
}

function censusOf({ topics }: Room): Census {
  const count = (kind: Kind): Census[Kind] => Array.from(topics[kind], ([id, { listeners }]) => [id, listeners.size])
  return { channel: count('channel'), pattern: count('pattern'), shard: count('shard') }
}

function receivers(census: Census, kind: 'channel' | 'shard', channel: Buffer): number {
  const id = idOf(channel)
  let sum = 0
  for (const [name, count] of census[kind]) if (name === id) sum += count
  if (kind === 'shard') return sum
  for (const [pattern, count] of census.pattern) if (channelMatcher(Buffer.from(pattern, 'latin1'))(channel)) sum += count
  return sum
}

function receiversHere({ topics }: Room, kind: 'channel' | 'shard', channel: Buffer): number {
  let sum = topics[kind].get(idOf(channel))?.listeners.size ?? 0
  if (kind === 'shard') return sum
  for (const { matches, listeners } of topics.pattern.values()) if (matches(channel)) sum += listeners.size
  return sum
}

/** As for keys, but for the empty channel, which only the empty pattern matches (stringmatchlen has no special case for `*`). */
export function channelMatcher(pattern: Buffer): (channel: Buffer) => boolean {
  const matches = compileGlob(pattern)
  return (channel) => (channel.length === 0 ? pattern.length === 0 : matches(channel))
}

/** Kind (1 byte), length of the channel's name (4 bytes), the name, the message. */
function encode(kind: 'channel' | 'shard', channel: Buffer, message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head[0] = kind === 'shard' ? 1 : 0
  head.writeUInt32BE(channel.length, 1)
  return Buffer.concat([head, channel, message])
}

function decode(bytes: Buffer): { kind: 'channel' | 'shard'; channel: Buffer; message: Buffer } {
  const end = 5 + bytes.readUInt32BE(1)
  return { kind: bytes[0] === 1 ? 'shard' : 'channel', channel: bytes.subarray(5, end), message: bytes.subarray(end) }
}
