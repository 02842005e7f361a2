import type { Automation } from '../../automation/automation.ts'
import type { Backing, BackingArg, BackingReply } from '../../backing/backing.ts'
import { MANY } from '../../backing/scripts.ts'
import { type EventSettings, MustCompute } from '../notifications/event-settings.ts'
import { chargeOf, hasOneKeyFirst, type NativeWrite } from './native-write.ts'
import { type Quota, quotaArgs, quotaExceeded } from './quota.ts'
import { changedByLetter, leavesLetter } from './write-letters.ts'
import { NOTHING_WRITTEN, type Written } from './written.ts'

export type WriteDone = (error: Error | null, replies: readonly BackingReply[], written: Written) => void

/** A call of the script is worth some commands; this many share one, and not more bytes than this. */
const MAX_REQUESTS = 128
const MAX_BYTES = 256 * 1024
const MAX_ARGS = 1_000

/**
 * Write requests of one automation that met in one turn of the event loop and go to Redis in one script call,
 * in their order.
 */
export class WriteBatch {
  readonly automation: Automation
  private readonly backing: Backing
  private readonly quota: Quota
  private readonly events: EventSettings
  private readonly leave: (batch: WriteBatch) => void
  private keys: BackingArg[] = []
  private words: BackingArg[] = []
  private waiting: WriteDone[] = []
  private bytes = 0

  constructor(
    automation: Automation,
    backing: Backing,
    quota: Quota,
    events: EventSettings,
    leave: (batch: WriteBatch) => void,
  ) {
    this.events = events
    this.automation = automation
    this.backing = backing
    this.quota = quota
    this.leave = leave
  }

  /**
   * Whether a request may go this way: one command, whose key is its first argument, and which the script can
   * judge by its reply.
   */
  static takes(writes: readonly NativeWrite[]): boolean {
    const [write] = writes
    if (writes.length !== 1 || write === undefined) return false
    const { args, changedBy } = write
    return (
      hasOneKeyFirst(write) &&
      args.length <= MAX_ARGS &&
      changedBy !== 'entries-of-the-key' &&
      changedBy !== 'claimed-entries'
    )
  }

  add({ name, leaves, changedBy, command, args }: NativeWrite, done: WriteDone): void {
    this.keys.push(this.automation.key(name))
    const charge = chargeOf(changedBy, command)
    this.words.push(`${leavesLetter(leaves)}${changedByLetter(changedBy)}${charge}${args.length}`, command)
    for (const arg of args) {
      this.words.push(arg)
      if (typeof arg === 'object') this.bytes += arg.length
    }
    this.waiting.push(done)
    if (this.waiting.length >= MAX_REQUESTS || this.bytes >= MAX_BYTES) this.flush()
  }

  /** Sends what has gathered. */
  flush(): void {
    this.leave(this)
    const { automation, waiting } = this
    if (waiting.length === 0) return
    const args = [
      this.keys.length + 2,
      automation.versionKey,
      automation.indexKey,
      ...this.keys,
      automation.prefix.length,
      ...quotaArgs(this.quota),
      ...this.words,
    ]
    this.keys = []
    this.words = []
    this.waiting = []
    this.backing.script(automation, MANY, true, args, (error, reply) => {
      const [now, events] = (reply ?? []) as BackingReply[]
      if (error === null && now === null) {
        this.events.learn(automation, String(events))
        for (const done of waiting) done(new MustCompute(), [], NOTHING_WRITTEN)
      } else if (error === null) answer(waiting, reply as BackingReply[])
      else for (const done of waiting) done(error, [], NOTHING_WRITTEN)
    })
  }
}

/** In place of a version, in the answer of many.lua. */
const OVER_QUOTA = -1
/** What a request did to its key, if anything. */
const CREATED = 1

function answer(waiting: readonly WriteDone[], reply: readonly BackingReply[]): void {
  const now = Number(reply[0])
  for (const [i, done] of waiting.entries()) {
    const version = reply[3 * i + 2] as number
    if (version === OVER_QUOTA) done(quotaExceeded(reply[3 * i + 1] as BackingReply[]), [], NOTHING_WRITTEN)
    else {
      const effect = reply[3 * i + 3] as number
      const created = effect === CREATED ? 1 : 0
      done(null, [reply[3 * i + 1]!], { version, now, created, changed: effect !== 0 })
    }
  }
}

/** The batches that are being gathered, one for each automation. */
export class WriteBatches {
  private readonly backing: Backing
  private readonly quota: Quota
  private readonly events: EventSettings
  private readonly open = new Map<Automation, WriteBatch>()
  private scheduled = false

  /** `events` is told what a script answers of it. */
  constructor(backing: Backing, quota: Quota, events: EventSettings) {
    this.events = events
    this.backing = backing
    this.quota = quota
  }

  /**
   * Answers the batch that the request is in: anyone who sends something that must come after it flushes the
   * batch first.
   */
  add(automation: Automation, write: NativeWrite, done: WriteDone): WriteBatch {
    let batch = this.open.get(automation)
    if (batch === undefined) {
      batch = new WriteBatch(automation, this.backing, this.quota, this.events, this.leave)
      this.open.set(automation, batch)
    }
    batch.add(write, done)
    if (!this.scheduled) {
      this.scheduled = true
      setImmediate(this.flushAll)
    }
    return batch
  }

  private readonly leave = (batch: WriteBatch): void => {
    if (this.open.get(batch.automation) === batch) this.open.delete(batch.automation)
  }

  private readonly flushAll = (): void => {
    this.scheduled = false
    for (const batch of [...this.open.values()]) batch.flush()
  }
}
