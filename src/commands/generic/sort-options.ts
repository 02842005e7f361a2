import { KvError } from '../../errors/errors.ts'
import type { KeySpec } from '../../registry/row.ts'
import { integer, word } from '../parsing/args.ts'

export interface SortOptions {
  readonly descending: boolean
  /** Compare bytes, not numbers. */
  readonly alpha: boolean
  readonly offset: number
  /** Negative: all. */
  readonly count: number
  /** The pattern of the keys to sort by; one without `*` means not to sort. */
  readonly by: Buffer | undefined
  readonly get: readonly Buffer[]
  readonly store: Buffer | undefined
}

/** How many arguments follow an option. */
const OPTIONS: Readonly<Record<string, number>> = {
  ASC: 0,
  DESC: 0,
  ALPHA: 0,
  LIMIT: 2,
  BY: 1,
  GET: 1,
  STORE: 1,
}

const valuesOf = (option: string): number | undefined =>
  Object.hasOwn(OPTIONS, option) ? OPTIONS[option] : undefined

export function parseSortOptions(args: readonly Buffer[], canStore: boolean): SortOptions {
  let [descending, alpha, offset, count] = [false, false, 0, -1]
  let by: Buffer | undefined
  let store: Buffer | undefined
  const get: Buffer[] = []
  for (let i = 2; i < args.length; i++) {
    const option = word(args[i])
    const values = valuesOf(option)
    if (values === undefined || i + values >= args.length || (option === 'STORE' && !canStore))
      throw new KvError('syntax')
    if (option === 'ASC' || option === 'DESC') descending = option === 'DESC'
    else if (option === 'ALPHA') alpha = true
    else if (option === 'LIMIT') [offset, count] = [integer(args[i + 1]!), integer(args[i + 2]!)]
    else if (option === 'BY') by = args[i + 1]
    else if (option === 'GET') get.push(args[i + 1]!)
    else store = args[i + 1]
    i += values
  }
  return { descending, alpha, offset, count, by, get, store }
}

/**
 * The key to sort, and the last one to store into: as the options are read above, so that no name goes
 * unchecked.
 */
export const SORT_KEYS: KeySpec = {
  first: 1,
  last: 1,
  step: 1,
  find: (args) => {
    let store = 0
    for (let i = 2; i < args.length; i++) {
      const option = word(args[i])
      if (option === 'STORE' && i + 1 < args.length) store = i + 1
      i += valuesOf(option) ?? 0
    }
    return store === 0 ? [1] : [1, store]
  },
}
