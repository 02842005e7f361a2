import { KvError } from '../errors/errors.ts'
import type { Line } from './line.ts'

export interface HeldLimits {
  /** Bytes of one automation in this process. */
  readonly maxHeldBytesPerAutomation: number
  /** Bytes of all automations in this process. */
  readonly maxHeldBytes: number
}

/**
 * Memory that a process holds for its clients between their requests: parts of requests, queues of MULTI,
 * watched keys, names of channels.
 */
export class HeldBytes {
  readonly limits: HeldLimits
  /** Of all automations. */
  bytes = 0

  constructor(limits: HeldLimits) {
    this.limits = limits
  }

  /** What is held for one connection. */
  holder(line: Line): Holder {
    return new Holder(this, line)
  }
}

export class Holder {
  private readonly held: HeldBytes
  private line: Line
  bytes = 0
  private hasEnded = false

  constructor(held: HeldBytes, line: Line) {
    this.held = held
    this.line = line
  }

  /** The connection is another's from now on, with what is held for it. */
  join(line: Line): void {
    this.line.heldBytes -= this.bytes
    this.line = line
    line.heldBytes += this.bytes
  }

  /** Throws `memory_full`; then nothing more is counted than before. */
  take(bytes: number): void {
    const { line, held } = this
    const { maxHeldBytesPerAutomation, maxHeldBytes } = held.limits
    if (line.heldBytes + bytes > maxHeldBytesPerAutomation)
      throw full('AUTOMATION_KV_MAX_HELD_BYTES_PER_AUTOMATION', line.heldBytes, maxHeldBytesPerAutomation)
    if (held.bytes + bytes > maxHeldBytes)
      throw full('AUTOMATION_KV_MAX_HELD_BYTES', held.bytes, maxHeldBytes)
    this.count(bytes)
  }

  give(bytes: number): void {
    this.count(-bytes)
  }

  /** The connection has gone, and all that was held for it. Nothing is counted any more. */
  end(): void {
    this.count(-this.bytes)
    this.hasEnded = true
  }

  private count(bytes: number): void {
    if (this.hasEnded) return
    this.bytes += bytes
    this.line.heldBytes += bytes
    this.held.bytes += bytes
  }
}

const full = (limit: string, used: number, allowed: number): KvError =>
  new KvError('memory_full', { used: String(used), allowed: String(allowed), limit })
