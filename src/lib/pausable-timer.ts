/** A timer that can be made to stand still. */
export class PausableTimer {
  private readonly over: () => void
  private timer: NodeJS.Timeout | undefined
  private startedAt = 0
  private leftMs = 0

  /** `over` is called when the time is over. */
  constructor(over: () => void) {
    this.over = over
  }

  start(ms: number): void {
    this.stop()
    this.leftMs = ms
    this.resume()
  }

  pause(): void {
    if (this.timer === undefined) return
    this.leftMs -= performance.now() - this.startedAt
    this.stop()
  }

  /** Goes on where `pause` stopped it. */
  resume(): void {
    if (this.timer !== undefined) return
    this.startedAt = performance.now()
    this.timer = setTimeout(this.over, Math.max(0, this.leftMs))
  }

  stop(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }
}
