import type { Backing } from '../../backing/single-node.ts'
import type { Job, JobLimits, QueuedJob } from './job.ts'
import type { WriteCache } from './write-cache.ts'
import { JobBatch } from './job-batch.ts'
import type { Automation } from '../../automation/automation.ts'

/** More jobs than this wait for the next round. */
const MAX_BATCH = 256
/**
 * The computed work of one automation in this process: jobs run in the order of their arrival; whatever arrived while a round was in
 * flight shares the next one, so that many increments of a hot counter cost one commit. A round reads the keys at one moment, computes, and
 * commits guarded by the versions of the keys that it read; on a conflict the answer brings the current state, and it computes again. Keys that
 * this process wrote last need not be read.
 */
export class JobQueue {
  private readonly automation: Automation
  private readonly backing: Backing
  private readonly writeCache: WriteCache
  private readonly limits: JobLimits
  private readonly idle: () => void
  private queue: QueuedJob[] = []
  private running = false

  /** `idle` is called when nothing is left to do. */
  constructor(automation: Automation, backing: Backing, writeCache: WriteCache, limits: JobLimits, idle: () => void) {
    this.automation = automation
    this.backing = backing
    this.writeCache = writeCache
    this.limits = limits
    this.idle = idle
  }

  submit<T>(job: Job<T>): void {
    this.queue.push({ job: job as Job<unknown>, deadline: Date.now() + this.limits.lockTimeoutMs })
    if (this.running) return
    this.running = true
    // What the same chunk of a pipeline brings joins this round.
    queueMicrotask(() => this.next())
  }

  private next(): void {
    if (this.queue.length === 0) {
      this.running = false
      this.idle()
      return
    }
    const batch = this.queue.splice(0, MAX_BATCH)
    const postpone = (rest: QueuedJob[]): void => {
      this.queue = [...rest, ...this.queue]
    }
    new JobBatch(this.automation, this.backing, this.writeCache, this.limits, batch, () => this.next(), postpone).start()
  }
}
