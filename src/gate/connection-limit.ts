import { KvError } from '../errors/errors.ts'

/** The part of all connections that one automation may have, whatever its own limit says. */
const LARGEST_SHARE = 0.75

export interface ConnectionLimits {
  /** Connections of one automation. */
  readonly maxConnectionsPerAutomation?: number
  /** Connections of all. */
  readonly maxConnections?: number
}

/** How many logged-in connections each automation has in this process. */
export class ConnectionLimit {
  /** Connections of each automation. */
  readonly allowed: number
  private readonly used = new Map<string, number>()

  constructor({ maxConnectionsPerAutomation = Infinity, maxConnections = Infinity }: ConnectionLimits) {
    // One automation alone must not be able to keep all others out.
    const share = Math.max(1, Math.floor(maxConnections * LARGEST_SHARE))
    this.allowed = Math.min(maxConnectionsPerAutomation, share)
  }

  /** Counts one more. Throws `too_many_of_automation`. */
  enter(automationId: string): void {
    const used = this.used.get(automationId) ?? 0
    if (used >= this.allowed) throw new KvError('too_many_of_automation', { used, allowed: this.allowed })
    this.used.set(automationId, used + 1)
  }

  leave(automationId: string): void {
    const used = this.used.get(automationId) ?? 0
    if (used > 1) this.used.set(automationId, used - 1)
    else this.used.delete(automationId)
  }
}
