import type { Database } from '../../engine/plaintext/database.ts'
import type { ScoredMember } from '../../engine/plaintext/values.ts'
import { leaves, nativeWrite } from '../../engine/writes/native-write.ts'
import { number, oneWrite } from '../../registry/direct.ts'
import { sourceKeys, tells, tellsStored } from '../../registry/notifies.ts'
import { type DataRow, data, FIRST_KEY, readsInParts, TWO_KEYS } from '../../registry/row.ts'
import { integer, rangeOf } from '../parsing/args.ts'
import { parseRangeQuery, type RangeKind, rangeCommand, select, selectSealed } from './range-query.ts'
import { parseLexRange, parseScoreRange, walk } from './sorted-set-bounds.ts'
import { inOrder, membersOf, ranked, removeMembers, store } from './sorted-set-order.ts'

const ranges = (kind: RangeKind): Pick<DataRow, 'run' | 'direct'> => ({
  run: (db, args) => {
    const query = parseRangeQuery(args, 2, kind)
    return ranked(select(membersOf(db, args[1]!), query), query.withScores)
  },
  direct: readsInParts(
    ({ automation, args }) => rangeCommand(automation.key(args[1]!), parseRangeQuery(args, 2, kind)),
    function* (call, raw) {
      const query = parseRangeQuery(call.args, 2, kind)
      return ranked(yield* selectSealed(call, raw, query), query.withScores)
    },
  ),
})

/** Which members a ZREMRANGEBY... names. */
type Doomed = (args: readonly Buffer[]) => (members: readonly ScoredMember[]) => readonly ScoredMember[]

const removes =
  (doomed: Doomed): DataRow['run'] =>
  (db: Database, args) => {
    const find = doomed(args)
    return removeMembers(db, args[1]!, find(membersOf(db, args[1]!)))
  }

const byRank: Doomed = (args) => {
  const [start, stop] = [integer(args[2]!), integer(args[3]!)]
  return (members) => {
    const window = rangeOf(start, stop, members.length)
    return window === undefined ? [] : inOrder(members).slice(window.start, window.stop + 1)
  }
}

const byScore: Doomed = (args) => {
  const { above, below } = parseScoreRange(args[2]!, args[3]!)
  return (members) => members.filter((scored) => above(scored) && below(scored))
}

const byLex: Doomed = (args) => {
  const bounds = parseLexRange(args[2]!, args[3]!)
  return (members) => walk(inOrder(members), bounds)
}

const group = 'sorted-set'
const N_M = 'O(log(N)+M) in the numbers of members and of those returned'
const N_REMOVED = 'O(log(N)+M) in the numbers of members and of those removed'

export const SORTED_SET_RANGES = [
  data({
    name: 'zrange',
    arity: -4,
    flags: 'readonly',
    group,
    since: '1.2.0',
    keys: FIRST_KEY,
    syntax: 'key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]',
    summary: 'Returns the members in a range of ranks, scores or names.',
    complexity: N_M,
    ...ranges({}),
  }),
  data({
    name: 'zrangebylex',
    arity: -4,
    flags: 'readonly',
    group,
    since: '2.8.9',
    keys: FIRST_KEY,
    syntax: 'key min max [LIMIT offset count]',
    summary: 'Returns the members in a range of names, all scores being equal.',
    complexity: N_M,
    ...ranges({ by: 'lex', reverse: false }),
  }),
  data({
    name: 'zrangebyscore',
    arity: -4,
    flags: 'readonly',
    group,
    since: '1.0.5',
    keys: FIRST_KEY,
    syntax: 'key min max [WITHSCORES] [LIMIT offset count]',
    summary: 'Returns the members in a range of scores.',
    complexity: N_M,
    ...ranges({ by: 'score', reverse: false }),
  }),
  data({
    name: 'zrangestore',
    arity: -5,
    flags: 'write denyoom',
    notifies: tellsStored('zrangestore'),
    misses: sourceKeys,
    group,
    since: '6.2.0',
    keys: TWO_KEYS,
    syntax: 'dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]',
    summary: 'Stores the members in a range of ranks, scores or names.',
    complexity: 'O(log(N)+M) in the numbers of members and of those stored',
    extent: (_args, index) => (index === 1 ? 'meta' : 'all'),
    run: (db, args) => {
      const query = parseRangeQuery(args, 3, { stores: true })
      return store(db, args[1]!, select(membersOf(db, args[2]!), query))
    },
  }),
  data({
    name: 'zrevrange',
    arity: -4,
    flags: 'readonly',
    group,
    since: '1.2.0',
    keys: FIRST_KEY,
    syntax: 'key start stop [WITHSCORES]',
    summary: 'Returns the members in a range of ranks, the highest first.',
    complexity: N_M,
    ...ranges({ by: 'rank', reverse: true }),
  }),
  data({
    name: 'zrevrangebylex',
    arity: -4,
    flags: 'readonly',
    group,
    since: '2.8.9',
    keys: FIRST_KEY,
    syntax: 'key max min [LIMIT offset count]',
    summary: 'Returns the members in a range of names, the last first, all scores being equal.',
    complexity: N_M,
    ...ranges({ by: 'lex', reverse: true }),
  }),
  data({
    name: 'zrevrangebyscore',
    arity: -4,
    flags: 'readonly',
    group,
    since: '2.2.0',
    keys: FIRST_KEY,
    syntax: 'key max min [WITHSCORES] [LIMIT offset count]',
    summary: 'Returns the members in a range of scores, the highest first.',
    complexity: N_M,
    ...ranges({ by: 'score', reverse: true }),
  }),
  data({
    name: 'zremrangebylex',
    arity: 4,
    flags: 'write',
    notifies: tells('zremrangebylex'),
    group,
    since: '2.8.9',
    keys: FIRST_KEY,
    syntax: 'key min max',
    summary: 'Removes the members in a range of names, all scores being equal.',
    complexity: N_REMOVED,
    run: removes(byLex),
  }),
  data({
    name: 'zremrangebyrank',
    arity: 4,
    flags: 'write',
    notifies: tells('zremrangebyrank'),
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key start stop',
    summary: 'Removes the members in a range of ranks.',
    complexity: N_REMOVED,
    run: removes(byRank),
  }),
  data({
    name: 'zremrangebyscore',
    arity: 4,
    flags: 'write',
    notifies: tells('zremrangebyscore'),
    group,
    since: '1.2.0',
    keys: FIRST_KEY,
    syntax: 'key min max',
    summary: 'Removes the members in a range of scores.',
    complexity: N_REMOVED,
    run: removes(byScore),
    direct: oneWrite(
      ({ args }) =>
        nativeWrite(
          'ZREMRANGEBYSCORE',
          args[1]!,
          leaves.toBeLookedAt,
          'positive',
          parseScoreRange(args[2]!, args[3]!).native,
        ),
      number,
    ),
  }),
]
