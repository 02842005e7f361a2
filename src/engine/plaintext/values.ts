import { NotLoaded } from './not-loaded.ts'
import type { Location } from '../../automation/location.ts'
import type { Sealer } from '../../automation/sealer.ts'
import { stringContent } from '../../json/document.ts'
import { cloneStream, streamForOtherKey, type StreamValue } from './stream-value.ts'

/** What a sealed value holds: bytes as RESP writes them, or the text of a JSON document as REST writes it. */
export interface Plain {
  readonly bytes: Buffer
  readonly json: boolean
}

const QUOTE = 0x22

/** The bytes that a RESP client sees: a JSON string shows as its bare characters, any other document as its text. */
export const respBytes = (plain: Plain): Buffer =>
  plain.json && plain.bytes[0] === QUOTE ? Buffer.from(stringContent(plain.bytes.toString())) : plain.bytes

export const bytesOf = (bytes: Buffer): Plain => ({ bytes, json: false })

/**
 * One sealed unit: a whole string, a list element, a hash value. It is opened when first looked at and sealed when first written,
 * and keeps its ciphertext as an exact handle on what lies in Redis. A ciphertext is bound to its place: anyone who puts a cell under
 * another key or field uses `copy`, which leaves the ciphertext behind.
 */
export class Cell {
  private plain: Plain | undefined
  private visible: Buffer | undefined
  private sealed: Buffer | undefined
  private unseenIn: Buffer | undefined
  private isRaw = false
  private readonly location: Location | undefined
  private readonly sealer: Sealer | undefined

  private constructor(plain: Plain | undefined, sealed?: Buffer, location?: Location, sealer?: Sealer) {
    this.plain = plain
    this.sealed = sealed
    this.location = location
    this.sealer = sealer
  }

  static of(plain: Plain): Cell {
    return new Cell(plain)
  }

  static bytes(bytes: Buffer): Cell {
    return new Cell({ bytes, json: false })
  }

  static stored(sealed: Buffer, location: Location, sealer: Sealer): Cell {
    return new Cell(undefined, sealed, location, sealer)
  }

  /** An element in the middle of a list of which only the ends were loaded: looking at it loads the rest. */
  static unseen(key: Buffer): Cell {
    const cell = new Cell(undefined)
    cell.unseenIn = key
    return cell
  }

  /** Kept as it is, in the clear and under any key: a HyperLogLog sketch, which holds nothing but keyed hashes. */
  static raw(bytes: Buffer): Cell {
    const cell = new Cell({ bytes, json: false }, bytes)
    cell.isRaw = true
    return cell
  }

  /** Throws `unreadable` when the ciphertext is damaged or lies in a wrong place. */
  open(): Plain {
    if (this.unseenIn !== undefined) throw new NotLoaded([{ name: this.unseenIn, extent: 'all' }])
    this.plain ??= this.sealer!.open(this.location!, this.sealed!)
    return this.plain
  }

  /** As RESP shows it. */
  get bytes(): Buffer {
    this.visible ??= respBytes(this.open())
    return this.visible
  }

  /** What it holds, if it has been opened and is kept sealed. */
  get known(): Plain | undefined {
    return this.isRaw ? undefined : this.plain
  }

  sealAt(location: Location, sealer: Sealer): Buffer {
    if (this.sealed === undefined) {
      const { bytes, json } = this.open()
      this.sealed = sealer.seal(location, bytes, json)
    }
    return this.sealed
  }

  copy(): Cell {
    return this.isRaw ? this : new Cell(this.open())
  }
}

export interface StringValue {
  readonly type: 'string'
  readonly cell: Cell
}

export interface ListValue {
  readonly type: 'list'
  cells: Cell[]
}

export interface HashField {
  readonly name: Buffer
  readonly cell: Cell
}

/** Fields by `idOf(name)`. A hash of which only some fields were loaded has `partial` set to the number of fields that it has in all. */
export interface HashValue {
  readonly type: 'hash'
  fields: Map<string, HashField>
  partial: number | undefined
}

export interface SetValue {
  readonly type: 'set'
  members: Map<string, Buffer>
}

export interface ScoredMember {
  readonly member: Buffer
  readonly score: number
}

export interface SortedSetValue {
  readonly type: 'zset'
  members: Map<string, ScoredMember>
}

/** A key of which only the type was asked for. */
export class Unseen {
  readonly type: Value['type']
  constructor(type: string) {
    this.type = type as Value['type']
  }
}

export type Value = StringValue | ListValue | HashValue | SetValue | SortedSetValue | StreamValue

/** Binary-safe identity of a name, field or member, for use as a Map key. */
export const idOf = (bytes: Buffer): string => bytes.toString('latin1')

export function sizeOf(value: Value): number {
  switch (value.type) {
    case 'string':
      return 1
    case 'list':
      return value.cells.length
    case 'hash':
      return value.partial ?? value.fields.size
    case 'set':
    case 'zset':
      return value.members.size
    case 'stream':
      return value.entries.length
  }
}

/** A copy whose containers may be changed without touching the original; cells are immutable and shared. */
export function cloneValue<V extends Value>(value: V): V {
  if (value instanceof Unseen) return value
  switch (value.type) {
    case 'string':
      return value
    case 'list':
      return { ...value, cells: value.cells.slice() }
    case 'hash':
      return { ...value, fields: new Map(value.fields) }
    case 'set':
    case 'zset':
      return { ...value, members: new Map(value.members as Map<string, never>) }
    case 'stream':
      return cloneStream(value) as V
  }
}

/** The same contents for another key: nothing of the old place's ciphertext goes along. */
export function valueForOtherKey(value: Value): Value {
  switch (value.type) {
    case 'string':
      return { type: 'string', cell: value.cell.copy() }
    case 'list':
      return { type: 'list', cells: value.cells.map((cell) => cell.copy()) }
    case 'hash':
      return {
        type: 'hash',
        fields: new Map(Array.from(value.fields, ([id, { name, cell }]) => [id, { name, cell: cell.copy() }])),
        partial: undefined,
      }
    case 'set':
    case 'zset':
      return cloneValue(value)
    case 'stream':
      return streamForOtherKey(value)
  }
}
