import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { bitAt, countOnes, findBit, setBit } from '../../redis-semantics/bits.ts'
import { sourceKeys, tells, tellsNewOnly, tellsStored } from '../../registry/notifies.ts'
import { data, FIRST_KEY, type KeySpec, reads } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { int64, integer, integerFrom, rangeOf, word } from '../parsing/args.ts'
import { distinct } from '../parsing/distinct.ts'
import { fromString } from '../strings/string-access.ts'
import { bitOffset, grown } from './bit-offset.ts'
import { bitfield, bitfieldRo, readSteps } from './bitfield.ts'

/**
 * A command that only looks at one string. What is wrong with the arguments that `parse` reads, Redis says
 * before it looks.
 */
function looks<T>(
  parse: (args: readonly Buffer[]) => T,
  answer: (bytes: Buffer | null, parsed: T, args: readonly Buffer[]) => Reply,
) {
  const direct = fromString((bytes, args) => answer(bytes, parse(args), args))
  return {
    run: (db: Database, args: readonly Buffer[]): Reply => {
      const parsed = parse(args)
      return answer(db.bytes(args[1]!) ?? null, parsed, args)
    },
    direct: reads((call) => {
      parse(call.args)
      return direct.read(call)
    }, direct.reply),
  }
}

function setbit(db: Database, args: readonly Buffer[]): Reply {
  const offset = bitOffset(args[2]!)
  const bit = integerFrom(args[3]!, 0, 'bit_value')
  if (bit > 1) throw new KvError('bit_value')
  const old = db.bytes(args[1]!)
  const bytes = grown(db, old, offset)
  const before = bitAt(bytes, offset)
  if (bit !== before || bytes.length !== old?.length) {
    setBit(bytes, offset, bit)
    db.setBytes(args[1]!, bytes, { keepTtl: true })
  }
  return before
}

/** Whether a range counts in bits. */
function inBits(unit: Buffer | undefined): boolean {
  const name = word(unit)
  if (name !== 'BIT' && name !== 'BYTE') throw new KvError('syntax')
  return name === 'BIT'
}

/**
 * First and last bit of a range in bits or bytes; unlike other ranges, an end before the first one still
 * means the first one.
 */
function bitRange(
  start: number,
  end: number,
  length: number,
  bits: boolean,
): { from: number; to: number } | undefined {
  const unit = bits ? 1 : 8
  const count = (length * 8) / unit
  const range = rangeOf(start, end < 0 ? Math.max(0, count + end) : end, count)
  return range && { from: range.start * unit, to: (range.stop + 1) * unit - 1 }
}

function bitcount(bytes: Buffer | null, args: readonly Buffer[]): Reply {
  if (bytes === null) return 0
  if (args.length === 2) return bytes.length === 0 ? 0 : countOnes(bytes, 0, bytes.length * 8 - 1)
  if (args.length === 3 || args.length > 5) throw new KvError('syntax')
  const [start, end] = [int64(args[2]!), int64(args[3]!)]
  if (start < 0n && end < 0n && start > end) return 0
  const range = bitRange(
    integer(args[2]!),
    integer(args[3]!),
    bytes.length,
    args.length === 5 && inBits(args[4]),
  )
  return range === undefined ? 0 : countOnes(bytes, range.from, range.to)
}

function bitArgument(arg: Buffer): 0 | 1 {
  const bit = integer(arg)
  if (bit !== 0 && bit !== 1) throw new KvError('bitpos_bit')
  return bit
}

function bitpos(bytes: Buffer | null, bit: 0 | 1, args: readonly Buffer[]): Reply {
  if (bytes === null) return bit === 1 ? -1 : 0
  if (args.length > 6) throw new KvError('syntax')
  const start = args.length > 3 ? integer(args[3]!) : 0
  const bits = args.length === 6 && inBits(args[5])
  const end = args.length > 4 ? integer(args[4]!) : -1
  const range = bitRange(start, end, bytes.length, bits)
  if (range === undefined) return -1
  const found = findBit(bytes, bit, range.from, range.to)
  // Without an end, zeros are taken to follow the string.
  return found < 0 && bit === 0 && args.length <= 4 ? bytes.length * 8 : found
}

type Combine = (a: number, b: number) => number

const COMBINE: Readonly<Record<string, Combine>> = {
  AND: (a, b) => a & b,
  OR: (a, b) => a | b,
  XOR: (a, b) => a ^ b,
}

const EMPTY = Buffer.alloc(0)

/** The names that are given an odd number of times. */
function oddOnes(names: readonly Buffer[]): Buffer[] {
  const odd = new Map<string, Buffer>()
  for (const name of names) if (!odd.delete(idOf(name))) odd.set(idOf(name), name)
  return [...odd.values()]
}

function bitop(db: Database, args: readonly Buffer[]): Reply {
  const [, operation, target, ...names] = args as [Buffer, Buffer, Buffer, ...Buffer[]]
  const not = word(operation) === 'NOT'
  const combine = Object.hasOwn(COMBINE, word(operation)) ? COMBINE[word(operation)] : undefined
  if (!not && combine === undefined) throw new KvError('syntax')
  if (not && names.length !== 1) throw new KvError('bitop_not')
  const all = distinct(names).map((name) => db.bytes(name) ?? EMPTY)
  const length = all.reduce((most, source) => Math.max(most, source.length), 0)
  // Twice the same: AND and OR do not mind, XOR takes it back.
  const sources = word(operation) === 'XOR' ? oddOnes(names).map((name) => db.bytes(name) ?? EMPTY) : all
  if (length === 0) {
    db.remove(target)
    return 0
  }
  const result = Buffer.alloc(length)
  sources[0]?.copy(result)
  if (combine === undefined) for (let at = 0; at < length; at++) result[at] = ~result[at]!
  else
    for (const source of sources.slice(1))
      for (let at = 0; at < length; at++) result[at] = combine(result[at]!, source[at] ?? 0)
  db.setBytes(target, result)
  return length
}

const group = 'bitmap'

const TARGET_AND_SOURCES: KeySpec = { first: 2, last: -1, step: 1 }

export const BITMAPS = [
  data({
    name: 'bitcount',
    arity: -2,
    flags: 'readonly',
    group,
    since: '2.6.0',
    keys: FIRST_KEY,
    syntax: 'key [start end [BYTE | BIT]]',
    summary: 'Counts the bits that are set in a string.',
    complexity: 'O(N) in the length of the string',
    ...looks(
      () => undefined,
      (bytes, _parsed, args) => bitcount(bytes, args),
    ),
  }),
  data({
    name: 'bitfield',
    arity: -2,
    flags: 'write denyoom',
    notifies: tellsNewOnly,
    group,
    since: '3.2.0',
    keys: FIRST_KEY,
    syntax:
      'key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | INCRBY encoding offset increment> ' +
      '[GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | INCRBY encoding offset increment> ...]]',
    summary: 'Reads, sets and increments integers of any width within a string.',
    complexity: 'O(N) in the number of operations and the length of the string',
    run: bitfield,
  }),
  data({
    name: 'bitfield_ro',
    arity: -2,
    flags: 'readonly fast',
    group,
    since: '6.0.0',
    keys: FIRST_KEY,
    syntax: 'key [GET encoding offset [GET encoding offset ...]]',
    summary: 'Reads integers of any width within a string.',
    complexity: 'O(N) in the number of operations and the length of the string',
    ...looks(readSteps, bitfieldRo),
  }),
  data({
    name: 'bitop',
    arity: -4,
    flags: 'write denyoom',
    notifies: tellsStored('set'),
    misses: sourceKeys,
    group,
    since: '2.6.0',
    keys: TARGET_AND_SOURCES,
    syntax: '<AND | OR | XOR | NOT> destkey key [key ...]',
    summary: 'Combines strings bit by bit and stores the result.',
    complexity: 'O(N) in the lengths of the strings',
    extent: (_args, index) => (index === 2 ? 'meta' : 'all'),
    run: bitop,
  }),
  data({
    name: 'bitpos',
    arity: -3,
    flags: 'readonly',
    group,
    since: '2.8.7',
    keys: FIRST_KEY,
    syntax: 'key bit [start [end [BYTE | BIT]]]',
    summary: 'Finds the first bit that is set, or that is not, in a string.',
    complexity: 'O(N) in the length of the string',
    ...looks((args) => bitArgument(args[2]!), bitpos),
  }),
  data({
    name: 'getbit',
    arity: 3,
    flags: 'readonly fast',
    group,
    since: '2.2.0',
    keys: FIRST_KEY,
    syntax: 'key offset',
    summary: 'Returns a bit of a string.',
    complexity: 'O(N) in the length of the string, which is opened whole',
    ...looks(
      (args) => bitOffset(args[2]!),
      (bytes, offset) => (bytes === null ? 0 : bitAt(bytes, offset)),
    ),
  }),
  data({
    name: 'setbit',
    arity: 4,
    flags: 'write denyoom',
    notifies: tells('setbit'),
    group,
    since: '2.2.0',
    keys: FIRST_KEY,
    syntax: 'key offset value',
    summary: 'Sets or clears a bit of a string, which grows as far as needed.',
    complexity: 'O(N) in the length of the string',
    run: setbit,
  }),
]
