import type { Automation } from '../../automation/automation.ts'
import type { Backing, BackingReply, MessageBus } from '../../backing/backing.ts'
import { PUBLISH } from '../../backing/scripts.ts'
import type { Turns } from '../../fair-share/turns.ts'
import { Fifo } from '../../lib/fifo.ts'
import { idOf } from '../../lib/id.ts'
import { LIVENESS } from '../../lib/liveness.ts'
import type { Log } from '../../observability/log.ts'
import { ExpiredKeys } from './expired-keys.ts'
import { type ListenerRecords, NO_STAMP } from './listener-records.ts'
import { type Message, openMessages, sealMessages, sizeOfMessage } from './message.ts'
import {
  addTopics,
  type ChannelKind,
  checkChannel,
  checkNames,
  deleteTopics,
  isEmpty,
  type MessageReceiver,
  receiversHere,
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
  /** What has arrived and is not delivered yet, in order. */
  readonly arrived: Fifo<Message>
  arrivedBytes: number
  /** The next part is scheduled. */
  isDelivering: boolean
}

/** So many are delivered before another automation may have its turn. */
const MESSAGES_A_PART = 64
/** With more bytes than this waiting, all of it is delivered at once. */
const MAX_ARRIVED_BYTES = 4 * 1024 * 1024

/**
 * Pub/sub of all automations. All messages of one automation go through one channel of the backing Redis,
 * sealed together with the name of their channel, and are told apart here: so the backing Redis sees neither,
 * and one connection is enough for any number of listeners. Who listens in other processes is read from the
 * records that each of them keeps in the backing Redis.
 */
export class PubSub {
  private readonly backing: Backing
  private readonly bus: MessageBus
  private readonly records: ListenerRecords
  private readonly turns: Turns
  private readonly log: Log
  private readonly hubs = new Map<string, ChannelHub>()
  private readonly expired: ExpiredKeys
  private readonly renewal: NodeJS.Timeout
  /** Announcements that nobody waits for. */
  private readonly leaving = new Set<Promise<void>>()

  constructor(backing: Backing, bus: MessageBus, records: ListenerRecords, turns: Turns, log: Log) {
    this.backing = backing
    this.bus = bus
    this.records = records
    this.turns = turns
    this.log = log
    const failed = ({ name }: Error): void => log.error({ reason: name }, 'looking for expired keys failed')
    this.expired = new ExpiredKeys(backing, records, failed)
    bus.onReturn(() => this.renew())
    this.renewal = setInterval(() => this.renew(), LIVENESS.renewMs)
    this.renewal.unref()
  }

  /** What was announced before is on its way when this resolves. */
  async close(): Promise<void> {
    clearInterval(this.renewal)
    this.expired.close()
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
   * Answers how many listeners get the message: those in other processes at the moment at which it is sent,
   * those here just before, so that anyone who was counted gets it.
   */
  async publish(
    automation: Automation,
    kind: 'channel' | 'shard',
    channel: Buffer,
    message: Buffer,
  ): Promise<number> {
    checkChannel(channel)
    const [sealed] = sealMessages(automation, [{ kind, channel, message }])
    const hub = this.hubs.get(automation.id)
    const here = hub === undefined ? 0 : receiversHere(hub.topics, kind, channel)
    const isOpen = hub?.isOpen === true
    const known = this.records.remembered(automation)
    const args = [
      ...[2, automation.versionKey, automation.indexKey, automation.prefix.length],
      ...[sealed!, known?.stamp ?? NO_STAMP],
    ]
    const [processes, stamp, records] = await new Promise<BackingReply[]>((resolve, reject) => {
      this.backing.script(automation, PUBLISH, true, args, (error, reply) =>
        error === null ? resolve(reply as BackingReply[]) : reject(error),
      )
    })
    const now =
      records === undefined ? known : this.records.learn(automation, String(stamp), records as Buffer[])
    // A process that has just died may have left its record.
    if (processes === 0) return 0
    if (processes === 1 && isOpen) return here
    return here + now!.receiversElsewhere(kind, channel)
  }

  /** Every listener of the automation, in all processes: name -> number. */
  async subscriberCounts(automation: Automation, kind: ChannelKind): Promise<Map<string, number>> {
    return (await this.records.load(automation)).numbers(kind)
  }

  private hubOf(automation: Automation): ChannelHub {
    const known = this.hubs.get(automation.id)
    if (known !== undefined) return known
    const receive = (sealed: Buffer): void => this.receive(hub, sealed)
    const topics: Topics = { channel: new Map(), pattern: new Map(), shard: new Map(), nameBytes: 0 }
    const hub: ChannelHub = {
      automation,
      topics,
      receive,
      opened: this.bus.subscribe(automation, automation.messageChannel, receive).then(() => {
        hub.isOpen = true
      }),
      isOpen: false,
      joining: 0,
      announcing: Promise.resolve(),
      announcement: undefined,
      arrived: new Fifo(),
      arrivedBytes: 0,
      isDelivering: false,
    }
    this.hubs.set(automation.id, hub)
    this.records.keep(automation, topics)
    return hub
  }

  private closeIfEmpty(hub: ChannelHub): void {
    const { automation, topics } = hub
    if (this.hubs.get(automation.id) !== hub || hub.joining > 0 || !isEmpty(topics)) return
    this.hubs.delete(automation.id)
    this.records.drop(automation)
    this.expired.drop(automation)
    this.bus.unsubscribe(automation, automation.messageChannel, hub.receive)
  }

  /** A script may send many at once: these are delivered in the automation's turns. */
  private receive(hub: ChannelHub, sealed: Buffer): void {
    const { automation, arrived } = hub
    let messages: Message[]
    try {
      messages = openMessages(automation, sealed)
    } catch {
      this.log.error({ automation: automation.id }, 'a published message could not be opened')
      return
    }
    for (const message of messages) {
      arrived.push(message)
      hub.arrivedBytes += sizeOfMessage(message)
    }
    if (hub.arrivedBytes > MAX_ARRIVED_BYTES) this.deliverSome(hub, arrived.size)
    else if (!hub.isDelivering)
      this.turns.inParts(this.turns.lineOf(automation.id), () => this.deliverSome(hub, MESSAGES_A_PART))
  }

  /** Whether more are left. A fault of a listener ends the part; the rest goes with what arrives next. */
  private deliverSome(hub: ChannelHub, most: number): boolean {
    const { arrived, topics } = hub
    hub.isDelivering = false
    for (let i = 0; i < most; i++) {
      const message = arrived.shift()
      if (message === undefined) break
      hub.arrivedBytes -= sizeOfMessage(message)
      deliver(topics, message)
    }
    hub.isDelivering = arrived.size > 0
    return hub.isDelivering
  }

  /** Tells the other processes who listens here. Many who come at once are announced together. */
  private announce(hub: ChannelHub): Promise<void> {
    hub.announcement ??= hub.announcing
      .catch(() => {})
      .then(() => {
        hub.announcement = undefined
        hub.announcing = this.records.announce(hub.automation).then(() => this.watch(hub.automation))
        return hub.announcing
      })
    return hub.announcement
  }

  /** The automation may want to be told of other events than before, of which only this process knows yet. */
  watch(automation: Automation): void {
    if (this.hubs.has(automation.id)) this.expired.keep(automation)
  }

  private renew(): void {
    for (const hub of this.hubs.values()) {
      // A link that is down is renewed in the next turn.
      this.announce(hub).catch(() => {})
    }
  }
}

function deliver(topics: Topics, { kind, channel, message }: Message): void {
  for (const listener of topics[kind].get(idOf(channel))?.listeners ?? [])
    listener.deliver(kind, channel, message)
  if (kind === 'shard') return
  for (const { name, listeners, matches } of topics.pattern.values()) {
    if (matches(channel))
      for (const listener of listeners) listener.deliver('pattern', channel, message, name)
  }
}
