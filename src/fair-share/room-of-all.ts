import type { InFlightLimits } from './in-flight.ts'
import type { Share } from './share.ts'

/**
 * What all automations together have on their way to the backing Redis, beside those who have little there:
 * these are never kept waiting by others.
 */
export class RoomOfAll {
  private readonly limits: InFlightLimits
  private weight = 0
  private bytes = 0

  constructor(limits: InFlightLimits) {
    this.limits = limits
  }

  /** With it the automation has so little on its way that it does not wait for others. */
  isSmall(share: Share, weight: number, bytes: number): boolean {
    const { freeWeight, freeBytes } = this.limits
    return share.weight + weight <= freeWeight && share.bytes + bytes <= freeBytes
  }

  /** Whether one that is not small may be sent; of any size when there is no other. */
  has(weight: number, bytes: number): boolean {
    const { allWeight, allBytes } = this.limits
    return (
      (this.weight === 0 || this.weight + weight <= allWeight) &&
      (this.bytes === 0 || this.bytes + bytes <= allBytes)
    )
  }

  count(weight: number, bytes: number): void {
    this.weight += weight
    this.bytes += bytes
  }
}
