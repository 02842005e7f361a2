import { KvError } from '../../errors/errors.ts'
import { integerFrom, word } from './args.ts'

/** Up to `count` elements, from one end of the first of the keys that has any. */
export interface PopMany<End> {
  readonly keys: readonly Buffer[]
  readonly end: End
  readonly count: number
}

/** `numkeys key [key ...] <end> [COUNT count]`, with numkeys at argument `at`; `endOf` reads the end. */
export function parsePopMany<End>(
  args: readonly Buffer[],
  at: number,
  endOf: (arg: Buffer | undefined) => End,
): PopMany<End> {
  const numKeys = integerFrom(args[at]!, 1, 'numkeys_not_positive')
  const endAt = at + numKeys + 1
  const end = endOf(args[endAt])
  let count: number | undefined
  for (let i = endAt + 1; i < args.length; i += 2) {
    if (count !== undefined || word(args[i]) !== 'COUNT' || i + 1 >= args.length) throw new KvError('syntax')
    count = integerFrom(args[i + 1]!, 1, 'count_not_positive')
  }
  return { keys: args.slice(at + 1, endAt), end, count: count ?? 1 }
}
