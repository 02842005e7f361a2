import { popBehindKeys, tells } from '../../registry/notifies.ts'
import { countedKeys, data } from '../../registry/row.ts'
import { NULL_ARRAY } from '../../reply/reply.ts'
import { KEYS_BEFORE_TIMEOUT, type Source, waiting } from '../parsing/blocking.ts'
import { parsePopMany } from '../parsing/pop-many.ts'
import { double } from './sorted-set-order.ts'
import { popManyReply, popManyScored, type ScoreEnd, scoreEndOf } from './sorted-sets-pop.ts'

const group = 'sorted-set'

const SORTED_SET: Source = { type: 'sorted set', look: (db, name) => db.sortedSet(name) }

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

export const SORTED_SET_BLOCKING = [
  data({
    name: 'bzmpop',
    arity: -5,
    flags: 'write blocking movablekeys',
    notifies: tells((args) => popBehindKeys(args, 2)),
    group,
    since: '7.0.0',
    keys: countedKeys(2),
    syntax: 'timeout numkeys key [key ...] <MIN | MAX> [COUNT count]',
    summary: 'Removes members from the first sorted set that has any, and waits for one if none has.',
    complexity: 'O(K) + O(M*log(N)) in the numbers of keys, of members returned and of members',
    ...waiting({
      timeoutAt: () => 1,
      check: (args) => parsePopMany(args, 2, scoreEndOf),
      keys: (args) => parsePopMany(args, 2, scoreEndOf).keys,
      source: SORTED_SET,
      take: (db, args, names) => {
        const popped = popManyScored(db, { ...parsePopMany(args, 2, scoreEndOf), keys: names })
        return popped === undefined ? undefined : popManyReply(popped)
      },
      otherwise: NULL_ARRAY,
    }),
  }),
  data({
    name: 'bzpopmax',
    arity: -3,
    flags: 'write noscript fast blocking',
    notifies: tells('zpopmax'),
    group,
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
    notifies: tells('zpopmin'),
    group,
    since: '5.0.0',
    keys: KEYS_BEFORE_TIMEOUT,
    syntax: 'key [key ...] timeout',
    summary:
      'Removes the member with the lowest score of the first sorted set that has any, and waits for one if none has.',
    complexity: 'O(log(N)) in the number of members',
    ...popFirstScored('MIN'),
  }),
]
