import { MAX_TIMER_MS } from '../../lib/timers.ts'

/** RESP3 clients are told this long before their token expires. */
export const EXPIRY_WARNING_MS = 60_000

/**
 * Says when a token's time is up, and once before that, that it soon will be; a token that lives no longer
 * than the warning time is not warned of.
 */
export class TokenWatch {
  private readonly warn: () => void
  private readonly expire: () => void
  private timer: NodeJS.Timeout | undefined

  constructor(warn: () => void, expire: () => void) {
    this.warn = warn
    this.expire = expire
  }

  /** `expiresAt`: milliseconds since the epoch. Replaces what was watched before. */
  start(expiresAt: number): void {
    this.stop()
    const left = expiresAt - Date.now()
    if (left <= 0) {
      this.expire()
      return
    }
    // Not unref'ed: Node.js keeps the empty list of a cleared unref'ed timer until its time would have come,
    // one for each length in ms.
    const untilWarning = left - EXPIRY_WARNING_MS
    this.timer = setTimeout(
      () => {
        if (untilWarning > 0 && expiresAt - Date.now() <= EXPIRY_WARNING_MS) this.warn()
        this.start(expiresAt)
      },
      Math.min(untilWarning > 0 ? untilWarning : left, MAX_TIMER_MS),
    )
  }

  stop(): void {
    clearTimeout(this.timer)
  }
}
