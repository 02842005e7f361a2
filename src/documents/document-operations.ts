import { Cell, type Plain } from '../engine/plaintext/cell.ts'
import { addToCounter } from '../engine/plaintext/counter.ts'
import type { Database } from '../engine/plaintext/database.ts'
import type { ListValue } from '../engine/plaintext/values.ts'
import { KvError } from '../errors/errors.ts'
import { setPath } from '../json/access.ts'
import { kindOf, parseInteger64, splitArray } from '../json/document.ts'
import type { PathSegment } from '../json/path.ts'
import { checkDepth } from '../json/validate.ts'
import { tells, tellsDeleted, tellsSet } from '../registry/notifies.ts'
import { runTelling } from '../registry/run-row.ts'
import { MAX_DEPTH, type Shown, shownPlain, shownValue } from './presentation.ts'

/**
 * What the endpoints do to a key, on plaintext: a single request and an operation of a batch run the same
 * function. Each throws before it changes anything, and calls a writing method of `db` only when something
 * changes, so that the version counts true.
 */

/** Longest TTL: some 31,000 years, so that any moment in milliseconds stays an exact double. */
export const MAX_TTL_SECONDS = 999_999_999_999
export const MAX_TTL_MS = MAX_TTL_SECONDS * 1_000

export type Side = 'left' | 'right'

export interface PutOptions {
  readonly nx: boolean
  readonly xx: boolean
  readonly keepTtl: boolean
  /** 0: no TTL. */
  readonly ttlMs: number
}

export const documentOf = (text: string): Plain => ({ bytes: Buffer.from(text), json: true })

const mismatch = (fact: string): KvError => new KvError('type_mismatch', fact)

export const checkSize = (text: string, maxBytes: number): string => {
  // No character takes more than three bytes a UTF-16 unit.
  if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) throw new KvError('value_too_large')
  return text
}

/** True when the key was made. Throws `key_exists` or `key_not_exists` for a refused nx or xx. */
export function set(
  db: Database,
  name: Buffer,
  text: string,
  { nx, xx, keepTtl, ttlMs }: PutOptions,
): boolean {
  const exists = db.has(name)
  if (nx && exists) throw new KvError('key_exists')
  if (xx && !exists) throw new KvError('key_not_exists')
  runTelling(db, tellsSet(ttlMs === 0 ? 'never' : 'always'), '$', [], () =>
    db.setPlain(name, documentOf(text), { keepTtl, expireAt: ttlMs === 0 ? 0 : db.now + ttlMs }),
  )
  return !exists
}

export function get(db: Database, name: Buffer): Shown | undefined {
  const value = db.value(name)
  return value === undefined ? undefined : shownValue(value)
}

/**
 * The sum; a missing key counts from 0. Throws `type_mismatch` for anything but an integer, `overflow` beyond
 * 64 bits.
 */
export function increment(db: Database, name: Buffer, by: bigint): bigint {
  const value = db.value(name)
  const current =
    value === undefined
      ? 0n
      : value.type === 'string'
        ? parseInteger64(shownPlain(value.cell.open()).text)
        : undefined
  if (current === undefined) throw mismatch('value is not an integer')
  return runTelling(db, tells('incrby'), '$', [], () => addToCounter(db, name, current, by, { json: true }))
}

/** How many elements the list has, undefined when the key is missing. */
export function length(db: Database, name: Buffer): number | undefined {
  const value = db.value(name)
  switch (value?.type) {
    case undefined:
      return undefined
    case 'list':
      return value.cells.length
    case 'string': {
      const { text } = shownPlain(value.cell.open())
      if (kindOf(text) === 'array') return splitArray(text).length
    }
  }
  throw mismatch('value is not a list')
}

/** The list to be changed, after `length` has found that it is one. */
function editList(db: Database, name: Buffer): ListValue {
  const value = db.value(name)
  if (value?.type === 'string' && !value.cell.open().json) {
    // What REST shows as an array, it also lets its caller use as one.
    db.setPlain(name, documentOf(shownPlain(value.cell.open()).text), { keepTtl: true })
  }
  return db.editList(name)
}

/** The new length. */
export function push(db: Database, name: Buffer, side: Side, text: string): number {
  length(db, name)
  return runTelling(db, tells(side === 'left' ? 'lpush' : 'rpush'), 'l', [], () => {
    const { cells } = editList(db, name)
    const cell = Cell.of(documentOf(text))
    if (side === 'left') cells.unshift(cell)
    else cells.push(cell)
    return cells.length
  })
}

/**
 * The element; undefined when there is none. The last one leaves an empty list behind, which Redis has only
 * as a document.
 */
export function pop(db: Database, name: Buffer, side: Side): Shown | undefined {
  if ((length(db, name) ?? 0) === 0) return undefined
  return runTelling(db, tells(side === 'left' ? 'lpop' : 'rpop'), 'l', [], () => {
    const { cells } = editList(db, name)
    const cell = (side === 'left' ? cells.shift() : cells.pop())!
    const shown = shownPlain(cell.open())
    if (cells.length === 0) db.setPlain(name, documentOf('[]'), { keepTtl: true })
    return shown
  })
}

export interface PatchOptions {
  /** Whether a missing key counts as `{}`. */
  readonly create: boolean
  readonly maxBytes: number
}

/**
 * Sets what is at the path. Throws `no_such_key`, `type_mismatch`, `invalid_path`, `invalid_value` (too deep)
 * or `value_too_large`.
 */
export function patch(
  db: Database,
  name: Buffer,
  segments: readonly PathSegment[],
  text: string,
  { create, maxBytes }: PatchOptions,
): void {
  const value = db.value(name)
  const put = (root: string, path: readonly PathSegment[]): Plain => {
    const result = setPath(root, path, text)
    checkDepth(result, { maxDepth: MAX_DEPTH })
    return documentOf(checkSize(result, maxBytes))
  }
  if (value === undefined) {
    if (!create) throw new KvError('no_such_key')
    const plain = put('{}', segments)
    runTelling(db, tells('set'), '$', [], () => db.setPlain(name, plain))
  } else if (value.type === 'string') {
    const plain = put(shownPlain(value.cell.open()).text, segments)
    runTelling(db, tells('set'), '$', [], () => db.setPlain(name, plain, { keepTtl: true }))
  } else if (value.type === 'hash') {
    const [first, ...rest] = segments
    if (typeof first !== 'string') throw mismatch('value is not an array')
    const field = Buffer.from(first)
    const id = field.toString('latin1')
    const old = value.fields.get(id)
    const root = old === undefined ? '{}' : shownPlain(old.cell.open()).text
    const plain = rest.length === 0 ? documentOf(text) : put(root, rest)
    runTelling(db, tells('hset'), 'h', [], () =>
      db.editHash(name).fields.set(id, { name: field, cell: Cell.of(plain) }),
    )
  } else {
    throw mismatch('value is not an object')
  }
}

/** Whether there was anything to delete. */
export const remove = (db: Database, name: Buffer): boolean =>
  runTelling(db, tellsDeleted, 'g', [], () => db.remove(name))
