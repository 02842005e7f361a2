import type { BackingArg } from '../../backing/backing.ts'
import type { KvError } from '../../errors/errors.ts'
import { isFinal } from '../idempotency/idempotency-record.ts'
import type { KeptOutcomes } from '../idempotency/kept-outcomes.ts'
import { NOTHING_WRITTEN, type Written } from '../writes/written.ts'
import type { Computation, ComputedJob } from './computation.ts'
import type { Job, JobEnvironment, QueuedJob } from './job.ts'

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

/** When the jobs of a batch took so long to compute, the others wait for the next one, as sockets do. */
const MAX_COMPUTE_MS = 5

/** Of as many jobs as there is time for, at least one. */
export function outcomesOf(
  batch: readonly QueuedJob[],
  computation: Computation,
  kept: KeptOutcomes,
): Outcome[] {
  const outcomes: Outcome[] = []
  const begun = new Set<string>()
  const late = performance.now() + MAX_COMPUTE_MS
  for (const { job } of batch) {
    const earlier = kept.of(job.idempotency)
    if (earlier === undefined) {
      // Of two requests with one idempotency key the second finds in the next batch what the first leaves.
      const id = job.idempotency?.ids[0]
      if (id !== undefined && begun.has(id)) break
      if (id !== undefined) begun.add(id)
      outcomes.push({ job, ...computation.run(job) })
    } else {
      const { written, ...outcome } = earlier
      outcomes.push({ job, ...outcome, requests: computation.requests, earlier: written })
    }
    if (performance.now() > late || computation.db.messages.areMany) break
  }
  return outcomes
}

/** Of jobs whose batch is through: `versionBefore` is the automation's version until then. */
export function answerJobs(
  environment: JobEnvironment,
  outcomes: readonly Outcome[],
  versionBefore: number,
  now: number,
): void {
  let before = 0
  for (const { job, error, result, requests, created, earlier, calls } of outcomes) {
    if (calls !== undefined && calls.length > 0) job.traced?.(calls)
    const written = earlier ?? { version: versionBefore + requests, now, created, changed: requests > before }
    before = requests
    answerJob(environment, job, error, result, written)
  }
}

/** What goes wrong in a caller with its outcome is no other caller's: nobody may be answered twice for it. */
export function answerJob(
  { report }: JobEnvironment,
  job: Job<unknown>,
  error: Error | null,
  result: unknown = undefined,
  written: Written = NOTHING_WRITTEN,
): void {
  try {
    job.done(error, result, written)
  } catch (fault) {
    report(fault as Error)
  }
}
