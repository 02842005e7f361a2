import type { Job, JobEnvironment, QueuedJob } from './job.ts'
import { JobBatch } from './job-batch.ts'
import { isHeavy } from './remote-compute.ts'

/** More jobs than this wait for the next batch. */
const MAX_BATCH = 256

/**
 * The computed work of one automation in this process: jobs run in the order of their arrival; what arrived
 * while a batch was in flight shares the next one, so that many increments of a hot counter cost one commit.
 * A batch reads the keys at one moment, computes, and commits guarded by the versions of the keys that it
 * read; on a conflict the answer brings the current state, and it computes again. Keys that this process
 * wrote last need not be read.
 */
export class JobQueue {
  private readonly environment: JobEnvironment
  private readonly idle: () => void
  private queue: QueuedJob[] = []
  private running = false

  /** `idle` is called when nothing is left to do. */
  constructor(environment: JobEnvironment, idle: () => void) {
    this.environment = environment
    this.idle = idle
  }

  submit<T>(job: Job<T>): void {
    this.queue.push({
      job: job as Job<unknown>,
      deadline: Date.now() + this.environment.limits.lockTimeoutMs,
    })
    if (this.running) return
    this.running = true
    // What the same chunk of a pipeline brings joins this batch.
    queueMicrotask(() => this.next())
  }

  private next(): void {
    if (this.queue.length === 0) {
      this.running = false
      this.idle()
      return
    }
    const batch = this.queue.splice(0, this.batchSize())
    const finished = (): void => this.next()
    const postpone = (rest: readonly QueuedJob[]): void => {
      this.queue = [...rest, ...this.queue]
    }
    new JobBatch(this.environment, batch, { finished, postpone }).start()
  }

  /** Those that are computed elsewhere do not hold up the others: a batch is of one kind. */
  private batchSize(): number {
    const { queue, environment } = this
    const heavy = isHeavy(environment, queue[0]!.job.remote)
    let size = 1
    while (
      size < Math.min(queue.length, MAX_BATCH) &&
      isHeavy(environment, queue[size]!.job.remote) === heavy
    )
      size++
    return size
  }
}
