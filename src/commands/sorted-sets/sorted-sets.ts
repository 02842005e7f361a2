import type { BackingReply } from '../../backing/backing.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { type Extent, membersExtent } from '../../engine/plaintext/extent.ts'
import { sizeOf } from '../../engine/plaintext/values.ts'
import { leaves, nativeWrite } from '../../engine/writes/native-write.ts'
import { idOf } from '../../lib/id.ts'
import { number, oneWrite } from '../../registry/direct.ts'
import { tells } from '../../registry/notifies.ts'
import { type DataRow, data, FIRST_KEY, reads, readsInParts } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { asksOfMembers, sealMembers } from '../parsing/members.ts'
import { parseLexRange, parseScoreRange, walk } from './sorted-set-bounds.ts'
import {
  doubleOrNull,
  inOrder,
  membersOf,
  readDoubleOrNull,
  removeMembers,
  SealedRange,
} from './sorted-set-order.ts'
import { SORTED_SET_ADDITIONS } from './sorted-sets-add.ts'
import { SORTED_SET_OPERATIONS } from './sorted-sets-operations.ts'
import { SORTED_SET_POPS } from './sorted-sets-pop.ts'
import { SORTED_SET_RANGES } from './sorted-sets-ranges.ts'
import { SORTED_SET_SAMPLES } from './sorted-sets-samples.ts'

const scoreOf = (db: Database, name: Buffer, member: Buffer): Reply =>
  doubleOrNull(db.sortedSet(name)?.members.get(idOf(member))?.score)

function zrem(db: Database, args: readonly Buffer[]): Reply {
  const present = db.sortedSet(args[1]!)?.members
  const ids = new Set(args.slice(2).map(idOf))
  return removeMembers(
    db,
    args[1]!,
    [...ids].flatMap((id) => present?.get(id) ?? []),
  )
}

const namedMembers = (args: readonly Buffer[]): Extent => membersExtent(args.slice(2))

const rank = (reverse: boolean): Pick<DataRow, 'run' | 'direct'> => ({
  run: (db, args) => {
    const ordered = inOrder(membersOf(db, args[1]!))
    const at = ordered.findIndex(({ member }) => member.equals(args[2]!))
    return at < 0 ? null : reverse ? ordered.length - 1 - at : at
  },
  direct: readsInParts(
    ({ automation, args }) => ['ZRANGE', automation.key(args[1]!), 0, -1, 'WITHSCORES'],
    function* (call, raw) {
      const sealed = new SealedRange(call, raw)
      const found = sealed.indexOf(call.args[2]!)
      if (found < 0) return null
      const ties = sealed.withTies({ start: found, stop: found })
      const tied = yield* sealed.inOrder(ties)
      const at = ties.start + tied.findIndex(({ member }) => member.equals(call.args[2]!))
      return reverse ? sealed.length - 1 - at : at
    },
  ),
})

const group = 'sorted-set'

export const SORTED_SETS = [
  data({
    name: 'zcard',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '1.2.0',
    keys: FIRST_KEY,
    extent: () => membersExtent([]),
    syntax: 'key',
    summary: 'Returns the number of members of a sorted set.',
    run: (db, args) => {
      const set = db.sortedSet(args[1]!)
      return set === undefined ? 0 : sizeOf(set)
    },
    direct: reads(({ automation, args }) => ['ZCARD', automation.key(args[1]!)], number),
  }),
  data({
    name: 'zcount',
    arity: 4,
    flags: 'readonly fast',
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key min max',
    summary: 'Returns how many members are in a range of scores.',
    complexity: 'O(log(N)) in the number of members',
    run: (db, args) => {
      const { above, below } = parseScoreRange(args[2]!, args[3]!)
      return membersOf(db, args[1]!).filter((scored) => above(scored) && below(scored)).length
    },
    direct: reads(
      ({ automation, args }) => [
        'ZCOUNT',
        automation.key(args[1]!),
        ...parseScoreRange(args[2]!, args[3]!).native,
      ],
      number,
    ),
  }),
  data({
    name: 'zlexcount',
    arity: 4,
    flags: 'readonly fast',
    group,
    since: '2.8.9',
    keys: FIRST_KEY,
    syntax: 'key min max',
    summary: 'Returns how many members are in a range of names, all scores being equal.',
    complexity: 'O(N) in the number of members',
    run: (db, args) => {
      const bounds = parseLexRange(args[2]!, args[3]!)
      return walk(inOrder(membersOf(db, args[1]!)), bounds).length
    },
    direct: readsInParts(
      ({ automation, args }) => {
        parseLexRange(args[2]!, args[3]!)
        return ['ZRANGE', automation.key(args[1]!), 0, -1, 'WITHSCORES']
      },
      function* (call, raw) {
        const ordered = yield* new SealedRange(call, raw).allInOrder()
        return walk(ordered, parseLexRange(call.args[2]!, call.args[3]!)).length
      },
    ),
  }),
  data({
    name: 'zmscore',
    arity: -3,
    flags: 'readonly fast',
    group,
    since: '6.2.0',
    keys: FIRST_KEY,
    extent: namedMembers,
    syntax: 'key member [member ...]',
    summary: 'Returns the scores of several members.',
    complexity: 'O(N) in the number of members asked for',
    run: (db, args) => args.slice(2).map((member) => scoreOf(db, args[1]!, member)),
    direct: asksOfMembers('ZMSCORE', (_call, raw) => (raw as BackingReply[]).map(readDoubleOrNull)),
  }),
  data({
    name: 'zrank',
    arity: 3,
    flags: 'readonly fast',
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key member',
    summary: 'Returns how many members come before one.',
    complexity: 'O(N) in the number of members',
    ...rank(false),
  }),
  data({
    name: 'zrem',
    arity: -3,
    flags: 'write fast',
    notifies: tells('zrem'),
    group,
    since: '1.2.0',
    keys: FIRST_KEY,
    extent: namedMembers,
    syntax: 'key member [member ...]',
    summary: 'Removes members of a sorted set.',
    complexity: 'O(M*log(N)) in the numbers of members to be removed and of members',
    run: zrem,
    direct: oneWrite(
      (call) => nativeWrite('ZREM', call.args[1]!, leaves.toBeLookedAt, 'positive', sealMembers(call)),
      number,
    ),
  }),
  data({
    name: 'zrevrank',
    arity: 3,
    flags: 'readonly fast',
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key member',
    summary: 'Returns how many members come after one.',
    complexity: 'O(N) in the number of members',
    ...rank(true),
  }),
  data({
    name: 'zscore',
    arity: 3,
    flags: 'readonly fast',
    group,
    since: '1.2.0',
    keys: FIRST_KEY,
    extent: namedMembers,
    syntax: 'key member',
    summary: 'Returns the score of a member.',
    run: (db, args) => scoreOf(db, args[1]!, args[2]!),
    direct: asksOfMembers('ZSCORE', (_call, raw) => readDoubleOrNull(raw)),
  }),
  ...SORTED_SET_ADDITIONS,
  ...SORTED_SET_RANGES,
  ...SORTED_SET_POPS,
  ...SORTED_SET_SAMPLES,
  ...SORTED_SET_OPERATIONS,
]
