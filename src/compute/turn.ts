/** What it costs to leave a thread and come again: two messages, and a call of the backing Redis. */
const LEAVE_MS = 1
/** The same for each key that is then read again. */
const LEAVE_MS_PER_KEY = 0.02
/** Weight of the latest wait in the mean. */
const LATEST = 0.1

/** How long threads wait for keys lately, all of them together. */
export class MeanWait {
  ms = 0

  note(ms: number): void {
    this.ms += LATEST * (ms - this.ms)
  }
}

/**
 * The time of a computation on its thread. One that waits for keys while others want the thread either keeps
 * it idle, or leaves it and has to run anew: it stays until it has been waiting as long as running anew
 * takes, so that neither wastes much more than the other would.
 */
export class Turn {
  private readonly mean: MeanWait
  private readonly startedAt = performance.now()
  private keys: number

  /** `keys`: how many it has from the beginning. */
  constructor(keys: number, mean: MeanWait) {
    this.keys = keys
    this.mean = mean
  }

  get ms(): number {
    return performance.now() - this.startedAt
  }

  /** Whether it should leave rather than wait for more keys; what it did not compute it waited. */
  isOver(computedMs: number): boolean {
    const again = computedMs + LEAVE_MS + LEAVE_MS_PER_KEY * this.keys
    return this.ms - computedMs + this.mean.ms > again
  }

  /** So many keys came after so long. */
  waited(ms: number, keys: number): void {
    this.keys += keys
    this.mean.note(ms)
  }
}
