import { Fifo } from '../lib/fifo.ts'
import type { InFlightLimits } from './in-flight.ts'
import type { Line } from './line.ts'
import { ReplySizes } from './reply-sizes.ts'
import type { SharedLink } from './shared-links.ts'

/**
 * A command that takes the Redis long holds up all: whoever sends such ones leaves it to others for so many
 * times as long, but no longer than this for each.
 */
const RESTS = 3
const LONGEST_REST_MS = 100

/** A command that waits to be sent. */
export interface Waiting {
  readonly weight: number
  readonly bytes: number
  readonly send: () => void
}

/** The commands of one automation, on their way and before it. */
export class Share {
  readonly line: Line
  /** Where they go while some are on their way: so they stay in order. */
  link: SharedLink
  readonly sizes = new ReplySizes()
  readonly waiting = new Fifo<Waiting>()
  /** Those who want to send more when there is room. */
  readonly wanting = new Fifo<() => void>()
  commands = 0
  /** Long replies that are worked on. */
  holds = 0
  weight = 0
  bytes = 0
  isTelling = false
  /** Until when the Redis was busy with long commands of this automation. */
  private busyUntil = 0
  private restsUntil = 0
  private resting: NodeJS.Timeout | undefined
  /** It waits for others' replies. */
  isHeldUp = false

  constructor(line: Line, link: SharedLink) {
    this.line = line
    this.link = link
  }

  /** Whether more should be started now. */
  isRoomy(limits: InFlightLimits): boolean {
    if (this.waiting.size > 0 || this.isResting) return false
    if (this.commands === 0 && this.holds === 0) return true
    return this.weight < limits.weight && this.bytes < limits.bytes
  }

  /** Whether a command is within what its automation may have on its way; one may always be. */
  fits(limits: InFlightLimits, weight: number, bytes: number): boolean {
    if (this.isResting) return false
    if (this.commands === 0 && this.holds === 0) return true
    return this.weight + weight <= limits.weight && this.bytes + bytes <= limits.bytes
  }

  /** Nothing is to be sent now: the Redis is the others'. */
  private get isResting(): boolean {
    return this.resting !== undefined
  }

  /**
   * A long command was sent at `begun` and has been answered `now`, ms: the Redis is left to others for some
   * times as long. `over` is called after that.
   */
  rest(begun: number, now: number, over: () => void): void {
    const used = now - Math.max(begun, this.busyUntil)
    this.busyUntil = now
    this.restsUntil = Math.max(now, this.restsUntil) + Math.min(RESTS * used, LONGEST_REST_MS)
    this.resting ??= setTimeout(() => this.endRest(over), Math.ceil(this.restsUntil - now))
  }

  private endRest(over: () => void): void {
    const left = this.restsUntil - performance.now()
    this.resting = left > 0 ? setTimeout(() => this.endRest(over), Math.ceil(left)) : undefined
    if (left <= 0) over()
  }
}
