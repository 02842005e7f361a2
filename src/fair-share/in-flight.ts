export interface InFlightLimits {
  /** Weight of the commands of one automation that may be on their way to the backing Redis. */
  readonly weight: number
  /** Bytes of one automation on their way there, and expected back. */
  readonly bytes: number
  /** The same of all automations together. */
  readonly allBytes: number
  /** Commands above one of these take the Redis long. */
  readonly longBytes: number
  readonly longWeight: number
  /** Weight of what all automations together may have on their way beside the small. */
  readonly allWeight: number
  /** An automation that has no more on its way does not wait for others. */
  readonly freeBytes: number
  readonly freeWeight: number
}

/** The weight takes the Redis about 3 ms. */
export const IN_FLIGHT: InFlightLimits = {
  weight: 2_048,
  bytes: 4 * 1024 * 1024,
  allBytes: 16 * 1024 * 1024,
  allWeight: 3_072,
  freeBytes: 256 * 1024,
  freeWeight: 128,
  longBytes: 256 * 1024,
  longWeight: 512,
}

/** What one automation has on its way. */
export interface InFlight {
  readonly commands: number
  readonly weight: number
  /** Sent, and expected back. */
  readonly bytes: number
  /** Commands that wait to be sent. */
  readonly waiting: number
}

/** What one automation may still send to the backing Redis. */
export interface Room {
  /** Whether more should be started now. */
  isFree(): boolean
  /** Calls `wanting` once, when it may be free: after others who asked before, in the automation's turns. */
  whenFree(wanting: () => void): void
}
