import type { Database } from '../plaintext/database.ts'
import type { IdempotencyRecord } from '../idempotency/idempotency-record.ts'
import type { Need } from '../plaintext/snapshot.ts'

/** What a write request left behind. */
export interface Written {
  /** The automation's version after it. */
  readonly version: number
  /** The backing Redis's clock, milliseconds since the epoch. */
  readonly now: number
  /** How many keys it created. */
  readonly created: number
}

/** For a request that failed. */
export const NOTHING_WRITTEN: Written = { version: 0, now: 0, created: 0 }

/** A piece of work on plaintext: one command, a transaction, a batch. All of it is applied, or nothing. */
export interface Job<T> {
  /** The keys that `run` may look at. */
  readonly needs: readonly Need[]
  /** May run more than once: it must have no effect but on `db`. A KvError thrown rolls its changes back and is its answer. */
  run(db: Database): T
  /** The automation's version that this job requires. */
  readonly ifVersion?: number | undefined
  /** Makes it happen once; the result must then survive JSON. */
  readonly idempotency?: IdempotencyRecord | undefined
  done(error: Error | null, result: T | undefined, written: Written): void
}

export interface QueuedJob {
  readonly job: Job<unknown>
  /** Milliseconds since the epoch. */
  readonly deadline: number
}

export interface JobLimits {
  readonly maxKeys: number
  /** How long a job is retried when others keep changing its keys. */
  readonly lockTimeoutMs: number
}
