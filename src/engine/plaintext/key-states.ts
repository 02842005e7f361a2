import { idOf } from '../../lib/id.ts'
import type { Need } from './extent.ts'
import { NotLoaded } from './not-loaded.ts'
import type { Snapshot } from './snapshot.ts'
import type { StoredKey } from './stored-key.ts'
import { cloneValue, type HashValue, type SortedSetValue, Unseen, type Value } from './values.ts'

/** A key as a computation sees and leaves it. */
export interface KeyState {
  readonly name: Buffer
  value: Value | Unseen | undefined
  /** Milliseconds since the epoch, 0 without a TTL. */
  expireAt: number
  /** Made by a computation where no key was: its creation time starts afresh. */
  fresh: boolean
  /** Its contents were put there as a whole: nothing of the old ones is left to build on. */
  replaced: boolean
  /** Ordinal of the job that changed it last, -1 when none did. */
  changedBy: number
  /** Others of the jobs changed it before. */
  changedBySeveral: boolean
}

interface State extends KeyState {
  /** As much of it as was read when this was made. */
  base: StoredKey
}

/**
 * What WATCH saw of a key: the version of its last write, or the automation's version at which it was absent.
 */
export type Watched = { readonly version: string } | { readonly absentAt: number }

/**
 * What the jobs of a round made of the keys of a snapshot so far. Jobs run one after the other, and what the
 * current one changed can be taken back.
 */
export class KeyStates {
  private readonly snapshot: Snapshot
  private readonly states = new Map<string, State>()
  /** The keys that the current job changed, as they were before it. */
  private undo = new Map<string, State>()
  private job = -1

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot
  }

  beginJob(ordinal: number): void {
    this.job = ordinal
    this.undo = new Map()
  }

  /** Takes back whatever the current job changed. */
  rollback(): void {
    for (const [id, state] of this.undo) this.states.set(id, state)
    this.undo = new Map()
  }

  /** Runs a part of the current job; what it changed is taken back when it throws. */
  attempt<T>(work: () => T): T {
    const outer = this.undo
    this.undo = new Map()
    try {
      return work()
    } catch (error) {
      this.rollback()
      throw error
    } finally {
      for (const [id, state] of this.undo) if (!outer.has(id)) outer.set(id, state)
      this.undo = outer
    }
  }

  /** Whether the current job changed anything. */
  get changed(): boolean {
    return this.undo.size > 0
  }

  /** How many keys the current job made where none was. */
  get created(): number {
    let created = 0
    for (const [id, before] of this.undo)
      if (before.value === undefined && this.states.get(id)!.value !== undefined) created++
    return created
  }

  /** The keys that any job changed. */
  changedKeys(): KeyState[] {
    const changed = [...this.states].filter(([, { changedBy }]) => changedBy >= 0)
    return changed.map(([id]) => this.known(id)!)
  }

  /** A key as stored. */
  stored(name: Buffer): StoredKey {
    const id = idOf(name)
    const stored = this.snapshot.keys.get(id)
    if (stored !== undefined) return stored
    this.snapshot.load([{ name, extent: 'all' }])
    return this.snapshot.keys.get(id)!
  }

  /** Loads what of these is missing. */
  require(needs: readonly Need[]): void {
    const missing = needs.filter((need) => this.isMissing(need))
    if (missing.length === 0) return
    // What was changed in a part of a list or stream cannot be carried over to the whole.
    if (missing.some(({ name }) => this.isChanged(name))) throw new NotLoaded(missing)
    this.snapshot.load(missing)
  }

  private isMissing({ name, extent }: Need): boolean {
    const id = idOf(name)
    const state = this.states.get(id)
    // Whatever was stored, nothing of it is left.
    if (state !== undefined && (state.value === undefined || state.replaced || state.fresh)) return false
    return this.snapshot.keys.get(id)?.covers(extent) !== true
  }

  /** Whether jobs changed its contents, and more of it would not fit to them. */
  private isChanged(name: Buffer): boolean {
    const state = this.states.get(idOf(name))
    return state !== undefined && state.changedBy >= 0 && !(state.value instanceof Unseen) && !canGrow(state)
  }

  /** A state together with what was read since it was made. */
  private known(id: string): State | undefined {
    const state = this.states.get(id)
    const stored = state && this.snapshot.keys.get(id)
    if (state === undefined || stored === state.base || state.value instanceof Unseen) return state
    if (state.changedBy < 0) {
      this.states.delete(id)
      return undefined
    }
    const grown = { ...state, base: stored!, value: canGrow(state) ? grownBy(state, stored!) : state.value }
    this.states.set(id, grown)
    return grown
  }

  /** The contents of a key: those of one whose type alone was loaded are loaded now. */
  valueOf(name: Buffer): Value | undefined {
    const state = this.of(name)
    if (!(state.value instanceof Unseen)) return state.value
    // Of what was asked for as a part, that part.
    if (this.stored(name).extent === 'meta') this.snapshot.load([{ name, extent: 'all' }])
    state.base = this.stored(name)
    const stored = state.base.value() as Value
    // What a job has changed is its own.
    const value = state.changedBy >= 0 ? cloneValue(stored) : stored
    state.value = value
    return value
  }

  /** The key as the jobs so far leave it. */
  of(name: Buffer): State {
    const id = idOf(name)
    let state = this.known(id)
    if (state === undefined) {
      const stored = this.stored(name)
      state = {
        name,
        base: stored,
        value: stored.value(),
        expireAt: stored.live ? stored.expireAt : 0,
        fresh: false,
        replaced: false,
        changedBy: -1,
        changedBySeveral: false,
      }
      this.states.set(id, state)
    }
    return state
  }

  untouchedSince(name: Buffer, watched: Watched): boolean {
    if (this.of(name).changedBy >= 0) return false
    const { live, version, deletedBy } = this.stored(name)
    if ('version' in watched) return live && version === watched.version
    return !live && Math.max(deletedBy, this.snapshot.forgottenDeletion) <= watched.absentAt
  }

  /** Whether the key is there, and whether it has expired and no job has changed it since. */
  isThere(name: Buffer): [exists: boolean, expired: boolean] {
    const { value, changedBy } = this.of(name)
    return [value !== undefined, changedBy < 0 && this.stored(name).expired]
  }

  times(name: Buffer): { createdAt: number; updatedAt: number } {
    const { createdAt, updatedAt } = this.stored(name)
    const { fresh, changedBy } = this.of(name)
    const { now } = this.snapshot
    return { createdAt: fresh ? now : createdAt, updatedAt: changedBy < 0 ? updatedAt : now }
  }

  /**
   * The state to be changed by the current job: copied at its first change, so that the job can be rolled
   * back.
   */
  edit(name: Buffer): KeyState {
    const id = idOf(name)
    const state = this.of(name)
    if (this.undo.has(id)) return state
    this.undo.set(id, state)
    const { changedBy, changedBySeveral } = state
    const edited = {
      ...state,
      value: copied(state.value),
      changedBy: this.job,
      changedBySeveral: changedBySeveral || (changedBy >= 0 && changedBy !== this.job),
    }
    this.states.set(id, edited)
    return edited
  }
}

const copied = (value: Value | Unseen | undefined): Value | Unseen | undefined =>
  value === undefined || value instanceof Unseen ? value : cloneValue(value)

/** Whether more fields or members than were read can be added to what jobs made of the others. */
const canGrow = ({ value, replaced, fresh }: State): boolean =>
  value instanceof Unseen === false &&
  (value?.type === 'hash' || value?.type === 'zset') &&
  value.partial !== undefined &&
  !replaced &&
  !fresh

/** The value with what `stored` has beyond what was read when it was made. */
function grownBy({ base, value }: State, stored: StoredKey): Value {
  const grown = cloneValue(value as HashValue | SortedSetValue)
  const now = stored.value() as HashValue | SortedSetValue
  if (grown.type === 'hash' && now.type === 'hash') {
    for (const [id, field] of now.fields) if (!base.hasPart(field.name)) grown.fields.set(id, field)
  } else if (grown.type === 'zset' && now.type === 'zset') {
    for (const [id, scored] of now.members) if (!base.hasPart(scored.member)) grown.members.set(id, scored)
  }
  if (now.partial === undefined) grown.partial = undefined
  return grown
}
