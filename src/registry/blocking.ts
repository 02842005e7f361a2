import type { Database } from '../engine/plaintext/database.ts'
import type { Reply } from '../reply/reply.ts'
import type { Call } from './context.ts'

/** How a command waits when there is nothing to answer. */
export interface Blocking {
  /**
   * Milliseconds, 0 without an end; undefined when this call does not wait (XREAD without BLOCK). Throws for
   * a wrong timeout.
   */
  readonly timeoutMs: (args: readonly Buffer[]) => number | undefined
  /** The keys that it waits at. */
  readonly keys: (args: readonly Buffer[]) => readonly Buffer[]
  /**
   * Clients of one competition take from each other: where one finds nothing, neither does the next.
   * Undefined: it takes nothing away.
   */
  readonly competition: (args: readonly Buffer[]) => string | undefined
  /**
   * The answer, undefined when there is nothing; `direct`: the command itself, which answers the null array
   * then. `woken`: it has been tried before, and looks only at these keys, in this order; one of another type
   * is as good as empty then.
   */
  readonly attempt:
    | ((db: Database, args: readonly Buffer[], woken: readonly Buffer[] | undefined) => Reply | undefined)
    | 'direct'
  /** For `direct`: the same request for one of its keys. */
  readonly at?: (args: readonly Buffer[], name: Buffer) => readonly Buffer[]
  /**
   * For `direct`: the answer when a key that it waits at has gone or is of another type; without it the
   * waiting goes on.
   */
  readonly whenKeyIsGone?: (db: Database, name: Buffer) => Reply
  /** Replaces arguments that mean the moment of the call (the `$` of XREAD). */
  readonly prepare?: (call: Call) => Promise<readonly Buffer[]>
}
