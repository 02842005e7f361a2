import { KvError } from '../../errors/errors.ts'
import type { Listeners } from './listeners.ts'
import { type Message, sizeOfMessage } from './message.ts'
import { checkChannel } from './topics.ts'

/** Of one job: a script with all that it calls, or a transaction. */
const MAX_MESSAGES = 10_000
const MAX_BYTES = 4 * 1024 * 1024

/** Messages about keys that one job changes, apart from what it publishes itself. */
const MAX_NOTIFICATIONS = 32_768
const MAX_NOTIFICATION_BYTES = 8 * 1024 * 1024

/** When the jobs of a batch publish as much, the others wait for the next one. */
const MANY_BYTES = 1024 * 1024

/**
 * What the jobs of a computation publish, sent by its commit in this order. As with keys, what the current
 * job or a part of it published can be taken back.
 */
export class OutgoingMessages {
  private readonly messages: Message[] = []
  private readonly findListeners: () => Listeners
  private foundListeners: Listeners | undefined
  private bytes = 0
  /** Those of them that tell of keys. */
  private notified = { messages: 0, bytes: 0 }
  /** What there was when the current job began. */
  private before = { messages: 0, bytes: 0, notified: { messages: 0, bytes: 0 } }

  /** `findListeners` throws when it is not known who listens. */
  constructor(findListeners: () => Listeners) {
    this.findListeners = findListeners
  }

  /** Who listens: the commit holds only if that is still so. */
  get listeners(): Listeners {
    this.foundListeners ??= this.findListeners()
    return this.foundListeners
  }

  /** The stamp of the listeners, if any job looked at them. */
  get stamp(): string | undefined {
    return this.foundListeners?.stamp
  }

  get all(): readonly Message[] {
    return this.messages
  }

  get areMany(): boolean {
    return this.bytes > MANY_BYTES
  }

  beginJob(): void {
    this.before = { messages: this.messages.length, bytes: this.bytes, notified: this.notified }
  }

  /** Answers how many get it. Throws `channel_too_long` or `too_much_published`. */
  publish(kind: Message['kind'], channel: Buffer, message: Buffer): number {
    checkChannel(channel)
    const count = this.listeners.receivers(kind, channel)
    const outgoing: Message = { kind, channel, message }
    const bytes = this.bytes + sizeOfMessage(outgoing)
    const { messages, bytes: byteCount } = this.ownSince
    if (messages >= MAX_MESSAGES) throw tooMany('messages', MAX_MESSAGES)
    if (byteCount + sizeOfMessage(outgoing) > MAX_BYTES) throw tooMany('bytes', MAX_BYTES)
    this.messages.push(outgoing)
    this.bytes = bytes
    return count
  }

  /** A message about a key, if anybody may hear it. Throws `too_many_notifications`. */
  notify(channel: Buffer, message: Buffer): void {
    if (!this.listeners.mayHear(channel)) return
    const outgoing: Message = { kind: 'channel', channel, message }
    const notified = {
      messages: this.notified.messages + 1,
      bytes: this.notified.bytes + sizeOfMessage(outgoing),
    }
    const { notified: before } = this.before
    if (notified.messages - before.messages > MAX_NOTIFICATIONS)
      throw new KvError('too_many_notifications', { unit: 'messages', allowed: MAX_NOTIFICATIONS })
    if (notified.bytes - before.bytes > MAX_NOTIFICATION_BYTES)
      throw new KvError('too_many_notifications', { unit: 'bytes', allowed: MAX_NOTIFICATION_BYTES })
    this.notified = notified
    this.messages.push(outgoing)
    this.bytes += sizeOfMessage(outgoing)
  }

  /** What the current job has published itself. */
  private get ownSince(): { messages: number; bytes: number } {
    const { messages, bytes, notified } = this.before
    return {
      messages: this.messages.length - messages - (this.notified.messages - notified.messages),
      bytes: this.bytes - bytes - (this.notified.bytes - notified.bytes),
    }
  }

  /** Runs a part of the current job; what it published is taken back when it throws. */
  attempt<T>(work: () => T): T {
    const { messages, notified } = this
    const { length } = messages
    try {
      return work()
    } catch (error) {
      this.takeBack(length)
      this.notified = notified
      throw error
    }
  }

  /** Takes back what the current job published. */
  rollback(): void {
    this.takeBack(this.before.messages)
    this.notified = this.before.notified
  }

  private takeBack(length: number): void {
    for (const message of this.messages.splice(length)) this.bytes -= sizeOfMessage(message)
  }
}

const tooMany = (unit: 'messages' | 'bytes', allowed: number): KvError =>
  new KvError('too_much_published', { unit, allowed })
