import { addToCounter } from '../../engine/plaintext/counter.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { addLongDouble } from '../../redis-semantics/floats.ts'
import { INT64_MIN, parseInteger } from '../../redis-semantics/integers.ts'
import { tells } from '../../registry/notifies.ts'
import { data, FIRST_KEY } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { int64 } from '../parsing/args.ts'

const group = 'string'

const increment =
  (delta: (args: readonly Buffer[]) => bigint) =>
  (db: Database, args: readonly Buffer[]): Reply => {
    const by = delta(args)
    const bytes = db.bytes(args[1]!)
    const current = bytes === undefined ? 0n : parseInteger(bytes)
    if (current === undefined) throw new KvError('not_integer')
    return addToCounter(db, args[1]!, current, by, { json: false })
  }

const decrement = (args: readonly Buffer[]): bigint => {
  const by = int64(args[2]!)
  if (by === INT64_MIN) throw new KvError('decr_overflow')
  return -by
}

function incrByFloat(db: Database, args: readonly Buffer[]): Reply {
  const sum = Buffer.from(addLongDouble(db.bytes(args[1]!) ?? Buffer.from('0'), args[2]!))
  db.setBytes(args[1]!, sum, { keepTtl: true })
  return sum
}

export const STRING_NUMBERS = [
  data({
    name: 'decr',
    arity: 2,
    flags: 'write denyoom fast',
    notifies: tells('incrby'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Subtracts one from an integer; starts at 0.',
    run: increment(() => -1n),
  }),
  data({
    name: 'decrby',
    arity: 3,
    flags: 'write denyoom fast',
    notifies: tells('incrby'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key decrement',
    summary: 'Subtracts a number from an integer; starts at 0.',
    run: increment(decrement),
  }),
  data({
    name: 'incr',
    arity: 2,
    flags: 'write denyoom fast',
    notifies: tells('incrby'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Adds one to an integer; starts at 0.',
    run: increment(() => 1n),
  }),
  data({
    name: 'incrby',
    arity: 3,
    flags: 'write denyoom fast',
    notifies: tells('incrby'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key increment',
    summary: 'Adds a number to an integer; starts at 0.',
    run: increment((args) => int64(args[2]!)),
  }),
  data({
    name: 'incrbyfloat',
    arity: 3,
    flags: 'write denyoom fast',
    notifies: tells('incrbyfloat'),
    group,
    since: '2.6.0',
    keys: FIRST_KEY,
    syntax: 'key increment',
    summary: 'Adds a floating point number to a number; starts at 0.',
    run: incrByFloat,
  }),
]
