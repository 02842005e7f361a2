import type { RateLimit } from '../../gate/rate-limit.ts'
import type { Session } from '../../session/session.ts'

/**
 * One connection's turns among the commands that its automation may start: the head of its queue takes one
 * ahead, and waits until it comes.
 */
export class Pace {
  private readonly session: Session
  private readonly rates: RateLimit
  private readonly proceed: () => void
  /** Set while a turn is held that was not used yet. */
  private held = false
  private timer: NodeJS.Timeout | undefined

  /** `proceed` is called when the turn that was waited for has come. */
  constructor(session: Session, proceed: () => void) {
    this.session = session
    this.rates = session.context.gate.rates
    this.proceed = proceed
  }

  /** Whether the next command may start now. */
  allows(): boolean {
    if (!this.rates.isOn || this.held) return true
    if (this.timer !== undefined) return false
    const { identity } = this.session
    if (identity === undefined) return true
    const waitMs = this.rates.reserve(identity.automationId)
    if (waitMs > 0) {
      this.timer = setTimeout(() => {
        this.timer = undefined
        this.held = true
        this.proceed()
      }, Math.ceil(waitMs))
      return false
    }
    this.held = true
    return true
  }

  /** A command has started. */
  spend(): void {
    this.held = false
  }

  stop(): void {
    clearTimeout(this.timer)
  }
}
