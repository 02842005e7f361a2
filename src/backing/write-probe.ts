import { KvError } from '../errors/errors.ts'
import type { Backing } from './backing.ts'

const PROBE_MS = 1_000
/** A write that was taken longer ago tells nothing of now. */
const FRESH_MS = 2_000

/**
 * Writes to the backing Redis once a second, and remembers how that went: a Redis that is full, has become a
 * replica or forbids writes still answers.
 */
export class WriteProbe {
  private readonly backing: Backing
  private readonly timer: NodeJS.Timeout
  private takenAt = 0
  private failure: string | undefined
  private underWay = false

  constructor(backing: Backing) {
    this.backing = backing
    this.timer = setInterval(() => this.probe(), PROBE_MS)
    this.timer.unref()
  }

  /** Why writes cannot be relied on; undefined when they can. */
  get problem(): string | undefined {
    if (!this.backing.ready) return 'the backing Redis is not reachable'
    if (this.failure !== undefined) return this.failure
    const ageMs = Date.now() - this.takenAt
    return ageMs <= FRESH_MS ? undefined : `the backing Redis has not taken a write for ${ageMs} ms`
  }

  /** Resolves when the first write was answered. */
  first(): Promise<void> {
    return new Promise((resolve) => this.probe(resolve))
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private probe(done: () => void = () => {}): void {
    if (this.underWay) return
    this.underWay = true
    this.backing.probe((error) => {
      this.underWay = false
      if (error === null) this.takenAt = Date.now()
      this.failure = error === null ? undefined : reasonOf(error)
      done()
    })
  }
}

const reasonOf = (error: Error): string =>
  error instanceof KvError
    ? `a write to the backing Redis failed: ${error.message.replace(/^TRYAGAIN /, '')}`
    : 'a write to the backing Redis failed'
