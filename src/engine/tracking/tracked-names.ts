import type { Change } from './change.ts'
import type { Tracker } from './tracker.ts'
import { type TrackingMemory, TrackingPart } from './tracking-memory.ts'

/** Of a name with one tracker, beside the name; of a second tracker, and of each further one. */
const ENTRY_BYTES = 160
const SECOND_BYTES = 280
const FURTHER_BYTES = 40
/** Changes of one name that wait for what its readers have seen. */
const MAX_EARLY = 64
/** The oldest of a Map are far from its beginning when many before them were deleted. */
const DROPPED_AT_ONCE = 256

/** A name that was read, and by whom. */
export interface TrackedName {
  readonly first: Tracker
  others: Set<Tracker> | undefined
  bytes: number
  /** Those who read it have seen all write requests up to this version; undefined until that is known. */
  since: number | undefined
  /** What changed it until then, if anything. */
  early: Change[] | undefined
  /**
   * Of those who are not told of all changes, who has read it again meanwhile: perhaps after a change that is
   * not known here yet, which then must not be the end of their tracking.
   */
  again: Set<Tracker> | undefined
}

export function* trackersOf({ first, others }: TrackedName): Iterable<Tracker> {
  yield first
  if (others !== undefined) yield* others
}

/**
 * Which connection has read which key, until it is told that the key changed. A connection that has gone
 * stays among them until then, as in Redis: taking it out of all names would be long work. There is room for
 * so much; then the oldest are dropped, and their trackers told.
 */
export class TrackedNames {
  private readonly memory: TrackingPart
  private readonly dropped: (id: string, name: TrackedName) => void
  private readonly names = new Map<string, TrackedName>()

  constructor(memory: TrackingMemory, dropped: (id: string, name: TrackedName) => void) {
    this.memory = new TrackingPart(memory)
    this.dropped = dropped
  }

  get size(): number {
    return this.names.size
  }

  get(id: string): TrackedName | undefined {
    return this.names.get(id)
  }

  /** Answers what is made for a name that was not tracked. */
  add(id: string, tracker: Tracker): TrackedName | undefined {
    const known = this.names.get(id)
    if (known !== undefined) {
      this.addTracker(id, known, tracker)
      return undefined
    }
    const bytes = ENTRY_BYTES + id.length
    const name: TrackedName = {
      ...{ first: tracker, others: undefined, bytes },
      ...{ since: undefined, early: undefined, again: undefined },
    }
    if (!this.memory.takeWithRoom(bytes)) {
      this.dropped(id, name)
      return undefined
    }
    this.names.set(id, name)
    return name
  }

  /** As `take`, if its readers have not seen this change; that is decided later when it is not known yet. */
  takeIfNew(id: string, change: Change): TrackedName | undefined {
    const name = this.names.get(id)
    if (name === undefined) return undefined
    const { version } = change
    if (version > 0 && name.since === undefined && (name.early?.length ?? 0) < MAX_EARLY) {
      name.early ??= []
      name.early.push(change)
      return undefined
    }
    return version === 0 || version > (name.since ?? 0) ? this.take(id) : undefined
  }

  /** Those who have read it again go on to track it: they are told of what comes after this version. */
  keepFor(id: string, { again }: TrackedName, version: number): void {
    if (again === undefined) return
    for (const tracker of again) {
      const name = this.add(id, tracker)
      if (name !== undefined) name.since = version
    }
  }

  /** It is not tracked any more: answers what there was. */
  take(id: string): TrackedName | undefined {
    const name = this.names.get(id)
    if (name === undefined) return undefined
    this.names.delete(id)
    this.memory.give(name.bytes)
    return name
  }

  /** Drops the oldest; false when there are none. */
  dropOldest(): boolean {
    if (this.names.size === 0) return false
    let left = DROPPED_AT_ONCE
    for (const [id, name] of this.names) {
      if (left-- === 0) break
      this.names.delete(id)
      this.memory.give(name.bytes)
      this.dropped(id, name)
    }
    return true
  }

  clear(): void {
    this.names.clear()
    this.memory.giveAll()
  }

  private addTracker(id: string, name: TrackedName, tracker: Tracker): void {
    const { first, others, again } = name
    if (first === tracker || others?.has(tracker) === true) {
      if (!tracker.missesChanges || again?.has(tracker) === true) return
      if (this.growName(id, name, tracker, again === undefined))
        name.again = again?.add(tracker) ?? new Set([tracker])
    } else if (this.growName(id, name, tracker, others === undefined))
      name.others = others?.add(tracker) ?? new Set([tracker])
  }

  /** False when there is no room for the tracker: it is told then that the name is out of date. */
  private growName(id: string, name: TrackedName, tracker: Tracker, isFirst: boolean): boolean {
    const bytes = isFirst ? SECOND_BYTES : FURTHER_BYTES
    const hasRoom = this.memory.takeWithRoom(bytes)
    // To make room the name itself may have been dropped.
    if (!hasRoom || this.names.get(id) !== name) {
      if (hasRoom) this.memory.give(bytes)
      this.dropped(id, { ...name, first: tracker, others: undefined })
      return false
    }
    name.bytes += bytes
    return true
  }
}
