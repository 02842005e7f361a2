import type { Automation } from '../../../automation/automation.ts'
import type { BackingArg, BackingReply } from '../../../backing/backing.ts'
import { kindOf, refusalOf } from '../../../backing/wire.ts'
import { type LiveKey, liveKeys } from '../../../commands/generic/keyspace.ts'
import type { DocumentJobName } from '../../../documents/document-jobs.ts'
import type { IdempotencyRecord } from '../../../engine/idempotency/idempotency-record.ts'
import { MustCompute } from '../../../engine/notifications/event-settings.ts'
import type { Database } from '../../../engine/plaintext/database.ts'
import type { Need } from '../../../engine/plaintext/extent.ts'
import type { Store } from '../../../engine/store.ts'
import type { NativeWrite } from '../../../engine/writes/native-write.ts'
import type { Quota, Usage } from '../../../engine/writes/quota.ts'
import type { Written } from '../../../engine/writes/written.ts'

/** Redis found another type under the key than the native command works on. */
export const WRONG_TYPE = Symbol('WRONGTYPE')

/** The write has to be computed: the automation wants to be told of its events. */
export const MUST_COMPUTE = Symbol('MUST_COMPUTE')

const isWrongType = (error: Error): boolean => kindOf(error) === 'WRONGTYPE'

export interface ComputeOptions {
  /** Makes it happen once. */
  readonly idempotency?: IdempotencyRecord
  /** The same work for another thread: see DOCUMENT_JOBS. */
  readonly document?: { readonly name: DocumentJobName; readonly args: readonly Buffer[] } | undefined
}

/**
 * The three ways to the data, as promises. Whatever goes wrong rejects; a programming error in `run` never
 * reaches the job queue.
 */
export class AsyncStore {
  private readonly store: Store

  constructor(store: Store) {
    this.store = store
  }

  read(automation: Automation, command: readonly BackingArg[]): Promise<BackingReply | typeof WRONG_TYPE> {
    return new Promise((resolve, reject) => {
      this.store.read(automation, command, (error, reply) => {
        if (error === null) resolve(reply)
        else if (isWrongType(error)) resolve(WRONG_TYPE)
        else reject(error)
      })
    })
  }

  get limits(): Quota {
    return this.store.limits
  }

  usage(automation: Automation): Promise<Usage> {
    return this.store.usage(automation)
  }

  liveKeys(automation: Automation): Promise<LiveKey[]> {
    return liveKeys(this.store, automation)
  }

  /** One native command as one write request. */
  write(
    automation: Automation,
    operation: NativeWrite,
    ifVersion?: number,
  ): Promise<{ reply: BackingReply; written: Written } | typeof WRONG_TYPE | typeof MUST_COMPUTE> {
    if (this.store.tellsEvents(automation)) return Promise.resolve(MUST_COMPUTE)
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, [reply = null]: readonly BackingReply[], written: Written): void => {
        if (error instanceof MustCompute) resolve(MUST_COMPUTE)
        else if (error !== null) reject(error)
        else if (!(reply instanceof Error)) resolve({ reply, written })
        else if (isWrongType(reply)) resolve(WRONG_TYPE)
        else reject(refusalOf(reply) ?? reply)
      }
      this.store.write(automation, [operation], done, ifVersion)
    })
  }

  /**
   * `written.version` is the automation's version when `run` is through, whether it changed anything or not.
   */
  compute<T>(
    automation: Automation,
    needs: readonly Need[],
    run: (db: Database) => T,
    ifVersion?: number,
    { idempotency, document }: ComputeOptions = {},
  ): Promise<{ result: T; written: Written }> {
    return new Promise((resolve, reject) => {
      this.store.compute(automation, {
        needs,
        run,
        ifVersion,
        idempotency,
        remote: document && { type: 'document', isHeavy: false, reconsider: () => {}, ...document },
        done: (error, result, written) => {
          if (error === null) resolve({ result: result as T, written })
          else reject(error)
        },
      })
    })
  }
}
