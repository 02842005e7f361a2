import { KvError } from '../../errors/errors.ts'
import { splitArray } from '../../json/document.ts'
import { Cell, type Plain } from './cell.ts'
import type { Need } from './extent.ts'
import { idOf } from './id.ts'
import { NotLoaded } from './not-loaded.ts'
import type { Snapshot } from './snapshot.ts'
import type { StoredKey } from './stored-key.ts'
import { newStream, type StreamValue } from './stream-value.ts'
import {
  cloneValue,
  type HashValue,
  type ListValue,
  type SetValue,
  type SortedSetValue,
  sizeOf,
  Unseen,
  type Value,
  type ValueType,
} from './values.ts'

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
}

const OPEN_BRACKET = 0x5b

export interface DatabaseLimits {
  /** Bytes of a string. */
  readonly maxValueSize: number
}

/**
 * What WATCH saw of a key: the version of its last write, or the automation's version at which it was absent.
 */
export type Watched = { readonly version: string } | { readonly absentAt: number }

/**
 * The keys of one automation in plaintext, as Redis would hold them: commands that the backing Redis cannot
 * compute on ciphertext run here, with Redis's semantics, and what they changed is written back by one
 * guarded commit. Jobs (a command, a transaction, a batch) run one after the other and can be rolled back one
 * by one. Only keys named in advance are here; looking at another starts the work again with that key loaded.
 */
export class Database {
  private readonly snapshot: Snapshot
  private readonly limits: DatabaseLimits
  private readonly states = new Map<string, KeyState>()
  private undo = new Map<string, KeyState>()
  private job = -1

  constructor(snapshot: Snapshot, limits: DatabaseLimits) {
    this.snapshot = snapshot
    this.limits = limits
  }

  /** The backing Redis's clock at the snapshot, milliseconds since the epoch. */
  get now(): number {
    return this.snapshot.now
  }

  // Jobs

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
    return [...this.states.values()].filter((state) => state.changedBy >= 0)
  }

  // Reading

  has(name: Buffer): boolean {
    return this.state(name).value !== undefined
  }

  value(name: Buffer): Value | undefined {
    return this.seen(name)
  }

  type(name: Buffer): string {
    return this.state(name).value?.type ?? 'none'
  }

  /** The bytes of a string as RESP shows them, undefined when the key is missing. Throws `wrong_type`. */
  bytes(name: Buffer): Buffer | undefined {
    return this.stringCell(name)?.bytes
  }

  /** A string as it was written, undefined when the key is missing. Throws `wrong_type`. */
  plain(name: Buffer): Plain | undefined {
    return this.stringCell(name)?.open()
  }

  /**
   * A list, also when it is kept as a document that holds an array; undefined when the key is missing. Throws
   * `wrong_type`.
   */
  list(name: Buffer): Readonly<ListValue> | undefined {
    const value = this.seen(name)
    if (value?.type === 'string') return listOfDocument(value.cell.open())
    return this.expect(name, 'list')
  }

  hash(name: Buffer): Readonly<HashValue> | undefined {
    return this.expect(name, 'hash')
  }

  set(name: Buffer): Readonly<SetValue> | undefined {
    return this.expect(name, 'set')
  }

  sortedSet(name: Buffer): Readonly<SortedSetValue> | undefined {
    return this.expect(name, 'zset')
  }

  /** To be changed only by the functions of stream-edit.ts, on what `editStream` gives. */
  stream(name: Buffer): StreamValue | undefined {
    return this.expect(name, 'stream')
  }

  /** Milliseconds since the epoch, 0 without a TTL or without the key. */
  expireAt(name: Buffer): number {
    return this.state(name).expireAt
  }

  /** Bookkeeping of a key as stored: when it was created and last updated, and by which version. */
  stored(name: Buffer): StoredKey {
    const stored = this.snapshot.keys.get(idOf(name))
    if (stored === undefined) throw new NotLoaded([{ name, extent: 'all' }])
    return stored
  }

  /** Loads these keys at once, where looking at one after the other would start the work again for each. */
  require(needs: readonly Need[]): void {
    const missing = needs.filter(({ name, extent }) => !this.snapshot.keys.get(idOf(name))?.covers(extent))
    if (missing.length > 0) throw new NotLoaded(missing)
  }

  /** What stands for a HyperLogLog element. */
  hashElement(element: Buffer): Buffer {
    return this.snapshot.automation.sealer.hashElement(element)
  }

  /** The names of all keys of the automation, in no order. */
  names(): Buffer[] {
    if (!this.snapshot.complete) throw new NotLoaded('all-names')
    return [...this.snapshot.keys.values()].map(({ name }) => name).filter((name) => this.has(name))
  }

  /** Whether nothing has touched a key since it was watched, also none of the jobs before this one. */
  untouchedSince(name: Buffer, watched: Watched): boolean {
    if (this.state(name).changedBy >= 0) return false
    const { live, version, deletedBy } = this.stored(name)
    if ('version' in watched) return live && version === watched.version
    return !live && Math.max(deletedBy, this.snapshot.forgottenDeletion) <= watched.absentAt
  }

  /**
   * When a key that exists was created and last updated, milliseconds since the epoch, with what the jobs of
   * this round did to it.
   */
  times(name: Buffer): { createdAt: number; updatedAt: number } {
    const { createdAt, updatedAt } = this.stored(name)
    const { fresh, changedBy } = this.state(name)
    return { createdAt: fresh ? this.now : createdAt, updatedAt: changedBy < 0 ? updatedAt : this.now }
  }

  // Writing: anyone who calls one of these has changed something, and the version grows

  /**
   * SETRANGE, APPEND, SETBIT and BITFIELD may grow a string up to the largest value that may be stored.
   * Throws `string_too_long`.
   */
  checkLength(bytes: number): void {
    if (bytes > this.limits.maxValueSize) throw new KvError('string_too_long')
  }

  setBytes(name: Buffer, bytes: Buffer, options: { keepTtl?: boolean; expireAt?: number } = {}): void {
    this.setPlain(name, { bytes, json: false }, options)
  }

  /** Replaces whatever is there. Without `keepTtl` or `expireAt` the TTL is gone, as after SET. */
  setPlain(
    name: Buffer,
    plain: Plain,
    { keepTtl = false, expireAt = 0 }: { keepTtl?: boolean; expireAt?: number } = {},
  ): void {
    this.put(name, { type: 'string', cell: Cell.of(plain) }, keepTtl ? this.state(name).expireAt : expireAt)
  }

  put(name: Buffer, value: Value, expireAt: number): void {
    const state = this.edit(name)
    if (state.value === undefined) state.fresh = true
    state.value = value
    state.replaced = true
    state.expireAt = expireAt
  }

  /** The list to be changed; made when missing, turned from a document into a native list when it is one. */
  editList(name: Buffer): ListValue {
    const list = this.list(name)
    const state = this.edit(name)
    if (state.value?.type === 'string') {
      state.value = list
      state.replaced = true
    }
    return this.existingOrNew(state, () => ({ type: 'list', cells: [] }))
  }

  editHash(name: Buffer): HashValue {
    this.hash(name)
    return this.existingOrNew(this.edit(name), () => ({
      type: 'hash',
      fields: new Map(),
      partial: undefined,
    }))
  }

  editSet(name: Buffer): SetValue {
    this.set(name)
    return this.existingOrNew(this.edit(name), () => ({ type: 'set', members: new Map() }))
  }

  editSortedSet(name: Buffer): SortedSetValue {
    this.sortedSet(name)
    return this.existingOrNew(this.edit(name), () => ({ type: 'zset', members: new Map() }))
  }

  /** Unlike the others a stream stays when it is empty. */
  editStream(name: Buffer): StreamValue {
    this.stream(name)
    return this.existingOrNew(this.edit(name), newStream)
  }

  /** Deletes the key; false when there was none. */
  remove(name: Buffer): boolean {
    if (!this.has(name)) return false
    const state = this.edit(name)
    state.value = undefined
    state.expireAt = 0
    return true
  }

  /** As Redis does after it took something from a collection. */
  removeIfEmpty(name: Buffer): void {
    const value = this.seen(name)
    if (value !== undefined && sizeOf(value) === 0) this.remove(name)
  }

  /** Sets (0: clears) the TTL of an existing key; a moment that has passed deletes it. */
  setExpireAt(name: Buffer, expireAt: number): void {
    if (expireAt !== 0 && expireAt <= this.now) this.remove(name)
    else this.edit(name).expireAt = expireAt
  }

  private stringCell(name: Buffer): Cell | undefined {
    return this.expect(name, 'string')?.cell
  }

  /** The contents of a key: asks for them when only its type was loaded. */
  private seen(name: Buffer): Value | undefined {
    const { value } = this.state(name)
    if (value instanceof Unseen) throw new NotLoaded([{ name, extent: 'all' }])
    return value
  }

  private expect<T extends ValueType>(name: Buffer, type: T): Extract<Value, { type: T }> | undefined {
    const { value } = this.state(name)
    if (value === undefined) return undefined
    if (value.type !== type) throw new KvError('wrong_type')
    return this.seen(name) as Extract<Value, { type: T }>
  }

  private existingOrNew<V extends Value>(state: KeyState, make: () => V): V {
    if (state.value === undefined) {
      state.value = make()
      state.expireAt = 0
      state.fresh = true
    }
    return state.value as V
  }

  private state(name: Buffer): KeyState {
    const id = idOf(name)
    let state = this.states.get(id)
    if (state === undefined) {
      const stored = this.stored(name)
      state = {
        name,
        value: stored.value(),
        expireAt: stored.live ? stored.expireAt : 0,
        fresh: false,
        replaced: false,
        changedBy: -1,
      }
      this.states.set(id, state)
    }
    return state
  }

  /**
   * The state to be changed by the current job: copied at its first change, so that the job can be rolled
   * back.
   */
  private edit(name: Buffer): KeyState {
    const id = idOf(name)
    const state = this.state(name)
    if (this.undo.has(id)) return state
    this.undo.set(id, state)
    const edited = { ...state, value: copied(state.value), changedBy: this.job }
    this.states.set(id, edited)
    return edited
  }
}

const copied = (value: Value | Unseen | undefined): Value | Unseen | undefined =>
  value === undefined || value instanceof Unseen ? value : cloneValue(value)

/**
 * The elements of a document that is an array, each a document of its own; throws `wrong_type` for any other
 * string.
 */
function listOfDocument(plain: Plain): ListValue {
  if (!plain.json || plain.bytes[0] !== OPEN_BRACKET) throw new KvError('wrong_type')
  const cells = splitArray(plain.bytes.toString()).map((text) =>
    Cell.of({ bytes: Buffer.from(text), json: true }),
  )
  return { type: 'list', cells }
}
