import { KvError } from '../../errors/errors.ts'
import { long } from './args.ts'

/**
 * A negative count asks for that many with repetition, however few there are; this bounds the reply to a
 * request of some bytes.
 */
const MOST_WITH_REPETITION = 100_000

/** The count of HRANDFIELD, SRANDMEMBER and ZRANDMEMBER. */
export function randomCount(arg: Buffer): number {
  const count = long(arg)
  if (count < -MOST_WITH_REPETITION) throw new KvError('out_of_range')
  return count
}

const pick = (length: number): number => Math.floor(Math.random() * length)

export const randomItem = <T>(items: readonly T[]): T | undefined => items[pick(items.length)]

/**
 * `count` different items, or all when there are fewer; for a negative count as many as that, with
 * repetition.
 */
export function randomItems<T>(items: readonly T[], count: number): T[] {
  if (items.length === 0) return []
  if (count < 0) return Array.from({ length: -count }, () => items[pick(items.length)]!)
  const pool = items.slice()
  if (count >= pool.length) return pool
  for (let i = 0; i < count; i++) {
    const j = i + pick(pool.length - i)
    ;[pool[i], pool[j]] = [pool[j]!, pool[i]!]
  }
  return pool.slice(0, count)
}
