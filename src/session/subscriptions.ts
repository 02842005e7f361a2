import type { Automation } from '../automation/automation.ts'
import type { PubSub } from '../engine/messaging/pubsub.ts'
import { type ChannelKind, checkChannel, type MessageReceiver } from '../engine/messaging/topics.ts'
import { KvError } from '../errors/errors.ts'
import type { Holder } from '../fair-share/held-bytes.ts'
import { idOf } from '../lib/id.ts'
import { PushReply } from '../reply/reply.ts'

/** Messages that come before a subscription is confirmed are kept up to this size together. */
const MAX_EARLY_BYTES = 8 * 1024 * 1024

/** Of a listener, beside the name. */
const LISTENER_BYTES = 256

const bytesOf = (names: readonly Buffer[]): number =>
  names.reduce((sum, { length }) => sum + length + LISTENER_BYTES, 0)

const distinct = (names: readonly Buffer[]): Buffer[] => [
  ...new Map(names.map((name) => [idOf(name), name])).values(),
]

/** Whose subscriptions they are. */
interface Subscriber {
  readonly automation: Automation | undefined
  readonly context: { readonly pubsub: PubSub }
  /** What is held for it, counted. */
  readonly memory: Holder
  readonly isOpen: boolean
  readonly push: (message: PushReply) => void
}

/** Names that a connection is about to listen to, and their messages until then. */
interface Joining {
  readonly kind: ChannelKind
  readonly ids: ReadonlySet<string>
  readonly early: PushReply[]
  bytes: number
}

/** What one connection listens to: latin1 identity -> name. */
export class Subscriptions implements MessageReceiver, Readonly<Record<ChannelKind, Map<string, Buffer>>> {
  readonly channel = new Map<string, Buffer>()
  readonly pattern = new Map<string, Buffer>()
  readonly shard = new Map<string, Buffer>()
  private readonly subscriber: Subscriber
  /** A client must not get a message before the confirmation. */
  private joining: Joining | undefined

  constructor(subscriber: Subscriber) {
    this.subscriber = subscriber
  }

  get count(): number {
    return this.channel.size + this.pattern.size + this.shard.size
  }

  /**
   * Begins to listen. Resolves with the messages that came before everything was announced, since their
   * publishers counted this listener; rejects with `unavailable`.
   */
  async listen(kind: ChannelKind, names: readonly Buffer[]): Promise<PushReply[]> {
    const { subscriber } = this
    const own = this[kind]
    const added = distinct(names).filter((name) => !own.has(idOf(name)))
    if (added.length === 0) return []
    added.forEach(checkChannel)
    const bytes = bytesOf(added)
    subscriber.memory.take(bytes)
    const joining: Joining = { kind, ids: new Set(added.map(idOf)), early: [], bytes: 0 }
    this.joining = joining
    try {
      await subscriber.context.pubsub.subscribe(subscriber.automation!, kind, added, this)
    } catch (error) {
      subscriber.memory.give(bytes)
      throw error
    } finally {
      this.joining = undefined
    }
    if (joining.bytes > MAX_EARLY_BYTES) {
      this.leave(kind, added)
      throw new KvError('unavailable')
    }
    for (const name of added) own.set(idOf(name), name)
    // It may have gone meanwhile: nobody would unsubscribe it then.
    if (!subscriber.isOpen) this.end()
    return joining.early
  }

  /** Ends the listening to names that it listens to. */
  leave(kind: ChannelKind, names: readonly Buffer[]): void {
    const { memory, context, automation } = this.subscriber
    const known = distinct(names)
    memory.give(bytesOf(known))
    context.pubsub.unsubscribe(automation!, kind, known, this)
  }

  /** It listens to nothing any more. */
  end(): void {
    for (const kind of ['channel', 'pattern', 'shard'] as const) {
      const own = this[kind]
      if (own.size > 0) this.leave(kind, [...own.values()])
      own.clear()
    }
  }

  deliver(kind: ChannelKind, channel: Buffer, message: Buffer, pattern?: Buffer): void {
    const push =
      pattern === undefined
        ? new PushReply([kind === 'shard' ? 'smessage' : 'message', channel, message])
        : new PushReply(['pmessage', pattern, channel, message])
    const id = idOf(pattern ?? channel)
    const { joining } = this
    if (this[kind].has(id)) this.subscriber.push(push)
    else if (joining?.kind === kind && joining.ids.has(id)) {
      joining.bytes += message.length
      if (joining.bytes <= MAX_EARLY_BYTES) joining.early.push(push)
    }
  }
}
