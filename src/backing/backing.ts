import type { Automation } from '../automation/automation.ts'
import type { BackingScript } from './scripts.ts'
import type { BackingArg, BackingCallback, BackingReply, ScriptArg } from './wire.ts'

export {
  type BackingArg,
  type BackingCallback,
  type BackingReply,
  EncodedWords,
  isBackingKey,
  isEncodedWords,
  type ScriptArg,
} from './wire.ts'

/**
 * The backing Redis, wherever its data lies. All keys of an automation are in one slot, so the automation is
 * the route. Invariants, for whatever topology stands behind it:
 * - commands of one automation are run, and answered, in the order in which they were sent;
 * - nothing is queued while the way to the automation's data is down: `unavailable` at once;
 * - nothing is ever sent twice by itself: a write in flight when the way breaks fails with `outcome_unknown`.
 */
export interface Backing {
  /**
   * Connects and checks that the server is recent enough and runs scripts. Throws an Error that says what to
   * do.
   */
  connect(): Promise<void>
  readonly ready: boolean
  /**
   * Writes a key of no automation, to see whether writes are taken at all. Errors: `unavailable`,
   * `outcome_unknown`, or the refusal of the Redis (`backing_refused` with its prefix).
   */
  probe(done: (error: Error | null) => void): void
  /** `major.minor.patch` of the server, known after `connect`. */
  readonly version: string
  /** Called when a link is lost: behind the next one another Redis may answer, with another history. */
  onLoss(listener: () => void): void
  /**
   * Sends a command that changes nothing. Errors: `unavailable`, `backing_refused`, or Redis's own
   * ReplyError.
   */
  read(automation: Automation, command: readonly BackingArg[], done: BackingCallback): void
  /** Runs a script. One that `writes` fails with `outcome_unknown` when the link breaks before its answer. */
  script(
    automation: Automation,
    script: BackingScript,
    writes: boolean,
    keysAndArgs: readonly ScriptArg[],
    done: BackingCallback,
  ): void
  /**
   * A rare command, as a promise; one that `acts` fails with `outcome_unknown` when the link breaks before
   * its answer.
   */
  call(automation: Automation, command: readonly BackingArg[], acts?: boolean): Promise<BackingReply>
  /**
   * A long reply is held in memory and worked on: until what is returned was called, the automation is to ask
   * for no more. Where a backing has no such bound, nothing waits.
   */
  hold?(automation: Automation): () => void
  close(): Promise<void>
}

export type OnMessage = (message: Buffer) => void

/**
 * Messages between the processes, by way of the backing Redis, however many clients wait or listen behind
 * them.
 */
export interface MessageBus {
  /** Told when the way is down: messages are missed until `onReturn`. */
  onLoss(listener: () => void): void
  /** Told when the way is there again after it was down, since messages may have been missed. */
  onReturn(listener: () => void): void
  /** Resolves when what is published from now on will arrive. Rejects with `unavailable`. */
  subscribe(automation: Automation, channel: string, listener: OnMessage): Promise<void>
  unsubscribe(automation: Automation, channel: string, listener: OnMessage): void
  close(): void
}
