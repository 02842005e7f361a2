import { LRUCache } from 'lru-cache'

export interface Rate {
  readonly perSecond: number
  /** Commands that may come at once after a rest. */
  readonly burst: number
}

interface Bucket {
  /** Below zero: turns that are given away already. */
  tokens: number
  /** When `tokens` was right, in ms. */
  at: number
}

/** Automations whose bucket is remembered; the longest idle one is forgotten, and starts full again. */
const MAX_BUCKETS = 100_000

/** How many commands an automation may start in this process: a token bucket for each. */
export class RateLimit {
  private readonly rate: Rate | undefined
  private readonly now: () => number
  private readonly buckets = new LRUCache<string, Bucket>({ max: MAX_BUCKETS })

  /** Without a rate nothing is limited. `now` is in ms. */
  constructor(rate: Rate | undefined, now: () => number = () => performance.now()) {
    this.rate = rate
    this.now = now
  }

  get isOn(): boolean {
    return this.rate !== undefined
  }

  /**
   * Gives the automation's next turn to the caller, who must wait for it the returned number of ms. Turns are
   * given in the order of the calls, so that those who wait do not race for each of them.
   */
  reserve(automationId: string): number {
    if (this.rate === undefined) return 0
    const bucket = this.bucketOf(automationId, this.rate)
    bucket.tokens--
    return bucket.tokens >= 0 ? 0 : (-bucket.tokens * 1_000) / this.rate.perSecond
  }

  /** A turn at once, or none: the ms until there will be one, 0 when it was given. */
  take(automationId: string): number {
    if (this.rate === undefined) return 0
    const bucket = this.bucketOf(automationId, this.rate)
    if (bucket.tokens < 1) return ((1 - bucket.tokens) * 1_000) / this.rate.perSecond
    bucket.tokens--
    return 0
  }

  private bucketOf(automationId: string, { perSecond, burst }: Rate): Bucket {
    const now = this.now()
    const known = this.buckets.get(automationId)
    if (known === undefined) {
      const full = { tokens: burst, at: now }
      this.buckets.set(automationId, full)
      return full
    }
    known.tokens = Math.min(burst, known.tokens + ((now - known.at) * perSecond) / 1_000)
    known.at = now
    return known
  }
}
