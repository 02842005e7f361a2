import type { Db } from '../core/db.ts'
import { respError } from '../errors.ts'
import { parseFloat64 } from '../redis/floats.ts'
import { NULL_ARRAY, type Reply } from '../resp/reply.ts'
import { type End, endOf, take } from './list-ends.ts'
import { move, parsePopMany, popMany } from './lists-move.ts'
import { type Blocking, countedKeys, data, type DataRow, ENDS, type KeySpec } from './row.ts'
import { double } from './sorted-set-order.ts'
import { parsePopManyScored, popManyReply, popManyScored, type ScoreEnd, takeScored } from './sorted-sets-pop.ts'

/** Seconds with a fraction to milliseconds, as Redis's getTimeoutFromObjectOrReply. */
export function secondsToMs(arg: Buffer): number {
  const seconds = parseFloat64(arg)
  if (seconds === undefined) throw respError('ERR timeout is not a float or out of range')
  const ms = Math.ceil(seconds * 1000)
  if (ms > Number.MAX_SAFE_INTEGER) throw respError('ERR timeout is out of range')
  if (seconds < 0) throw respError('ERR timeout is negative')
  return ms
}

const KEYS_BEFORE_TIMEOUT: KeySpec = { first: 1, last: -2, step: 1 }

type Attempt = (db: Db, args: readonly Buffer[]) => Reply | undefined

/** `otherwise`: the answer in a transaction, where nothing waits. */
const waiting = (attempt: Attempt, timeoutAt: (args: readonly Buffer[]) => number, otherwise: Reply = NULL_ARRAY): { run: DataRow['run']; blocking: Blocking } => ({
  run: (db, args) => {
    secondsToMs(args[timeoutAt(args)]!)
    return attempt(db, args) ?? otherwise
  },
  blocking: { timeoutMs: (args) => secondsToMs(args[timeoutAt(args)]!), attempt },
})

const lastArgument = (args: readonly Buffer[]): number => args.length - 1

const popFirst =
  (end: End): Attempt =>
  (db, args) => {
    for (const name of args.slice(1, -1)) {
      if (db.list(name) === undefined) continue
      const [element] = take(db, name, end, 1)
      if (element !== undefined) return [name, element]
    }
    return undefined
  }

const popFirstScored =
  (end: ScoreEnd): Attempt =>
  (db, args) => {
    for (const name of args.slice(1, -1)) {
      const [taken] = db.sortedSet(name) === undefined ? [] : takeScored(db, name, end, 1)
      if (taken !== undefined) return [name, taken.member, double(taken.score)]
    }
    return undefined
  }

const group = 'list'
const complexity = 'O(N) in the number of keys'

export const BLOCKING = [
  data({
    name: 'blmove', arity: 6, flags: 'write denyoom noscript blocking', group, since: '6.2.0', keys: { first: 1, last: 2, step: 1 }, extent: ENDS,
    syntax: 'source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout',
    summary: 'Moves an element from one list to another, and waits for one if there is none.',
    ...waiting((db, args) => move(db, args[1]!, args[2]!, endOf(args[3]), endOf(args[4])) ?? undefined, () => 5, null),
  }),
  data({
    name: 'blmpop', arity: -5, flags: 'write blocking movablekeys', group, since: '7.0.0', keys: countedKeys(2), extent: ENDS,
    syntax: 'timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]',
    summary: 'Removes elements from the first list that has any, and waits for one if none has.',
    complexity: 'O(N+M) in the numbers of keys and of elements returned',
    ...waiting((db, args) => popMany(db, parsePopMany(args, 2)), () => 1),
  }),
  data({
    name: 'blpop', arity: -3, flags: 'write noscript blocking', group, since: '2.0.0', keys: KEYS_BEFORE_TIMEOUT, extent: ENDS, complexity,
    syntax: 'key [key ...] timeout',
    summary: 'Removes the first element of the first list that has any, and waits for one if none has.',
    ...waiting(popFirst('LEFT'), lastArgument),
  }),
  data({
    name: 'brpop', arity: -3, flags: 'write noscript blocking', group, since: '2.0.0', keys: KEYS_BEFORE_TIMEOUT, extent: ENDS, complexity,
    syntax: 'key [key ...] timeout',
    summary: 'Removes the last element of the first list that has any, and waits for one if none has.',
    ...waiting(popFirst('RIGHT'), lastArgument),
  }),
  data({
    name: 'brpoplpush', arity: 4, flags: 'write denyoom noscript blocking', group, since: '2.2.0', keys: { first: 1, last: 2, step: 1 }, extent: ENDS,
    syntax: 'source destination timeout',
    summary: 'Takes the last element of one list, puts it at the head of another, and waits for one if there is none.',
    ...waiting((db, args) => move(db, args[1]!, args[2]!, 'RIGHT', 'LEFT') ?? undefined, () => 3, null),
  }),
  data({
    name: 'bzmpop', arity: -5, flags: 'write blocking movablekeys', group: 'sorted-set', since: '7.0.0', keys: countedKeys(2),
    syntax: 'timeout numkeys key [key ...] <MIN | MAX> [COUNT count]',
    summary: 'Removes members from the first sorted set that has any, and waits for one if none has.',
    complexity: 'O(K) + O(M*log(N)) in the numbers of keys, of members returned and of members',
    ...waiting((db, args) => {
      const popped = popManyScored(db, parsePopManyScored(args, 2))
      return popped === undefined ? undefined : popManyReply(popped)
    }, () => 1),
  }),
  data({
    name: 'bzpopmax', arity: -3, flags: 'write noscript fast blocking', group: 'sorted-set', since: '5.0.0', keys: KEYS_BEFORE_TIMEOUT,
    syntax: 'key [key ...] timeout',
    summary: 'Removes the member with the highest score of the first sorted set that has any, and waits for one if none has.',
    complexity: 'O(log(N)) in the number of members',
    ...waiting(popFirstScored('MAX'), lastArgument),
  }),
  data({
    name: 'bzpopmin', arity: -3, flags: 'write noscript fast blocking', group: 'sorted-set', since: '5.0.0', keys: KEYS_BEFORE_TIMEOUT,
    syntax: 'key [key ...] timeout',
    summary: 'Removes the member with the lowest score of the first sorted set that has any, and waits for one if none has.',
    complexity: 'O(log(N)) in the number of members',
    ...waiting(popFirstScored('MIN'), lastArgument),
  }),
]
