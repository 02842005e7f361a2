import type { BackingArg } from '../../backing/backing.ts'
import { formatDouble } from '../../redis-semantics/floats.ts'
import { sourceKeys, tellsStored } from '../../registry/notifies.ts'
import { countedKeys, type DataRow, data, type KeySpec, reads, readsInParts } from '../../registry/row.ts'
import { distinct, firstAndDistinct } from '../parsing/distinct.ts'
import { orCompute } from '../parsing/members.ts'
import { type Form, type Options, parseKeys, parseOptions } from './combine-options.ts'
import { combine } from './sorted-set-combine.ts'
import { inOrder, ranked, SealedRange, store } from './sorted-set-order.ts'

const answered = (form: Form): Pick<DataRow, 'run' | 'direct' | 'keys'> => ({
  keys: countedKeys(1),
  run: (db, args) => {
    const { members, options } = combine(db, form, args, 1)
    return ranked(inOrder(members), options.withScores)
  },
  direct: readsInParts(
    ({ automation, args }) => {
      const names = parseKeys(form, args, 1)
      const options = orCompute(() => parseOptions(form, args, 2 + names.length, names.length))
      if (options === undefined) return undefined
      const asked = form.kind === 'diff' ? firstAndDistinct(names) : names
      // Redis would go through a key as often as it is named.
      if (distinct(asked).length < asked.length && form.kind !== 'diff') return undefined
      const command: BackingArg[] = [
        form.command.toUpperCase(),
        asked.length,
        ...asked.map((name) => automation.key(name)),
      ]
      if (options.weights !== undefined) {
        command.push('WEIGHTS')
        for (const weight of options.weights) command.push(formatDouble(weight))
      }
      if (options.aggregate !== 'SUM') command.push('AGGREGATE', options.aggregate)
      return [...command, 'WITHSCORES']
    },
    function* (call, raw) {
      const names = parseKeys(form, call.args, 1)
      const { withScores } = parseOptions(form, call.args, 2 + names.length, names.length)
      return ranked(yield* new SealedRange(call, raw).allInOrder(), withScores)
    },
  ),
})

/** `destination numkeys key [key ...]` */
const STORE_KEYS: KeySpec = { first: 1, last: 1, step: 1, find: (args) => [1, ...countedKeys(2).find!(args)] }

const stored = (form: Form): Pick<DataRow, 'run' | 'keys' | 'extent'> => ({
  keys: STORE_KEYS,
  extent: (_args, index) => (index === 1 ? 'meta' : 'all'),
  run: (db, args) => store(db, args[1]!, combine(db, { ...form, stores: true }, args, 2).members),
})

const limited = (count: number, { limit }: Options): number => (limit === 0 ? count : Math.min(limit, count))

const CARD: Form = { command: 'zintercard', kind: 'inter', counts: true }

const group = 'sorted-set'

const OF_ALL = 'O(N)+O(M*log(M)) in the numbers of members of all sorted sets and of the result'

const OF_SMALLEST =
  'O(N*K)+O(M*log(M)) in the numbers of members of the smallest sorted set, of sorted sets and of members of the result'

const OF_FIRST =
  'O(L + (N-K)log(N)) in the numbers of members of all sorted sets, of the first and of the result'

export const SORTED_SET_OPERATIONS = [
  data({
    name: 'zdiff',
    arity: -3,
    flags: 'readonly movablekeys',
    group,
    since: '6.2.0',
    syntax: 'numkeys key [key ...] [WITHSCORES]',
    summary: 'Returns the members of the first sorted set that no other has.',
    complexity: OF_FIRST,
    ...answered({ command: 'zdiff', kind: 'diff' }),
  }),
  data({
    name: 'zdiffstore',
    arity: -4,
    flags: 'write denyoom movablekeys',
    notifies: tellsStored('zdiffstore'),
    misses: sourceKeys,
    group,
    since: '6.2.0',
    syntax: 'destination numkeys key [key ...]',
    summary: 'Stores the members of the first sorted set that no other has.',
    complexity: OF_FIRST,
    ...stored({ command: 'zdiffstore', kind: 'diff' }),
  }),
  data({
    name: 'zinter',
    arity: -3,
    flags: 'readonly movablekeys',
    group,
    since: '6.2.0',
    syntax: 'numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]',
    summary: 'Returns the members that all sorted sets have.',
    complexity: OF_SMALLEST,
    ...answered({ command: 'zinter', kind: 'inter' }),
  }),
  data({
    name: 'zintercard',
    arity: -3,
    flags: 'readonly movablekeys',
    group,
    since: '7.0.0',
    keys: countedKeys(1),
    syntax: 'numkeys key [key ...] [LIMIT limit]',
    summary: 'Returns how many members all sorted sets have.',
    complexity: 'O(N*K) in the numbers of members of the smallest sorted set and of sorted sets',
    run: (db, args) => {
      const { members, options } = combine(db, CARD, args, 1)
      return limited(members.length, options)
    },
    // Redis has ZINTERCARD since 7.0 only.
    direct: reads(
      ({ automation, args }) => {
        const names = parseKeys(CARD, args, 1)
        const options = orCompute(() => parseOptions(CARD, args, 2 + names.length, names.length))
        const asked = distinct(names)
        return options && ['ZINTER', asked.length, ...asked.map((name) => automation.key(name))]
      },
      ({ args }, raw) => {
        const names = parseKeys(CARD, args, 1)
        return limited((raw as Buffer[]).length, parseOptions(CARD, args, 2 + names.length, names.length))
      },
    ),
  }),
  data({
    name: 'zinterstore',
    arity: -4,
    flags: 'write denyoom movablekeys',
    notifies: tellsStored('zinterstore'),
    misses: sourceKeys,
    group,
    since: '2.0.0',
    syntax: 'destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]',
    summary: 'Stores the members that all sorted sets have.',
    complexity: OF_SMALLEST,
    ...stored({ command: 'zinterstore', kind: 'inter' }),
  }),
  data({
    name: 'zunion',
    arity: -3,
    flags: 'readonly movablekeys',
    group,
    since: '6.2.0',
    syntax: 'numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]',
    summary: 'Returns the members that any of the sorted sets has.',
    complexity: OF_ALL,
    ...answered({ command: 'zunion', kind: 'union' }),
  }),
  data({
    name: 'zunionstore',
    arity: -4,
    flags: 'write denyoom movablekeys',
    notifies: tellsStored('zunionstore'),
    misses: sourceKeys,
    group,
    since: '2.0.0',
    syntax: 'destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]',
    summary: 'Stores the members that any of the sorted sets has.',
    complexity: OF_ALL,
    ...stored({ command: 'zunionstore', kind: 'union' }),
  }),
]
