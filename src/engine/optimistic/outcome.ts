import type { BackingArg } from '../../backing/backing.ts'
import type { KvError } from '../../errors/errors.ts'
import { isFinal } from '../idempotency/idempotency-record.ts'
import type { Written } from '../writes/written.ts'
import type { ComputedJob } from './computation.ts'
import type { Job } from './job.ts'

/** What came of one job of a batch. */
export interface Outcome extends ComputedJob {
  readonly job: Job<unknown>
  /** It is that of an earlier request, which left this behind. */
  readonly earlier?: Written
}

/** How long a retry gets the first outcome. */
const OUTCOME_LIFETIME_MS = 24 * 60 * 60 * 1_000

/** Whether it is kept for a retry. */
export const leavesOutcome = ({ job, error, earlier }: Outcome): boolean =>
  job.idempotency !== undefined && earlier === undefined && isFinal(error)

/** See commit.lua. */
export const outcomeArgs = ({ job, error, result, requests, created }: Outcome): BackingArg[] => {
  const { ids } = job.idempotency!
  const sealed = job.idempotency!.seal({ error: error as KvError | null, result, created })
  return [requests, OUTCOME_LIFETIME_MS, sealed, ids.length, ...ids]
}
