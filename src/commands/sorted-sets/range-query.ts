import type { BackingArg, BackingReply } from '../../backing/backing.ts'
import type { ScoredMember } from '../../engine/plaintext/values.ts'
import { KvError } from '../../errors/errors.ts'
import type { Parts } from '../../lib/parts.ts'
import type { Call } from '../../registry/context.ts'
import { integer, rangeOf, word } from '../parsing/args.ts'
import { type Bounds, parseLexRange, parseScoreRange, type ScoreRange, walk } from './sorted-set-bounds.ts'
import { inOrder, SealedRange, type Window } from './sorted-set-order.ts'

type By = 'rank' | 'score' | 'lex'

type Range =
  | { readonly by: 'rank'; readonly start: number; readonly stop: number }
  | { readonly by: 'score'; readonly bounds: ScoreRange }
  | { readonly by: 'lex'; readonly bounds: Bounds }

/** What a command of the ZRANGE family asks for. */
export interface RangeQuery {
  readonly range: Range
  readonly reverse: boolean
  readonly withScores: boolean
  readonly offset: number
  /** Negative: all. */
  readonly count: number
}

/** What a command's name decides, which its options then cannot. */
export interface RangeKind {
  readonly by?: By
  readonly reverse?: boolean
  readonly stores?: boolean
}

/**
 * `min max [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]` from argument `at`, with Redis's order
 * of checks.
 */
export function parseRangeQuery(args: readonly Buffer[], at: number, kind: RangeKind): RangeQuery {
  let { by, reverse } = kind
  let withScores = false
  let offset = 0
  let count = -1
  for (let i = at + 2; i < args.length; i++) {
    const option = word(args[i])
    if (option === 'WITHSCORES' && kind.stores !== true) withScores = true
    else if (option === 'LIMIT' && i + 2 < args.length) {
      offset = integer(args[++i]!)
      count = integer(args[++i]!)
    } else if (option === 'REV' && reverse === undefined) reverse = true
    else if (option === 'BYLEX' && by === undefined) by = 'lex'
    else if (option === 'BYSCORE' && by === undefined) by = 'score'
    else throw new KvError('syntax')
  }
  by ??= 'rank'
  reverse ??= false
  if (count !== -1 && by === 'rank') {
    throw new KvError('range_limit')
  }
  if (withScores && by === 'lex') throw new KvError('range_lex_scores')
  return { range: parseRange(by, reverse, args[at]!, args[at + 1]!), reverse, withScores, offset, count }
}

function parseRange(by: By, reverse: boolean, first: Buffer, second: Buffer): Range {
  if (by === 'rank') return { by, start: integer(first), stop: integer(second) }
  const [min, max] = reverse ? [second, first] : [first, second]
  return by === 'score' ? { by, bounds: parseScoreRange(min, max) } : { by, bounds: parseLexRange(min, max) }
}

/** The members that the query asks for, in the order of the reply. */
export function select(
  members: readonly ScoredMember[],
  { range, reverse, offset, count }: RangeQuery,
): ScoredMember[] {
  const candidates =
    range.by === 'score' ? members.filter((m) => range.bounds.above(m) && range.bounds.below(m)) : members
  const ordered = inOrder(candidates)
  if (reverse) ordered.reverse()
  if (range.by !== 'rank') return walk(ordered, range.bounds, reverse, offset, count)
  const window = rangeOf(range.start, range.stop, ordered.length)
  return window === undefined ? [] : ordered.slice(window.start, window.stop + 1)
}

/** One native command that brings at least what the query asks for. */
export const rangeCommand = (name: BackingArg, { range }: RangeQuery): readonly BackingArg[] =>
  range.by === 'score'
    ? ['ZRANGEBYSCORE', name, ...range.bounds.native, 'WITHSCORES']
    : ['ZRANGE', name, 0, -1, 'WITHSCORES']

/** Of its reply, the members that the query asks for. */
export function* selectSealed(call: Call, raw: BackingReply, query: RangeQuery): Parts<ScoredMember[]> {
  const sealed = new SealedRange(call, raw)
  if (query.range.by === 'lex') return select(yield* sealed.openInParts(), query)
  const found = yield* sealed.inOrder(windowOf(query, sealed.length))
  return query.reverse ? found.reverse() : found
}

/** Where, among `length` members in ascending order, lies what the query asks for. */
function windowOf({ range, reverse, offset, count }: RangeQuery, length: number): Window | undefined {
  const window =
    range.by === 'rank' ? rangeOf(range.start, range.stop, length) : limited(offset, count, length)
  if (window === undefined || !reverse) return window
  return { start: length - 1 - window.stop, stop: length - 1 - window.start }
}

function limited(offset: number, count: number, length: number): Window | undefined {
  if (offset < 0 || offset >= length || count === 0) return undefined
  return { start: offset, stop: Math.min(length, count < 0 ? length : offset + count) - 1 }
}
