import { endBehindKeys, listEnd, tells, tellsMove } from '../../registry/notifies.ts'
import { countedKeys, data, ENDS } from '../../registry/row.ts'
import { NULL_ARRAY } from '../../reply/reply.ts'
import { type Args, KEYS_BEFORE_TIMEOUT, type Source, waiting } from '../parsing/blocking.ts'
import { parsePopMany } from '../parsing/pop-many.ts'
import { type End, endOf } from './list-ends.ts'
import { move, popMany } from './lists-move.ts'

const LIST: Source = { type: 'list', look: (db, name) => db.list(name) }

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

export const LIST_BLOCKING = [
  data({
    name: 'blmove',
    arity: 6,
    flags: 'write denyoom noscript blocking',
    notifies: tellsMove((args) => ({ from: listEnd(args[3]), to: listEnd(args[4]) })),
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
    notifies: tells((args) => `${endBehindKeys(args, 2)}pop`),
    group,
    since: '7.0.0',
    keys: countedKeys(2),
    extent: ENDS,
    syntax: 'timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]',
    summary: 'Removes elements from the first list that has any, and waits for one if none has.',
    complexity: 'O(N+M) in the numbers of keys and of elements returned',
    ...waiting({
      timeoutAt: () => 1,
      check: (args) => parsePopMany(args, 2, endOf),
      keys: (args) => parsePopMany(args, 2, endOf).keys,
      source: LIST,
      take: (db, args, names) => popMany(db, { ...parsePopMany(args, 2, endOf), keys: names }),
      otherwise: NULL_ARRAY,
    }),
  }),
  data({
    name: 'blpop',
    arity: -3,
    flags: 'write noscript blocking',
    notifies: tells('lpop'),
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
    notifies: tells('rpop'),
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
    notifies: tellsMove(() => ({ from: 'r', to: 'l' })),
    group,
    since: '2.2.0',
    keys: { first: 1, last: 2, step: 1 },
    extent: ENDS,
    syntax: 'source destination timeout',
    summary:
      'Takes the last element of one list, puts it at the head of another, and waits for one if there is none.',
    ...moveFirst(3, () => ['RIGHT', 'LEFT']),
  }),
]
