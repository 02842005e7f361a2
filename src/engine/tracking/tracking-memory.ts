import type { HeldBytes, Holder } from '../../fair-share/held-bytes.ts'
import type { Line } from '../../fair-share/line.ts'

/** Of one automation in one process. */
const MAX_BYTES = 16 * 1024 * 1024
/** Of what may be held for one automation, and for all: requests need room too. */
const PART_OF_AUTOMATION = 1 / 4
const PART_OF_ALL = 1 / 2

/** What is held in a process for the tracking of all automations. */
export class TrackingMemories {
  bytes = 0
  readonly max: number
  private readonly held: HeldBytes
  private readonly members = new Set<TrackingMemory>()

  constructor(held: HeldBytes) {
    this.held = held
    this.max = held.limits.maxHeldBytes * PART_OF_ALL
  }

  /** `makeRoom` drops some of what one automation has; false when it has nothing. */
  of(line: Line, makeRoom: () => boolean): TrackingMemory {
    const max = Math.min(MAX_BYTES, this.held.limits.maxHeldBytesPerAutomation * PART_OF_AUTOMATION)
    const memory = new TrackingMemory(this, this.held.holder(line), max, makeRoom)
    this.members.add(memory)
    return memory
  }

  forget(member: TrackingMemory): void {
    this.members.delete(member)
  }

  /** Of who has most. */
  makeRoom(): boolean {
    let largest: TrackingMemory | undefined
    for (const member of this.members) if (member.bytes > (largest?.bytes ?? 0)) largest = member
    return largest?.makeRoom() === true
  }
}

/** Of the memory of one automation, what one table has. */
export class TrackingPart {
  private readonly memory: TrackingMemory
  private bytes = 0

  constructor(memory: TrackingMemory) {
    this.memory = memory
  }

  /** See TrackingMemory. */
  take(bytes: number): boolean {
    return this.taken(bytes, this.memory.take(bytes))
  }

  /** See TrackingMemory. */
  takeWithRoom(bytes: number): boolean {
    return this.taken(bytes, this.memory.takeWithRoom(bytes))
  }

  give(bytes: number): void {
    this.bytes -= bytes
    this.memory.give(bytes)
  }

  giveAll(): void {
    this.give(this.bytes)
  }

  private taken(bytes: number, isTaken: boolean): boolean {
    if (isTaken) this.bytes += bytes
    return isTaken
  }
}

/** The same for one automation. */
export class TrackingMemory {
  bytes = 0
  readonly makeRoom: () => boolean
  private readonly all: TrackingMemories
  private readonly holder: Holder
  private readonly max: number

  constructor(all: TrackingMemories, holder: Holder, max: number, makeRoom: () => boolean) {
    this.all = all
    this.holder = holder
    this.max = max
    this.makeRoom = makeRoom
  }

  /** Makes room if that is needed: first of what is oldest here. False when there is none. */
  takeWithRoom(bytes: number): boolean {
    while (!this.take(bytes)) {
      const isOwn = this.bytes + bytes > this.max || this.all.bytes + bytes <= this.all.max
      if (!(isOwn ? this.makeRoom() : this.all.makeRoom())) return false
    }
    return true
  }

  /** False when there is no room. */
  take(bytes: number): boolean {
    if (this.bytes + bytes > this.max || this.all.bytes + bytes > this.all.max) return false
    try {
      this.holder.take(bytes)
    } catch {
      // Requests hold as much as may be held.
      return false
    }
    this.bytes += bytes
    this.all.bytes += bytes
    return true
  }

  give(bytes: number): void {
    this.bytes -= bytes
    this.all.bytes -= bytes
    this.holder.give(bytes)
  }

  end(): void {
    this.all.bytes -= this.bytes
    this.bytes = 0
    this.all.forget(this)
    this.holder.end()
  }
}
