import { KvError } from '../../errors/errors.ts'
import { parseFloat64 } from '../../redis-semantics/floats.ts'
import { integer, integerFrom, word } from '../parsing/args.ts'

export type SetOperation = 'union' | 'inter' | 'diff'
export type Aggregate = 'SUM' | 'MIN' | 'MAX'

export interface Options {
  weights: number[] | undefined
  aggregate: Aggregate
  withScores: boolean
  limit: number
}

/** Which options a command takes besides its keys. */
export interface Form {
  readonly command: string
  readonly kind: SetOperation
  readonly stores?: boolean
  readonly counts?: boolean
}

/** The keys after numkeys at argument `at`. */
export function parseKeys({ command }: Form, args: readonly Buffer[], at: number): Buffer[] {
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
export function parseOptions(
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
