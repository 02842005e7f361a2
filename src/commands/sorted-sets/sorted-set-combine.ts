import type { Database } from '../../engine/plaintext/database.ts'
import type { ScoredMember } from '../../engine/plaintext/values.ts'
import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { distinct } from '../parsing/distinct.ts'
import {
  type Aggregate,
  type Form,
  type Options,
  parseKeys,
  parseOptions,
  type SetOperation,
} from './combine-options.ts'

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
export function combine(
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
