import type { Cell } from './cell.ts'
import { cloneStream, type StreamValue, streamForOtherKey } from './stream-value.ts'

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

/**
 * Fields by `idOf(name)`. A hash of which only some fields were loaded has `partial` set to the number of
 * fields that it has in all.
 */
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

/** Members by `idOf(member)`; `partial` as in a hash. */
export interface SortedSetValue {
  readonly type: 'zset'
  members: Map<string, ScoredMember>
  partial: number | undefined
}

export type Value = StringValue | ListValue | HashValue | SetValue | SortedSetValue | StreamValue

export type ValueType = Value['type']

/** A key of which only the type was asked for: its contents were not loaded. */
export class Unseen {
  readonly type: ValueType

  constructor(type: ValueType) {
    this.type = type
  }
}

const VALUE_TYPES: readonly string[] = [
  'string',
  'list',
  'hash',
  'set',
  'zset',
  'stream',
] satisfies ValueType[]

export const isValueType = (type: string): type is ValueType => VALUE_TYPES.includes(type)

export function sizeOf(value: Value): number {
  switch (value.type) {
    case 'string':
      return 1
    case 'list':
      return value.cells.length
    case 'hash':
      return value.partial ?? value.fields.size
    case 'set':
      return value.members.size
    case 'zset':
      return value.partial ?? value.members.size
    case 'stream':
      return value.entries.length
  }
}

/** A copy whose containers may be changed without touching the original; cells are immutable and shared. */
export function cloneValue<V extends Value>(value: V): V {
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
        fields: new Map(
          Array.from(value.fields, ([id, { name, cell }]) => [id, { name, cell: cell.copy() }]),
        ),
        partial: undefined,
      }
    case 'set':
    case 'zset':
      return cloneValue(value)
    case 'stream':
      return streamForOtherKey(value)
  }
}

export const newHash = (): HashValue => ({ type: 'hash', fields: new Map(), partial: undefined })
export const newSet = (): SetValue => ({ type: 'set', members: new Map() })
export const newSortedSet = (): SortedSetValue => ({ type: 'zset', members: new Map(), partial: undefined })
