import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { type LongDouble, parseLongDouble } from '../../redis-semantics/floats.ts'
import { type Blocking, countedKeys, type DataRow, data, ENDS, type KeySpec } from '../../registry/row.ts'
import { NULL_ARRAY, type Reply } from '../../reply/reply.ts'
import { type End, endOf } from '../lists/list-ends.ts'
import { move, parsePopMany, popMany } from '../lists/lists-move.ts'
import { double } from '../sorted-sets/sorted-set-order.ts'
import {
  parsePopManyScored,
  popManyReply,
  popManyScored,
  type ScoreEnd,
} from '../sorted-sets/sorted-sets-pop.ts'

const MS_PER_SECOND = 1000n

/**
 * Seconds with a fraction to milliseconds, as Redis's getTimeoutFromObjectOrReply: a long double, of which a
 * part of a millisecond counts as a whole one, and what does not fit 64 bits becomes negative.
 */
function secondsToMs(arg: Buffer): number {
  const seconds = parseLongDouble(arg)
  if (seconds === undefined) throw new KvError('timeout_not_float')
  const ms = typeof seconds === 'string' ? -1n : ceilingOf(seconds, MS_PER_SECOND)
  if (ms < 0n || ms >= 2n ** 63n) throw new KvError('timeout_negative')
  return Number(ms)
}

function ceilingOf({ negative, mantissa, exponent }: Exclude<LongDouble, string>, times: bigint): bigint {
  const size = mantissa * times
  if (exponent >= 0) return (negative ? -size : size) << BigInt(exponent)
  const unit = 1n << BigInt(-exponent)
  return negative ? -(size / unit) : (size + unit - 1n) / unit
}

const KEYS_BEFORE_TIMEOUT: KeySpec = { first: 1, last: -2, step: 1 }

type Args = readonly Buffer[]

/** What is taken from. */
interface Source {
  readonly type: string
  /** Throws `wrong_type` for a key of another type. */
  readonly look: (db: Database, name: Buffer) => unknown
}

const LIST: Source = { type: 'list', look: (db, name) => db.list(name) }
const SORTED_SET: Source = { type: 'sorted set', look: (db, name) => db.sortedSet(name) }

/** How a command takes what it waits for. */
interface Taking {
  readonly timeoutAt: (args: Args) => number
  /** What is looked at before the timeout is. */
  readonly check?: (args: Args) => void
  /** The keys that it takes from. */
  readonly keys: (args: Args) => readonly Buffer[]
  readonly source: Source
  /** Takes from the first of the keys that has something. */
  readonly take: (db: Database, args: Args, names: readonly Buffer[]) => Reply | undefined
  /** The answer in a transaction, where nothing waits. */
  readonly otherwise: Reply
}

function waiting({ timeoutAt, check, keys, source, take, otherwise }: Taking): {
  run: DataRow['run']
  blocking: Blocking
} {
  const timeoutMs = (args: Args): number => {
    check?.(args)
    return secondsToMs(args[timeoutAt(args)]!)
  }
  return {
    run: (db, args) => {
      timeoutMs(args)
      return take(db, args, keys(args)) ?? otherwise
    },
    blocking: {
      timeoutMs,
      keys,
      competition: () => source.type,
      attempt: (db, args, woken) =>
        take(db, args, woken?.filter((name) => isOf(source, db, name)) ?? keys(args)),
    },
  }
}

function isOf({ look }: Source, db: Database, name: Buffer): boolean {
  try {
    look(db, name)
    return true
  } catch (error) {
    if (error instanceof KvError && error.code === 'wrong_type') return false
    throw error
  }
}

const popFirst = (end: End) =>
  waiting({
    timeoutAt: (args) => args.length - 1,
    keys: (args) => args.slice(1, -1),
    source: LIST,
    take: (db, _args, names) => {
      const [name, elements] = popMany(db, { keys: names, end, count: 1 }) ?? []
      return name === undefined ? undefined : [name, elements![0]!]
    },
    otherwise: NULL_ARRAY,
  })

const popFirstScored = (end: ScoreEnd) =>
  waiting({
    timeoutAt: (args) => args.length - 1,
    keys: (args) => args.slice(1, -1),
    source: SORTED_SET,
    take: (db, _args, names) => {
      const [name, taken] = popManyScored(db, { keys: names, end, count: 1 }) ?? []
      return name === undefined ? undefined : [name, taken![0]!.member, double(taken![0]!.score)]
    },
    otherwise: NULL_ARRAY,
  })

const moveFirst = (timeoutAt: number, ends: (args: Args) => readonly [from: End, to: End]) =>
  waiting({
    timeoutAt: () => timeoutAt,
    check: ends,
    keys: (args) => args.slice(1, 2),
    source: LIST,
    // Another type under the destination is an error at any time.
    take: (db, args, names) =>
      names.length === 0 ? undefined : (move(db, args[1]!, args[2]!, ...ends(args)) ?? undefined),
    otherwise: null,
  })

const group = 'list'
const complexity = 'O(N) in the number of keys'

export const BLOCKING = [
  data({
    name: 'blmove',
    arity: 6,
    flags: 'write denyoom noscript blocking',
    group,
    since: '6.2.0',
    keys: { first: 1, last: 2, step: 1 },
    extent: ENDS,
    syntax: 'source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout',
    summary: 'Moves an element from one list to another, and waits for one if there is none.',
    ...moveFirst(5, (args) => [endOf(args[3]), endOf(args[4])]),
  }),
  data({
    name: 'blmpop',
    arity: -5,
    flags: 'write blocking movablekeys',
    group,
    since: '7.0.0',
    keys: countedKeys(2),
    extent: ENDS,
    syntax: 'timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]',
    summary: 'Removes elements from the first list that has any, and waits for one if none has.',
    complexity: 'O(N+M) in the numbers of keys and of elements returned',
    ...waiting({
      timeoutAt: () => 1,
      check: (args) => parsePopMany(args, 2),
      keys: (args) => parsePopMany(args, 2).keys,
      source: LIST,
      take: (db, args, names) => popMany(db, { ...parsePopMany(args, 2), keys: names }),
      otherwise: NULL_ARRAY,
    }),
  }),
  data({
    name: 'blpop',
    arity: -3,
    flags: 'write noscript blocking',
    group,
    since: '2.0.0',
    keys: KEYS_BEFORE_TIMEOUT,
    extent: ENDS,
    complexity,
    syntax: 'key [key ...] timeout',
    summary: 'Removes the first element of the first list that has any, and waits for one if none has.',
    ...popFirst('LEFT'),
  }),
  data({
    name: 'brpop',
    arity: -3,
    flags: 'write noscript blocking',
    group,
    since: '2.0.0',
    keys: KEYS_BEFORE_TIMEOUT,
    extent: ENDS,
    complexity,
    syntax: 'key [key ...] timeout',
    summary: 'Removes the last element of the first list that has any, and waits for one if none has.',
    ...popFirst('RIGHT'),
  }),
  data({
    name: 'brpoplpush',
    arity: 4,
    flags: 'write denyoom noscript blocking',
    group,
    since: '2.2.0',
    keys: { first: 1, last: 2, step: 1 },
    extent: ENDS,
    syntax: 'source destination timeout',
    summary:
      'Takes the last element of one list, puts it at the head of another, and waits for one if there is none.',
    ...moveFirst(3, () => ['RIGHT', 'LEFT']),
  }),
  data({
    name: 'bzmpop',
    arity: -5,
    flags: 'write blocking movablekeys',
    group: 'sorted-set',
    since: '7.0.0',
    keys: countedKeys(2),
    syntax: 'timeout numkeys key [key ...] <MIN | MAX> [COUNT count]',
    summary: 'Removes members from the first sorted set that has any, and waits for one if none has.',
    complexity: 'O(K) + O(M*log(N)) in the numbers of keys, of members returned and of members',
    ...waiting({
      timeoutAt: () => 1,
      check: (args) => parsePopManyScored(args, 2),
      keys: (args) => parsePopManyScored(args, 2).keys,
      source: SORTED_SET,
      take: (db, args, names) => {
        const popped = popManyScored(db, { ...parsePopManyScored(args, 2), keys: names })
        return popped === undefined ? undefined : popManyReply(popped)
      },
      otherwise: NULL_ARRAY,
    }),
  }),
  data({
    name: 'bzpopmax',
    arity: -3,
    flags: 'write noscript fast blocking',
    group: 'sorted-set',
    since: '5.0.0',
    keys: KEYS_BEFORE_TIMEOUT,
    syntax: 'key [key ...] timeout',
    summary:
      'Removes the member with the highest score of the first sorted set that has any, and waits for one if none has.',
    complexity: 'O(log(N)) in the number of members',
    ...popFirstScored('MAX'),
  }),
  data({
    name: 'bzpopmin',
    arity: -3,
    flags: 'write noscript fast blocking',
    group: 'sorted-set',
    since: '5.0.0',
    keys: KEYS_BEFORE_TIMEOUT,
    syntax: 'key [key ...] timeout',
    summary:
      'Removes the member with the lowest score of the first sorted set that has any, and waits for one if none has.',
    complexity: 'O(log(N)) in the number of members',
    ...popFirstScored('MIN'),
  }),
]
