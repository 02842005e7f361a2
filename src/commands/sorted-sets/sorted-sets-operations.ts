import type { BackingArg } from '../../backing/backing.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { idOf } from '../../engine/plaintext/id.ts'
import type { ScoredMember } from '../../engine/plaintext/values.ts'
import { KvError } from '../../errors/errors.ts'
import { formatDouble, parseFloat64 } from '../../redis-semantics/floats.ts'
import { countedKeys, type DataRow, data, type KeySpec, reads } from '../../registry/row.ts'
import { integer, integerFrom, word } from '../parsing/args.ts'
import { distinct, firstAndDistinct } from '../parsing/distinct.ts'
import { orCompute } from '../parsing/members.ts'
import { inOrder, ranked, SealedRange, store } from './sorted-set-order.ts'

type SetOperation = 'union' | 'inter' | 'diff'
type Aggregate = 'SUM' | 'MIN' | 'MAX'

interface Options {
  weights: number[] | undefined
  aggregate: Aggregate
  withScores: boolean
  limit: number
}

/** Which options a command takes besides its keys. */
interface Form {
  readonly command: string
  readonly kind: SetOperation
  readonly stores?: boolean
  readonly counts?: boolean
}

/** The keys after numkeys at argument `at`. */
function parseKeys({ command }: Form, args: readonly Buffer[], at: number): Buffer[] {
  const numKeys = integer(args[at]!)
  if (numKeys < 1) throw new KvError('no_input_key', { command })
  if (numKeys > args.length - at - 1) throw new KvError('syntax')
  return args.slice(at + 1, at + 1 + numKeys)
}

const AGGREGATES: ReadonlySet<string> = new Set<Aggregate>(['SUM', 'MIN', 'MAX'])

/**
 * `[WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]` or `[LIMIT limit]` from argument
 * `at`.
 */
function parseOptions(
  { kind, stores = false, counts = false }: Form,
  args: readonly Buffer[],
  at: number,
  numKeys: number,
): Options {
  const options: Options = { weights: undefined, aggregate: 'SUM', withScores: false, limit: 0 }
  const weighs = kind !== 'diff' && !counts
  for (let i = at; i < args.length; i++) {
    const option = word(args[i])
    const left = args.length - i - 1
    if (weighs && option === 'WEIGHTS' && left >= numKeys) {
      options.weights = args.slice(i + 1, i + 1 + numKeys).map(parseWeight)
      i += numKeys
    } else if (weighs && option === 'AGGREGATE' && left >= 1) {
      const aggregate = word(args[++i])
      if (!AGGREGATES.has(aggregate)) throw new KvError('syntax')
      options.aggregate = aggregate as Aggregate
    } else if (!stores && !counts && option === 'WITHSCORES') options.withScores = true
    else if (counts && option === 'LIMIT' && left >= 1)
      options.limit = integerFrom(args[++i]!, 0, 'limit_negative')
    else throw new KvError('syntax')
  }
  return options
}

function parseWeight(arg: Buffer): number {
  const weight = parseFloat64(arg)
  if (weight === undefined) throw new KvError('weight_not_float')
  return weight
}

interface Source {
  readonly members: ReadonlyMap<string, ScoredMember>
  weight: number
}

/** A plain set counts as one with all scores 1. */
function sourceOf(db: Database, name: Buffer): Source {
  const value = db.value(name)
  if (value === undefined) return { members: new Map(), weight: 1 }
  if (value.type === 'zset') return { members: value.members, weight: 1 }
  if (value.type !== 'set') throw new KvError('wrong_type')
  return {
    members: new Map(Array.from(value.members, ([id, member]) => [id, { member, score: 1 }])),
    weight: 1,
  }
}

const numberOr0 = (score: number): number => (Number.isNaN(score) ? 0 : score)

/** Infinity and its opposite add up to 0, as do infinity and a weight of 0. */
const AGGREGATE: Readonly<Record<Aggregate, (score: number, other: number) => number>> = {
  SUM: (score, other) => numberOr0(score + other),
  MIN: (score, other) => (other < score ? other : score),
  MAX: (score, other) => (other > score ? other : score),
}

/** Redis goes from the smallest set to the largest, which shows in sums that are rounded. */
const bySize = (sources: readonly Source[]): Source[] =>
  sources.toSorted((a, b) => a.members.size - b.members.size)

type Combine = (sources: readonly Source[], aggregate: Aggregate) => ScoredMember[]

const COMBINE: Readonly<Record<SetOperation, Combine>> = {
  union: (sources, aggregate) => {
    const result = new Map<string, ScoredMember>()
    for (const { members, weight } of bySize(sources)) {
      for (const [id, { member, score }] of members) {
        const weighted = numberOr0(weight * score)
        const known = result.get(id)
        result.set(id, {
          member,
          score: known === undefined ? weighted : AGGREGATE[aggregate](known.score, weighted),
        })
      }
    }
    return [...result.values()]
  },
  inter: (sources, aggregate) => {
    const [smallest, ...others] = bySize(sources) as [Source, ...Source[]]
    return Array.from(smallest.members).flatMap(([id, { member, score }]): ScoredMember[] => {
      let sum = numberOr0(smallest.weight * score)
      for (const { members, weight } of others) {
        const other = members.get(id)
        if (other === undefined) return []
        sum = AGGREGATE[aggregate](sum, other.score * weight)
      }
      return [{ member, score: sum }]
    })
  },
  diff: ([first, ...others]) =>
    Array.from(first!.members).flatMap(([id, scored]) =>
      others.some(({ members }) => members.has(id)) ? [] : [scored],
    ),
}

/** In Redis's order of checks: number of keys, their types, options. */
function combine(
  db: Database,
  form: Form,
  args: readonly Buffer[],
  at: number,
): { members: ScoredMember[]; options: Options } {
  const names = parseKeys(form, args, at)
  const known = new Map(distinct(names).map((name) => [idOf(name), sourceOf(db, name)]))
  const options = parseOptions(form, args, at + 1 + names.length, names.length)
  const sources = names.map(
    (name, i): Source => ({ ...known.get(idOf(name))!, weight: options.weights?.[i] ?? 1 }),
  )
  return { members: COMBINE[form.kind](fewer(form, sources, options.aggregate), options.aggregate), options }
}

/**
 * A key that is named more often than this is added up once, times the sum of its weights: rounding shows in
 * its last digits then.
 */
const MAX_REPEATS = 16

/** The same result from fewer sources, where some are named several times. */
function fewer(
  { kind, counts = false }: Form,
  sources: readonly Source[],
  aggregate: Aggregate,
): readonly Source[] {
  const [first, ...others] = sources as [Source, ...Source[]]
  if (kind === 'diff') return [first, ...new Map(others.map((source) => [source.members, source])).values()]
  if (counts) return [...new Map(sources.map((source) => [source.members, source])).values()]
  const bySet = new Map<Source['members'], number[]>()
  for (const { members, weight } of sources) {
    const weights = bySet.get(members)
    if (weights === undefined) bySet.set(members, [weight])
    else weights.push(weight)
  }
  if (bySet.size === sources.length) return sources
  if (aggregate === 'SUM' && [...bySet.values()].every((weights) => weights.length <= MAX_REPEATS))
    return sources
  return Array.from(bySet).flatMap(([members, weights]) => {
    const kept =
      aggregate !== 'SUM'
        ? extremes(weights)
        : weights.length > MAX_REPEATS
          ? [weights.reduce((a, b) => numberOr0(a + b))]
          : weights
    return kept.map((weight) => ({ members, weight }))
  })
}

/** With these the least and the largest of all products come out, whatever the score's sign. */
function extremes(weights: readonly number[]): number[] {
  const least = weights.reduce((a, b) => Math.min(a, b))
  const most = weights.reduce((a, b) => Math.max(a, b))
  // A weight of 0 makes 0 of an infinite score.
  return [...new Set(weights.includes(0) ? [least, 0, most] : [least, most])]
}

const answered = (form: Form): Pick<DataRow, 'run' | 'direct' | 'keys'> => ({
  keys: countedKeys(1),
  run: (db, args) => {
    const { members, options } = combine(db, form, args, 1)
    return ranked(inOrder(members), options.withScores)
  },
  direct: reads(
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
    (call, raw) => {
      const names = parseKeys(form, call.args, 1)
      const { withScores } = parseOptions(form, call.args, 2 + names.length, names.length)
      return ranked(inOrder(new SealedRange(call, raw).open()), withScores)
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
    group,
    since: '2.0.0',
    syntax: 'destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]',
    summary: 'Stores the members that any of the sorted sets has.',
    complexity: OF_ALL,
    ...stored({ command: 'zunionstore', kind: 'union' }),
  }),
]
