/**
 * The bytes of replies that all connections together may have on their way from the backing Redis, estimated.
 */
const IN_FLIGHT_BYTES = 16 * 1024 * 1024
/**
 * What may lie unsent of one connection, or be on its way to that, before it starts no more requests; less
 * when many do not read.
 */
const UNSENT_BYTES = 2 * 1024 * 1024
const ALL_UNSENT_BYTES = 64 * 1024 * 1024
const LEAST_UNSENT_BYTES = 64 * 1024

/**
 * What the connections of a process share: one backing link, which answers in order, so that anyone who asks
 * for much holds up all who ask behind him; and memory. Each connection may always have one request on its
 * way.
 */
export class ReplyBudget {
  private inFlight = 0
  private stuck = 0

  /** A connection's part, to be told of every change and given back at its end. */
  join(): ReplyShare {
    return new ReplyShare(this)
  }

  /** @internal for ReplyShare */
  change(inFlight: number, stuck: number): void {
    this.inFlight += inFlight
    this.stuck += stuck
  }

  leaves(bytes: number): boolean {
    return this.inFlight + bytes <= IN_FLIGHT_BYTES
  }

  get unsentBytes(): number {
    return Math.max(LEAST_UNSENT_BYTES, Math.min(UNSENT_BYTES, ALL_UNSENT_BYTES / (this.stuck + 1)))
  }
}

export class ReplyShare {
  private readonly budget: ReplyBudget
  private charged = 0
  private stuck = false

  constructor(budget: ReplyBudget) {
    this.budget = budget
  }

  /** `requests` are on their way, and each reply is counted as `bytes`. */
  charge(requests: number, bytes: number): void {
    const now = requests * bytes
    if (now === this.charged) return
    this.budget.change(now - this.charged, 0)
    this.charged = now
  }

  /**
   * Whether one more may be started, beside `requests` on their way, whose replies are counted as `bytes`
   * each.
   */
  allows(requests: number, bytes: number, unsentBytes: number): boolean {
    if (this.isBehind(unsentBytes)) return false
    return (
      requests === 0 ||
      (unsentBytes + (requests + 1) * bytes <= this.budget.unsentBytes && this.budget.leaves(bytes))
    )
  }

  /** Whether the client reads too slowly for more. */
  private isBehind(unsentBytes: number): boolean {
    const stuck = unsentBytes > LEAST_UNSENT_BYTES && unsentBytes > this.budget.unsentBytes
    if (stuck !== this.stuck) this.budget.change(0, stuck ? 1 : -1)
    this.stuck = stuck
    return stuck
  }

  /** The connection has gone. What is still on its way for it goes on to count. */
  leave(): void {
    this.isBehind(0)
  }
}
