import { Cell } from '../../engine/plaintext/cell.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import type { Extent } from '../../engine/plaintext/extent.ts'
import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { type LongDouble, parseLongDouble, sumLongDouble } from '../../redis-semantics/floats.ts'
import { addInt64, parseInteger } from '../../redis-semantics/integers.ts'
import { tells } from '../../registry/notifies.ts'
import { data, FIRST_KEY } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { int64 } from '../parsing/args.ts'
import { setField } from './hash-fields.ts'

const oneField = (args: readonly Buffer[]): Extent => [args[2]!]

/** Replaces a field's number, 0 when it is not there, by what `next` makes of it. */
function update(
  db: Database,
  args: readonly Buffer[],
  next: (current: Buffer | undefined) => string,
): Buffer {
  const current = db.hash(args[1]!)?.fields.get(idOf(args[2]!))?.cell.bytes
  const result = Buffer.from(next(current))
  setField(db.editHash(args[1]!), args[2]!, Cell.bytes(result))
  return result
}

function hincrby(db: Database, args: readonly Buffer[]): Reply {
  const by = int64(args[3]!)
  let result = 0n
  update(db, args, (current) => {
    const value = current === undefined ? 0n : parseInteger(current)
    if (value === undefined) throw new KvError('hash_not_integer')
    result = addInt64(value, by)
    return result.toString()
  })
  return result
}

function increment(arg: Buffer): LongDouble {
  const by = parseLongDouble(arg)
  if (by === undefined) throw new KvError('not_float')
  if (typeof by === 'string') throw new KvError('value_nan_or_infinity')
  return by
}

function hincrbyfloat(db: Database, args: readonly Buffer[]): Reply {
  const by = increment(args[3]!)
  return update(db, args, (current) => {
    const value = parseLongDouble(current ?? '0')
    if (value === undefined) throw new KvError('hash_not_float')
    return sumLongDouble(value, by)
  })
}

const group = 'hash'

export const HASH_NUMBERS = [
  data({
    name: 'hincrby',
    arity: 4,
    flags: 'write denyoom fast',
    notifies: tells('hincrby'),
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key field increment',
    summary: 'Adds a number to the integer of a field; starts at 0.',
    extent: oneField,
    run: hincrby,
  }),
  data({
    name: 'hincrbyfloat',
    arity: 4,
    flags: 'write denyoom fast',
    notifies: tells('hincrbyfloat'),
    group,
    since: '2.6.0',
    keys: FIRST_KEY,
    syntax: 'key field increment',
    summary: 'Adds a floating point number to the number of a field; starts at 0.',
    extent: oneField,
    run: hincrbyfloat,
  }),
]
