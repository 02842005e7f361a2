import { idOf } from '../../lib/id.ts'
import type { OutgoingMessages } from '../messaging/outgoing.ts'
import type { EventClass, WantedEvents } from '../notifications/event-classes.ts'
import { eventMessages } from '../notifications/event-messages.ts'

/** A key that a command changed, in the order in which it first changed them. */
export interface TouchedKey {
  readonly name: Buffer
  readonly existed: boolean
  /** Whether it is there after the command. */
  exists: boolean
}

interface FurtherEvent {
  readonly kind: EventClass
  readonly event: string
  readonly name: Buffer
}

/** What is collected while one command runs. */
interface Collected {
  readonly touched: Map<string, TouchedKey>
  readonly further: FurtherEvent[]
}

/**
 * What the commands of a computation tell of the keys that they change, as Redis's keyspace notifications:
 * the messages go with its commit, in the order of the commands.
 */
export class KeyEvents {
  private readonly wanted: WantedEvents
  private readonly messages: OutgoingMessages
  private collected: Collected | undefined

  constructor(wanted: WantedEvents, messages: OutgoingMessages) {
    this.wanted = wanted
    this.messages = messages
  }

  wants(kind: EventClass): boolean {
    return this.wanted.wants(kind)
  }

  /** Runs a command, and then `tell` with the keys that it changed; `exists` answers for one of them. */
  collect<T>(
    run: () => T,
    exists: (name: Buffer) => boolean,
    tell: (touched: readonly TouchedKey[]) => void,
  ): T {
    const outer = this.collected
    const collected: Collected = { touched: new Map(), further: [] }
    this.collected = collected
    try {
      const result = run()
      const touched = [...collected.touched.values()]
      for (const key of touched) key.exists = exists(key.name)
      tell(touched)
      for (const { kind, event, name } of collected.further) this.emit(kind, event, name)
      return result
    } finally {
      this.collected = outer
    }
  }

  /** The command that runs is about to change the key, which had expired: nobody told of that yet. */
  touch(name: Buffer, existed: boolean, expired: boolean): void {
    if (expired) this.emit('x', 'expired', name)
    const { touched } = this.collected ?? {}
    if (touched?.has(idOf(name)) === false) touched.set(idOf(name), { name, existed, exists: existed })
  }

  /** What the command that runs does besides that for which it is called: told behind that. */
  further(kind: EventClass, event: string, name: Buffer): void {
    this.collected?.further.push({ kind, event, name })
  }

  /** Throws `too_many_notifications`. */
  emit(kind: EventClass, event: string, name: Buffer): void {
    if (!this.wanted.wants(kind)) return
    for (const { channel, message } of eventMessages(this.wanted, event, name))
      this.messages.notify(channel, message)
  }
}
