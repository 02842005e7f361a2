/** How long a pause may last: clients of the automation wait for it, and nobody else can end it. */
export const MAX_PAUSE_MS = 60_000

interface Pause {
  /** Of all commands; else of those that may write. */
  all: boolean
  /** Milliseconds since the epoch. */
  until: number
  timer: NodeJS.Timeout
  readonly waiting: Set<() => void>
}

/**
 * CLIENT PAUSE of automations, each over its own connections to this process. What is kept of one ends with
 * it.
 */
export class Pauses {
  private readonly pauses = new Map<string, Pause>()

  /** Whether there is one of any automation. */
  get any(): boolean {
    return this.pauses.size > 0
  }

  /** As Redis: one that is there already may only become longer and wider. `ms` is at most MAX_PAUSE_MS. */
  begin(automationId: string, ms: number, all: boolean): void {
    const known = this.pauses.get(automationId)
    clearTimeout(known?.timer)
    const now = Date.now()
    const until = Math.max(known?.until ?? 0, now + ms)
    const timer = setTimeout(() => this.end(automationId), until - now)
    timer.unref()
    if (known === undefined) {
      this.pauses.set(automationId, { all, until, timer, waiting: new Set() })
      return
    }
    known.all ||= all
    known.until = until
    known.timer = timer
  }

  end(automationId: string): void {
    const pause = this.pauses.get(automationId)
    if (pause === undefined) return
    clearTimeout(pause.timer)
    this.pauses.delete(automationId)
    resume(pause.waiting.values())
  }

  /** Whether a command has to wait; `proceed` is then called at the end of the pause, once. */
  holds(automationId: string, mayWrite: () => boolean, proceed: () => void): boolean {
    const pause = this.pauses.get(automationId)
    if (pause === undefined || !(pause.all || mayWrite())) return false
    pause.waiting.add(proceed)
    return true
  }

  /** The connection has gone. */
  forget(automationId: string, proceed: () => void): void {
    this.pauses.get(automationId)?.waiting.delete(proceed)
  }
}

/** One connection in each turn of the event loop: each may have a chunk of requests, and others wait. */
function resume(waiting: Iterator<() => void>): void {
  const { done, value: proceed } = waiting.next()
  if (done === true) return
  proceed()
  setImmediate(resume, waiting)
}
