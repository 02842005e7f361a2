/** Runs below this count nothing. */
const SLOW_MS = 50
/**
 * What an automation may use at once, in times of the limit of one script, and how much of each second comes
 * back.
 */
const BURST_LIMITS = 5
const SHARE = 0.25
const MAX_ENTRIES = 10_000

/**
 * How much of this process's time the slow scripts of an automation may take: nothing else runs while one
 * does. Anyone who has used up its burst waits until time has come back; the others go on as if nothing had
 * happened.
 */
export class TimeBudget {
  /** When each automation's use will be forgotten, milliseconds of `performance.now()`. */
  private readonly used = new Map<string, number>()

  allows(automationId: string, limitMs: number, now = performance.now()): boolean {
    const until = this.used.get(automationId)
    if (until === undefined) return true
    if (until > now) return (until - now) * SHARE < BURST_LIMITS * limitMs
    this.used.delete(automationId)
    return true
  }

  spend(automationId: string, ms: number, now = performance.now()): void {
    if (ms < SLOW_MS) return
    const from = Math.max(now, this.used.get(automationId) ?? 0)
    this.used.delete(automationId)
    this.used.set(automationId, from + ms / SHARE)
    if (this.used.size > MAX_ENTRIES) this.used.delete(this.used.keys().next().value!)
  }
}
