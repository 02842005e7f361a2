import type { ScoredMember } from '../../engine/plaintext/values.ts'
import { KvError } from '../../errors/errors.ts'
import { formatDouble, parseScoreBound, type ScoreBound } from '../../redis-semantics/floats.ts'

/** Whether a member is not below the lower, not above the upper end of a range. */
export interface Bounds {
  readonly above: (scored: ScoredMember) => boolean
  readonly below: (scored: ScoredMember) => boolean
}

export interface ScoreRange extends Bounds {
  /** The ends as a native command takes them. */
  readonly native: readonly [min: string, max: string]
}

const textOf = ({ value, exclusive }: ScoreBound): string => `${exclusive ? '(' : ''}${formatDouble(value)}`

export function parseScoreRange(minArg: Buffer, maxArg: Buffer): ScoreRange {
  const min = parseScoreBound(minArg)
  const max = min && parseScoreBound(maxArg)
  if (min === undefined || max === undefined) throw new KvError('score_bounds')
  return {
    above: ({ score }) => (min.exclusive ? score > min.value : score >= min.value),
    below: ({ score }) => (max.exclusive ? score < max.value : score <= max.value),
    native: [textOf(min), textOf(max)],
  }
}

const PLUS = 0x2b
const MINUS = 0x2d
const OPEN_PARENTHESIS = 0x28
const OPEN_BRACKET = 0x5b

/** How a member compares with the bound: negative, zero or positive; an exclusive bound is never met. */
type LexBound = { readonly compare: (member: Buffer) => number; readonly exclusive: boolean }

function parseLexBound(arg: Buffer): LexBound {
  const [kind, next] = arg
  // Redis looks at a C string, which ends at the first NUL.
  const alone = next === undefined || next === 0
  if (kind === PLUS && alone) return { compare: () => -1, exclusive: true }
  if (kind === MINUS && alone) return { compare: () => 1, exclusive: true }
  if (kind !== OPEN_PARENTHESIS && kind !== OPEN_BRACKET) throw new KvError('lex_bounds')
  const bytes = arg.subarray(1)
  return { compare: (member) => Buffer.compare(member, bytes), exclusive: kind === OPEN_PARENTHESIS }
}

export function parseLexRange(minArg: Buffer, maxArg: Buffer): Bounds {
  const min = parseLexBound(minArg)
  const max = parseLexBound(maxArg)
  return {
    above: ({ member }) => (min.exclusive ? min.compare(member) > 0 : min.compare(member) >= 0),
    below: ({ member }) => (max.exclusive ? max.compare(member) < 0 : max.compare(member) <= 0),
  }
}

/**
 * The members of `ordered` from the first that is past the near bound, `offset` of them left out, up to the
 * far bound or to `count` (negative: all) of them. It goes step by step as Redis does, because for names
 * among mixed scores the range is not a connected one.
 */
export function walk(
  ordered: readonly ScoredMember[],
  bounds: Bounds,
  reverse = false,
  offset = 0,
  count = -1,
): ScoredMember[] {
  const [near, far] = reverse ? [bounds.below, bounds.above] : [bounds.above, bounds.below]
  const start = ordered.findIndex(near)
  if (start < 0 || offset < 0 || !near(ordered.at(-1)!) || !far(ordered[0]!) || !far(ordered[start]!))
    return []
  const found: ScoredMember[] = []
  for (let i = start + offset; i < ordered.length && found.length !== count && far(ordered[i]!); i++)
    found.push(ordered[i]!)
  return found
}
