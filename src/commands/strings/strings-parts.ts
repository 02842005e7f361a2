import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { tells } from '../../registry/notifies.ts'
import { data, FIRST_KEY, reads } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { integer, rangeOf } from '../parsing/args.ts'
import { fromString, ofString, openString } from './string-access.ts'

const EMPTY = Buffer.alloc(0)

const group = 'string'

const boundsOf = (args: readonly Buffer[]): [start: number, stop: number] => [
  integer(args[2]!),
  integer(args[3]!),
]

function partOf(bytes: Buffer | null, [start, stop]: [number, number]): Reply {
  const length = bytes?.length ?? 0
  if (start < 0 && stop < 0 && start > stop) return EMPTY
  // Unlike other ranges, a stop before the first byte still means the first byte.
  const range = rangeOf(start, stop < 0 ? Math.max(0, length + stop) : stop, length)
  return range === undefined || bytes === null ? EMPTY : bytes.subarray(range.start, range.stop + 1)
}

/** GETRANGE and SUBSTR; the bounds are read before the key is looked at. */
const getRange = {
  run: (db: Database, args: readonly Buffer[]): Reply => {
    const bounds = boundsOf(args)
    return partOf(db.bytes(args[1]!) ?? null, bounds)
  },
  direct: reads(
    ({ automation, args }) => {
      boundsOf(args)
      return ['GET', automation.key(args[1]!)]
    },
    (call, raw) => partOf(openString(call, call.args[1]!, raw), boundsOf(call.args)),
  ),
}

const strlen = (bytes: Buffer | null): Reply => bytes?.length ?? 0

function append(db: Database, args: readonly Buffer[]): Reply {
  const bytes = db.bytes(args[1]!) ?? EMPTY
  db.checkLength(bytes.length + args[2]!.length)
  db.setBytes(args[1]!, Buffer.concat([bytes, args[2]!]), { keepTtl: true })
  return bytes.length + args[2]!.length
}

function setRange(db: Database, args: readonly Buffer[]): Reply {
  const offset = integer(args[2]!)
  const patch = args[3]!
  if (offset < 0) throw new KvError('offset_out_of_range')
  const bytes = db.bytes(args[1]!) ?? EMPTY
  if (patch.length === 0) return bytes.length
  db.checkLength(offset + patch.length)
  const result = Buffer.alloc(Math.max(bytes.length, offset + patch.length))
  bytes.copy(result)
  patch.copy(result, offset)
  db.setBytes(args[1]!, result, { keepTtl: true })
  return result.length
}

export const STRING_PARTS = [
  data({
    name: 'append',
    arity: 3,
    flags: 'write denyoom fast',
    notifies: tells('append'),
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key value',
    summary: 'Appends bytes to a string; makes the key when there is none.',
    complexity: 'O(N) in the length of the string',
    run: append,
  }),
  data({
    name: 'getrange',
    arity: 4,
    flags: 'readonly',
    group,
    since: '2.4.0',
    keys: FIRST_KEY,
    syntax: 'key start end',
    summary: 'Returns a part of a string.',
    complexity: 'O(N) in the length of the string',
    ...getRange,
  }),
  data({
    name: 'setrange',
    arity: 4,
    flags: 'write denyoom',
    notifies: tells('setrange'),
    group,
    since: '2.2.0',
    keys: FIRST_KEY,
    syntax: 'key offset value',
    summary: 'Overwrites a part of a string.',
    complexity: 'O(N) in the length of the string',
    run: setRange,
  }),
  data({
    name: 'strlen',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '2.2.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the length of a string in bytes.',
    run: ofString(strlen),
    direct: fromString(strlen),
  }),
  data({
    name: 'substr',
    arity: 4,
    flags: 'readonly',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key start end',
    summary: 'Returns a part of a string (an old name of GETRANGE).',
    complexity: 'O(N) in the length of the string',
    ...getRange,
  }),
]
