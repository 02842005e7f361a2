import { KvError } from '../../errors/errors.ts'
import { OutgoingMessages } from '../messaging/outgoing.ts'
import { Cell, type Plain } from './cell.ts'
import type { Need } from './extent.ts'
import { type KeyState, KeyStates, type Watched } from './key-states.ts'
import { listOfDocument } from './list-document.ts'
import { NotLoaded } from './not-loaded.ts'
import { type InfoSections, NOTHING_OUTSIDE, type Outside, type Snapshot } from './snapshot.ts'
import type { StoredKey } from './stored-key.ts'
import { newStream, type StreamValue } from './stream-value.ts'
import {
  type HashValue,
  type ListValue,
  type SetValue,
  type SortedSetValue,
  sizeOf,
  type Value,
  type ValueType,
} from './values.ts'

export type { KeyState, Watched }

export interface DatabaseLimits {
  /** Bytes of a string. */
  readonly maxValueSize: number
}

/**
 * The keys of one automation in plaintext, as Redis would hold them: commands that the backing Redis cannot
 * compute on ciphertext run here, with Redis's semantics, and what they changed is written back by one
 * guarded commit. Jobs (a command, a transaction, a batch) run one after the other and can be rolled back one
 * by one. Only keys named in advance are here; looking at another loads it, for which the work has to wait or
 * to start again.
 */
export class Database {
  private readonly snapshot: Snapshot
  private readonly limits: DatabaseLimits
  private readonly states: KeyStates
  private readonly outside: Outside
  readonly messages: OutgoingMessages

  constructor(snapshot: Snapshot, limits: DatabaseLimits, outside: Outside = NOTHING_OUTSIDE) {
    this.snapshot = snapshot
    this.limits = limits
    this.outside = outside
    this.states = new KeyStates(snapshot)
    this.messages = new OutgoingMessages(() => known(outside.listeners(), 'listeners'))
  }

  /** The backing Redis's clock at the snapshot, milliseconds since the epoch. */
  get now(): number {
    return this.snapshot.now
  }

  // Jobs: see KeyStates
  beginJob(ordinal: number): void {
    this.states.beginJob(ordinal)
    this.messages.beginJob()
  }

  /** Takes back whatever the current job changed. */
  rollback(): void {
    this.states.rollback()
    this.messages.rollback()
  }

  /** Runs a part of the current job; what it changed or published is taken back when it throws. */
  attempt<T>(work: () => T): T {
    return this.states.attempt(() => this.messages.attempt(work))
  }

  /** Whether the current job changed anything. */
  get changed(): boolean {
    return this.states.changed
  }

  /** How many keys the current job made where none was. */
  get created(): number {
    return this.states.created
  }

  /** The keys that any job changed. */
  changedKeys(): KeyState[] {
    return this.states.changedKeys()
  }

  /** INFO's sections as they were before this computation. */
  info(): InfoSections {
    return known(this.outside.info(), 'info')
  }

  // Reading

  has(name: Buffer): boolean {
    return this.states.of(name).value !== undefined
  }

  value(name: Buffer): Value | undefined {
    return this.seen(name)
  }

  type(name: Buffer): string {
    return this.states.of(name).value?.type ?? 'none'
  }

  /** The bytes of a string as RESP shows them, undefined when the key is missing. Throws `wrong_type`. */
  bytes(name: Buffer): Buffer | undefined {
    return this.stringCell(name)?.bytes
  }

  /** A string as it was written, undefined when the key is missing. Throws `wrong_type`. */
  plain(name: Buffer): Plain | undefined {
    return this.stringCell(name)?.open()
  }

  /** A list, or a document that holds an array; undefined when the key is missing. Throws `wrong_type`. */
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
    return this.states.of(name).expireAt
  }

  /** Bookkeeping of a key as stored: when it was created and last updated, and by which version. */
  stored(name: Buffer): StoredKey {
    return this.states.stored(name)
  }

  /** Loads these keys at once, where looking at one after the other would take a round trip for each. */
  require(needs: readonly Need[]): void {
    this.states.require(needs)
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
    return this.states.untouchedSince(name, watched)
  }

  /** When an existing key was created and last updated, by these jobs too: milliseconds since the epoch. */
  times(name: Buffer): { createdAt: number; updatedAt: number } {
    return this.states.times(name)
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
    const expires = keepTtl ? this.states.of(name).expireAt : expireAt
    this.put(name, { type: 'string', cell: Cell.of(plain) }, expires)
  }

  put(name: Buffer, value: Value, expireAt: number): void {
    const state = this.states.edit(name)
    if (state.value === undefined) state.fresh = true
    state.value = value
    state.replaced = true
    state.expireAt = expireAt
  }

  /** The list to be changed; made when missing, turned from a document into a native list when it is one. */
  editList(name: Buffer): ListValue {
    const list = this.list(name)
    const state = this.states.edit(name)
    if (state.value?.type === 'string') {
      state.value = list
      state.replaced = true
    }
    return this.existingOrNew(state, () => ({ type: 'list', cells: [] }))
  }

  editHash(name: Buffer): HashValue {
    this.hash(name)
    return this.existingOrNew(this.states.edit(name), () => ({
      type: 'hash',
      fields: new Map(),
      partial: undefined,
    }))
  }

  editSet(name: Buffer): SetValue {
    this.set(name)
    return this.existingOrNew(this.states.edit(name), () => ({ type: 'set', members: new Map() }))
  }

  editSortedSet(name: Buffer): SortedSetValue {
    this.sortedSet(name)
    return this.existingOrNew(this.states.edit(name), () => ({
      type: 'zset',
      members: new Map(),
      partial: undefined,
    }))
  }

  /** Unlike the others a stream stays when it is empty. */
  editStream(name: Buffer): StreamValue {
    this.stream(name)
    return this.existingOrNew(this.states.edit(name), newStream)
  }

  /** Deletes the key; false when there was none. */
  remove(name: Buffer): boolean {
    if (!this.has(name)) return false
    const state = this.states.edit(name)
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
    else this.states.edit(name).expireAt = expireAt
  }

  private stringCell(name: Buffer): Cell | undefined {
    return this.expect(name, 'string')?.cell
  }

  /** The contents of a key: asks for them when only its type was loaded. */
  private seen(name: Buffer): Value | undefined {
    return this.states.valueOf(name)
  }

  private expect<T extends ValueType>(name: Buffer, type: T): Extract<Value, { type: T }> | undefined {
    const { value } = this.states.of(name)
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
}

function known<T>(found: T | undefined, needs: 'listeners' | 'info'): T {
  if (found === undefined) throw new NotLoaded(needs)
  return found
}
