/** A client that waits, as its queue sees it. */
export interface WaitEntry {
  /** The keys that it waits at, by their ids. */
  readonly keys: ReadonlyMap<string, Buffer>
  /**
   * Clients of one competition take from each other: where one finds nothing, neither does the next.
   * Undefined: it takes nothing away.
   */
  readonly competition: string | undefined
  /** Position in the order of beginning to wait. */
  readonly position: number
  /** It has been tried before, so it really waits. */
  isBlocked: boolean
  /** Moment of the queue's clock at which it was last tried. */
  triedAt: number
}

/** One try: at `names` in this order, or at all of its keys as the command itself does (the first try). */
export interface Turn<E extends WaitEntry> {
  readonly entry: E
  readonly names: readonly Buffer[] | undefined
}

interface Woken {
  at: number
  /** Competitions of which one client found nothing since then. */
  readonly exhausted: Set<string>
  /** How many competitors are tried at a time: more for each that found something. */
  width: number
}

/** A wake is mostly for one. */
const FIRST_WIDTH = 4

/**
 * Those of one automation who wait, in the order in which they began, and who of them may find something.
 * Keys are woken; each wake gives everyone at the key one try, the earlier ones first, but for those whose
 * competitor just found nothing.
 */
export class WaitQueue<E extends WaitEntry> {
  readonly entries = new Set<E>()
  private readonly byKey = new Map<string, Set<E>>()
  /** In the order in which they were woken. */
  private readonly woken = new Map<string, Woken>()
  /** Before their first try. */
  private readonly newcomers = new Set<E>()
  private clock = 0

  /** The keys that are waited at, by their ids. */
  get keys(): Map<string, Buffer> {
    const keys = new Map<string, Buffer>()
    for (const entry of this.entries) for (const [id, name] of entry.keys) keys.set(id, name)
    return keys
  }

  /** How many different keys would be waited at together with these. */
  keysWith(keys: ReadonlyMap<string, Buffer>): number {
    let count = this.byKey.size
    for (const id of keys.keys()) if (!this.byKey.has(id)) count++
    return count
  }

  add(entry: E): void {
    this.entries.add(entry)
    for (const id of entry.keys.keys()) {
      const at = this.byKey.get(id)
      if (at === undefined) this.byKey.set(id, new Set([entry]))
      else at.add(entry)
    }
  }

  /** Its first try is due, and before it that of the earlier ones who want the same. */
  enter(entry: E): void {
    this.newcomers.add(entry)
    if (entry.competition !== undefined) for (const id of entry.keys.keys()) this.wake(id)
  }

  /** False when it was not there. */
  delete(entry: E): boolean {
    if (!this.entries.delete(entry)) return false
    this.newcomers.delete(entry)
    for (const id of entry.keys.keys()) {
      const at = this.byKey.get(id)!
      at.delete(entry)
      if (at.size === 0) this.byKey.delete(id)
    }
    return true
  }

  wake(id: string): void {
    if (!this.byKey.has(id)) return
    const woken = this.woken.get(id)
    if (woken === undefined) {
      this.woken.set(id, { at: ++this.clock, exhausted: new Set(), width: FIRST_WIDTH })
    } else {
      woken.at = ++this.clock
      woken.exhausted.clear()
    }
  }

  /** No more tries until the next wake. */
  rest(): void {
    this.woken.clear()
  }

  /** The next ones to be tried, `most` of them; none: everybody who could find something has looked. */
  next(most: number): Turn<E>[] {
    const eligible = new Set(this.newcomers)
    for (const [id, woken] of this.woken) {
      for (const entry of this.byKey.get(id) ?? [])
        if (entry.isBlocked && mayFind(entry, woken)) eligible.add(entry)
    }
    if (eligible.size === 0) this.woken.clear()
    const turns: Turn<E>[] = []
    const room = new Map<string, number>()
    for (const entry of [...eligible].sort((a, b) => a.position - b.position)) {
      if (turns.length === most) break
      const names = this.namesFor(entry, room)
      if (names !== undefined) turns.push({ entry, names: entry.isBlocked ? names : undefined })
    }
    for (const { entry } of turns) {
      this.newcomers.delete(entry)
      entry.triedAt = ++this.clock
    }
    return turns
  }

  /** It was tried, and found something or not. */
  tried({ entry, names }: Turn<E>, found: boolean): void {
    const { competition } = entry
    if (competition === undefined) return
    for (const name of names ?? entry.keys.values()) {
      const woken = this.woken.get(name.toString('latin1'))
      if (woken === undefined) continue
      if (found) woken.width++
      else if (woken.at < entry.triedAt) woken.exhausted.add(competition)
    }
  }

  /**
   * Where an entry may find something; undefined when it must not be tried yet, as it would overtake a
   * competitor at one of these keys.
   */
  private namesFor(entry: E, room: Map<string, number>): Buffer[] | undefined {
    const names: Buffer[] = []
    const places: Array<readonly [place: string, left: number]> = []
    for (const [id, woken] of this.woken) {
      const name = entry.keys.get(id)
      if (name === undefined || !mayFind(entry, woken)) continue
      names.push(name)
      const place = `${entry.competition ?? ''} ${id}`
      places.push([place, room.get(place) ?? woken.width])
    }
    if (entry.competition === undefined) return names
    const late = places.some(([, left]) => left === 0)
    for (const [place, left] of places) room.set(place, late ? 0 : left - 1)
    return late ? undefined : names
  }
}

const mayFind = (entry: WaitEntry, woken: Woken): boolean =>
  woken.at > entry.triedAt && (entry.competition === undefined || !woken.exhausted.has(entry.competition))
