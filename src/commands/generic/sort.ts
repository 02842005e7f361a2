import { Cell } from '../../engine/plaintext/cell.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import type { Need } from '../../engine/plaintext/extent.ts'
import { KvError } from '../../errors/errors.ts'
import { parseFloat64 } from '../../redis-semantics/floats.ts'
import { firstKey, tellsStored } from '../../registry/notifies.ts'
import { data, FIRST_KEY } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { inOrder } from '../sorted-sets/sorted-set-order.ts'
import { parseSortOptions, SORT_KEYS, type SortOptions } from './sort-options.ts'

const STAR = 0x2a
const DOLLAR = 0x24
const ARROW = Buffer.from('->')
const EMPTY = Buffer.alloc(0)

/** Names one value for each element: a key, or a field of a key. */
interface Pattern {
  /** Undefined when it names nothing, as a pattern without `*` does not. */
  readonly needOf: (element: Buffer) => Need | undefined
  readonly valueFor: (db: Database, element: Buffer) => Buffer | undefined
}

function compilePattern(pattern: Buffer): Pattern {
  const star = pattern.indexOf(STAR)
  if (star < 0) return { needOf: () => undefined, valueFor: () => undefined }
  const arrow = pattern.indexOf(ARROW, star + 1)
  const end = arrow < 0 || arrow + 2 === pattern.length ? pattern.length : arrow
  const field = end === pattern.length ? undefined : pattern.subarray(end + 2)
  const [before, after] = [pattern.subarray(0, star), pattern.subarray(star + 1, end)]
  const nameOf = (element: Buffer): Buffer | undefined => {
    const name = Buffer.concat([before, element, after])
    // A reserved name is no key of the user's.
    return name[0] === DOLLAR ? undefined : name
  }
  return {
    needOf: (element) => {
      const name = nameOf(element)
      return name && { name, extent: field === undefined ? 'all' : [field] }
    },
    valueFor: (db, element) => {
      const name = nameOf(element)
      const value = name && db.value(name)
      if (field === undefined) return value?.type === 'string' ? value.cell.bytes : undefined
      return value?.type === 'hash' ? value.fields.get(field.toString('latin1'))?.cell.bytes : undefined
    },
  }
}

const THE_ELEMENT: Pattern = { needOf: () => undefined, valueFor: (_db, element) => element }

const getPattern = (pattern: Buffer): Pattern =>
  pattern.toString('latin1') === '#' ? THE_ELEMENT : compilePattern(pattern)

/** Loads all that the patterns name. */
const load = (db: Database, patterns: readonly Pattern[], elements: readonly Buffer[]): void =>
  db.require(patterns.flatMap(({ needOf }) => elements.flatMap((element) => needOf(element) ?? [])))

/** As C sees a text. */
function untilNul(bytes: Buffer): Buffer {
  const nul = bytes.indexOf(0)
  return nul < 0 ? bytes : bytes.subarray(0, nul)
}

/** Below it a double has lost digits, which C's strtod calls out of range. */
const LEAST_NORMAL = 2 ** -1022

/** What strtod makes of the whole text: white space before it passes, and an empty one is zero. */
function weightOf(bytes: Buffer): number {
  const text = untilNul(bytes)
  if (text.length === 0) return 0
  let start = 0
  while (start < text.length && /[ \t\n\v\f\r]/.test(String.fromCharCode(text[start]!))) start++
  const weight = parseFloat64(text.subarray(start))
  if (weight === undefined || (weight !== 0 && Math.abs(weight) < LEAST_NORMAL)) {
    throw new KvError('sort_not_float')
  }
  return weight
}

type Compare = (a: Buffer, b: Buffer) => number

/**
 * Redis collates what it sends, which in the C locale ends at a NUL, and compares all bytes of what it
 * stores.
 */
const collated: Compare = (a, b) => Buffer.compare(untilNul(a), untilNul(b))

function sortedBy<K>(
  elements: readonly Buffer[],
  keyOf: (element: Buffer) => K,
  compare: (a: K, b: K) => number,
  ties: Compare,
): Buffer[] {
  const pairs = elements.map((element) => ({ element, key: keyOf(element) }))
  return pairs
    .sort((a, b) => compare(a.key, b.key) || ties(a.element, b.element))
    .map(({ element }) => element)
}

const byWeight = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)

/** A missing value comes first. */
const missingFirst =
  (compare: Compare) =>
  (a: Buffer | undefined, b: Buffer | undefined): number =>
    a === undefined || b === undefined ? Number(a !== undefined) - Number(b !== undefined) : compare(a, b)

/**
 * What is to be sorted, in the order that it keeps when it is not: of a set there is none, so it is sorted by
 * its bytes then.
 */
function elementsOf(db: Database, name: Buffer): { elements: Buffer[]; ordered: boolean } {
  const value = db.value(name)
  switch (value?.type) {
    case undefined:
      return { elements: [], ordered: true }
    case 'set':
      return { elements: [...value.members.values()], ordered: false }
    case 'zset':
      return { elements: inOrder(value.members.values()).map(({ member }) => member), ordered: true }
    case 'list':
    case 'string':
      // A document that is an array is a list.
      return { elements: db.list(name)!.cells.map(({ bytes }) => bytes), ordered: true }
    default:
      throw new KvError('wrong_type')
  }
}

function inSortOrder(
  db: Database,
  name: Buffer,
  options: SortOptions,
  loaded: (elements: readonly Buffer[]) => void,
): Buffer[] {
  const { elements, ordered } = elementsOf(db, name)
  const { descending, by, store } = options
  const asGiven = by !== undefined && !by.includes(STAR)
  loaded(elements)
  if (asGiven && ordered) return descending ? elements.reverse() : elements
  const sign = descending ? -1 : 1
  const compare: Compare = store === undefined ? collated : Buffer.compare
  const directed: Compare = (a, b) => sign * compare(a, b)
  const asTheyCame: Compare = () => 0
  const pattern = by === undefined || asGiven ? undefined : compilePattern(by)
  if (options.alpha || asGiven) {
    if (pattern === undefined) return elements.sort(directed)
    const compareKeys = missingFirst(compare)
    return sortedBy(
      elements,
      (element) => pattern.valueFor(db, element),
      (a, b) => sign * compareKeys(a, b),
      asTheyCame,
    )
  }
  const weight = (element: Buffer): number => {
    const bytes = pattern === undefined ? element : pattern.valueFor(db, element)
    return bytes === undefined ? 0 : weightOf(bytes)
  }
  return sortedBy(
    elements,
    weight,
    (a, b) => sign * byWeight(a, b),
    (a, b) => sign * Buffer.compare(a, b),
  )
}

/** Rows of what GET asks for, or the elements themselves. */
function sortedValues(db: Database, name: Buffer, options: SortOptions): (Buffer | undefined)[] {
  const { by, offset, count } = options
  const get = options.get.map(getPattern)
  const all = offset <= 0 && count < 0
  const sorted = inSortOrder(db, name, options, (elements) => {
    const weights = by === undefined ? [] : [compilePattern(by)]
    load(db, all ? [...weights, ...get] : weights, elements)
  })
  const start = Math.max(0, offset)
  const window = all ? sorted : sorted.slice(start, count < 0 ? undefined : start + count)
  if (get.length === 0) return window
  load(db, get, window)
  return window.flatMap((element) => get.map(({ valueFor }) => valueFor(db, element)))
}

const orNull = (values: readonly (Buffer | undefined)[]): Reply => values.map((value) => value ?? null)

function sort(db: Database, args: readonly Buffer[]): Reply {
  const options = parseSortOptions(args, true)
  const values = sortedValues(db, args[1]!, options)
  const { store } = options
  if (store === undefined) return orNull(values)
  if (values.length === 0) db.remove(store)
  else db.put(store, { type: 'list', cells: values.map((value) => Cell.bytes(value ?? EMPTY)) }, 0)
  return values.length
}

const group = 'generic'
const complexity = 'O(N+M*log(M)) in the number of elements (N) and of those that are returned (M)'
const options = 'key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]'

export const SORT = [
  data({
    name: 'sort',
    arity: -2,
    flags: 'write denyoom movablekeys',
    notifies: tellsStored('sortstore', 'l'),
    misses: firstKey,
    group,
    since: '1.0.0',
    keys: SORT_KEYS,
    syntax: `${options} [STORE destination]`,
    summary: 'Sorts a list, a set or a sorted set, and returns or stores the result.',
    complexity,
    extent: (_args, index) => (index === 1 ? 'all' : 'meta'),
    run: sort,
  }),
  data({
    name: 'sort_ro',
    arity: -2,
    flags: 'readonly movablekeys',
    group,
    since: '7.0.0',
    keys: FIRST_KEY,
    syntax: options,
    summary: 'Sorts a list, a set or a sorted set, and returns the result.',
    complexity,
    run: (db, args) => orNull(sortedValues(db, args[1]!, parseSortOptions(args, false))),
  }),
]
