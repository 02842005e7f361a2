import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import type { Change } from './change.ts'
import type { Tracker } from './tracker.ts'

/** Of one automation in one process: different ones, and their bytes together. */
const MAX_PREFIXES = 1_000
const MAX_BYTES = 1024 * 1024

/** Changes, and who is told of them in one message. */
type Told = readonly [trackers: ReadonlySet<Tracker>, changes: readonly Change[]]

/** Who is told of all keys whose names begin so. A name is looked up once for each length of a prefix. */
export class TrackedPrefixes {
  private readonly byLength = new Map<number, Map<string, Set<Tracker>>>()
  private count = 0
  private bytes = 0

  /** Throws `tracked_prefixes`; then nothing is added. Answers whether one of them is new here. */
  add(prefixes: readonly Buffer[], tracker: Tracker): boolean {
    const ids = [...new Set(prefixes.map(idOf))]
    const added = ids.filter((id) => this.byLength.get(id.length)?.has(id) !== true)
    const count = this.count + added.length
    const bytes = added.reduce((sum, { length }) => sum + length, this.bytes)
    if (count > MAX_PREFIXES) throw tooMany('prefixes', count, MAX_PREFIXES)
    if (bytes > MAX_BYTES) throw tooMany('bytes of prefixes', bytes, MAX_BYTES)
    this.count = count
    this.bytes = bytes
    for (const id of ids) {
      const alike = this.byLength.get(id.length) ?? new Map<string, Set<Tracker>>()
      this.byLength.set(id.length, alike)
      alike.set(id, (alike.get(id) ?? new Set()).add(tracker))
    }
    return added.length > 0
  }

  delete(prefixes: Iterable<Buffer>, tracker: Tracker): void {
    for (const prefix of prefixes) {
      const alike = this.byLength.get(prefix.length)
      const trackers = alike?.get(idOf(prefix))
      if (alike === undefined || trackers?.delete(tracker) !== true || trackers.size > 0) continue
      alike.delete(idOf(prefix))
      if (alike.size === 0) this.byLength.delete(prefix.length)
      this.count--
      this.bytes -= prefix.length
    }
  }

  /** Whether somebody is told of the key. */
  match(id: string): boolean {
    for (const [length, alike] of this.byLength)
      if (length <= id.length && alike.has(id.slice(0, length))) return true
    return false
  }

  /** Who is told of which of these. */
  told(changes: readonly Change[]): Told[] {
    const told = new Map<ReadonlySet<Tracker>, Change[]>()
    if (this.count === 0) return []
    for (const change of changes) {
      const id = idOf(change.name)
      for (const [length, alike] of this.byLength) {
        const trackers = length > id.length ? undefined : alike.get(id.slice(0, length))
        if (trackers === undefined) continue
        const known = told.get(trackers)
        if (known === undefined) told.set(trackers, [change])
        else known.push(change)
      }
    }
    return [...told]
  }
}

const tooMany = (what: string, used: number, allowed: number): KvError =>
  new KvError('tracked_prefixes', { what, used: String(used), allowed: String(allowed) })
