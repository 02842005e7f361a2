import { randomBytes } from 'node:crypto'
import type { Automation } from '../../automation/automation.ts'
import { locations } from '../../automation/location.ts'
import type { Backing, MessageBus } from '../../backing/backing.ts'
import { LIVENESS } from '../../lib/liveness.ts'
import type { Log } from '../../observability/log.ts'
import { idOf } from '../plaintext/id.ts'
import { decodeMessage, encodeMessage } from './message.ts'
import {
  addTopics,
  type ChannelKind,
  checkChannel,
  checkNames,
  countsOf,
  deleteTopics,
  type MessageReceiver,
  receivers,
  receiversHere,
  type SubscriberCounts,
  type Topics,
} from './topics.ts'

interface ChannelHub {
  readonly automation: Automation
  readonly topics: Topics
  readonly receive: (sealed: Buffer) => void
  readonly opened: Promise<void>
  isOpen: boolean
  /** How many are about to listen: it must not be closed under them. */
  joining: number
  /**
   * The announcement that is being made, and the one after it, which tells of everything that happens until
   * it begins.
   */
  announcing: Promise<void>
  announcement: Promise<void> | undefined
}

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
      checkNames(hub.topics, kind, names)
      addTopics(hub.topics, kind, names, listener)
      await this.announce(hub)
    } catch (error) {
      deleteTopics(hub.topics, kind, names, listener)
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
    deleteTopics(hub.topics, kind, names, listener)
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
    const sealed = automation.sealer.seal(locations.message(''), encodeMessage(kind, channel, message), false)
    const hub = this.hubs.get(automation.id)
    const here = hub === undefined ? 0 : receiversHere(hub.topics, kind, channel)
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
      ...(hub === undefined ? [] : [countsOf(hub.topics)]),
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
      topics: { channel: new Map(), pattern: new Map(), shard: new Map(), nameBytes: 0 },
      receive,
      opened: this.bus.subscribe(automation, automation.messageChannel, receive).then(() => {
        hub.isOpen = true
      }),
      isOpen: false,
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
    let decoded: ReturnType<typeof decodeMessage>
    try {
      decoded = decodeMessage(automation.sealer.open(locations.message(''), sealed).bytes)
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
    const record = Buffer.from(JSON.stringify({ at: Date.now(), ...countsOf(hub.topics) }))
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
