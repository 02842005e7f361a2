import type { Automation } from '../../automation/automation.ts'
import type { Backing } from '../../backing/backing.ts'
import type { IdempotencyRecord } from '../idempotency/idempotency-record.ts'
import type { KnownLibraries } from '../libraries/known-libraries.ts'
import type { LibraryNeeds } from '../libraries/library.ts'
import type { ListenerRecords } from '../messaging/listener-records.ts'
import type { EventSettings } from '../notifications/event-settings.ts'
import type { Database, DatabaseLimits } from '../plaintext/database.ts'
import type { Need } from '../plaintext/extent.ts'
import type { InfoSections } from '../plaintext/snapshot.ts'
import type { Quota } from '../writes/quota.ts'
import type { Written } from '../writes/written.ts'
import type { RemoteCompute, RemoteJob } from './remote-compute.ts'
import type { WriteCache } from './write-cache.ts'

/** A piece of work on plaintext: one command, a transaction, a batch. All of it is applied, or nothing. */
export interface Job<T> {
  /** The keys that `run` may look at. */
  readonly needs: readonly Need[]
  /**
   * May run more than once: it must have no effect but on `db`. A KvError thrown rolls its changes back and
   * is its answer.
   */
  run(db: Database): T
  /** The libraries of functions that `run` may look at. */
  readonly libraries?: LibraryNeeds | undefined
  /** The automation's version that this job requires. */
  readonly ifVersion?: number | undefined
  /** The same work for another thread, where that can do it. */
  readonly remote?: RemoteJob | undefined
  /** What INFO tells a script of it. Rejects with `unavailable`. */
  readonly info?: (() => Promise<InfoSections>) | undefined
  readonly isTraced?: boolean
  /** With `isTraced`: what its scripts called, before `done`. */
  readonly traced?: ((calls: readonly (readonly Buffer[])[]) => void) | undefined
  /** Makes it happen once; the result must then survive JSON. */
  readonly idempotency?: IdempotencyRecord | undefined
  done(error: Error | null, result: T | undefined, written: Written): void
}

export interface QueuedJob {
  readonly job: Job<unknown>
  /** Milliseconds since the epoch. */
  readonly deadline: number
}

export interface JobLimits extends DatabaseLimits, Quota {
  /** How long a job is retried when others keep changing its keys. */
  readonly lockTimeoutMs: number
}

/** What the jobs of one automation are run with. */
export interface JobEnvironment {
  readonly automation: Automation
  readonly backing: Backing
  readonly writeCache: WriteCache
  readonly listeners: ListenerRecords
  readonly libraries: KnownLibraries
  readonly events: EventSettings
  readonly limits: JobLimits
  /** Undefined: everything is computed on this thread. */
  readonly remote: RemoteCompute | undefined
  /** Takes programming errors of those who wait for an outcome. */
  readonly report: (error: Error) => void
}
