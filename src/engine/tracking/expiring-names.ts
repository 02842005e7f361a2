import { type TrackingMemory, TrackingPart } from './tracking-memory.ts'

/** Names whose time is over are found by so much later, in milliseconds, and not before. */
export const SLOT_MS = 250
/** Of one automation in one process. */
const MAX_NAMES = 100_000
const ENTRY_BYTES = 160

const bytesOf = ({ length }: string): number => ENTRY_BYTES + length

/** When keys expire, by slots of time. */
export class ExpiringNames {
  private readonly memory: TrackingPart
  private readonly slotOf = new Map<string, number>()
  private readonly slots = new Map<number, Set<string>>()
  private served: number

  /** `now`: milliseconds since the epoch. */
  constructor(memory: TrackingMemory, now: number) {
    this.memory = new TrackingPart(memory)
    this.served = Math.floor(now / SLOT_MS)
  }

  has(id: string): boolean {
    return this.slotOf.has(id)
  }

  /** `at`: milliseconds since the epoch. False when there is no room for it. */
  set(id: string, at: number): boolean {
    this.delete(id)
    if (this.slotOf.size >= MAX_NAMES || !this.memory.take(bytesOf(id))) return false
    const slot = Math.max(Math.floor(at / SLOT_MS), this.served) + 1
    this.slotOf.set(id, slot)
    const ids = this.slots.get(slot)
    if (ids === undefined) this.slots.set(slot, new Set([id]))
    else ids.add(id)
    return true
  }

  delete(id: string): void {
    const slot = this.slotOf.get(id)
    if (slot === undefined) return
    this.slotOf.delete(id)
    this.memory.give(bytesOf(id))
    const ids = this.slots.get(slot)!
    ids.delete(id)
    if (ids.size === 0) this.slots.delete(slot)
  }

  /** Takes those whose time is over. */
  take(now: number): string[] {
    const current = Math.floor(now / SLOT_MS)
    const due: string[] = []
    if (current - this.served > this.slots.size) {
      for (const slot of this.slots.keys()) if (slot <= current) this.takeSlot(slot, due)
    } else {
      for (let slot = this.served + 1; slot <= current; slot++) this.takeSlot(slot, due)
    }
    // The clock may have been set back.
    this.served = Math.max(this.served, current)
    return due
  }

  clear(): void {
    this.memory.giveAll()
    this.slotOf.clear()
    this.slots.clear()
  }

  private takeSlot(slot: number, due: string[]): void {
    const ids = this.slots.get(slot)
    if (ids === undefined) return
    this.slots.delete(slot)
    for (const id of ids) {
      this.slotOf.delete(id)
      this.memory.give(bytesOf(id))
      due.push(id)
    }
  }
}
