import { kindOf } from './wire.ts'

/** A link whose Redis has refused writes as a replica for so long is given up, and so is the next one. */
const LEAVE_REPLICA_MS = 1_000

const FORGET_REPLICA_MS = 60_000

/**
 * After a failover the address leads to another Redis, but a link to the former primary stays open, and its
 * writes are refused from then on.
 */
export class ReplicaWatch {
  /** Since when, and when last, writes were refused because the Redis is a replica. */
  private refusedSince = 0
  private refusedAt = 0

  /** Told of each error; answers whether the link is to be given up. */
  isToBeLeft(error: unknown): boolean {
    if (!(error instanceof Error) || kindOf(error) !== 'READONLY') return false
    const now = Date.now()
    if (now - this.refusedAt > FORGET_REPLICA_MS) this.refusedSince = now
    this.refusedAt = now
    // It may be for a moment only, and reads are still answered.
    if (now - this.refusedSince < LEAVE_REPLICA_MS) return false
    this.refusedSince = now
    return true
  }
}
