import { addInt64 } from '../../redis-semantics/integers.ts'
import type { Database } from './database.ts'

/**
 * Adds to the integer under a key, whose TTL stays. How the doors read and write an integer differs, so the
 * caller says what is there (0 for a missing key) and whether the sum is a JSON document. Throws `overflow`
 * beyond 64 bits.
 */
export function addToCounter(
  db: Database,
  name: Buffer,
  current: bigint,
  by: bigint,
  { json }: { readonly json: boolean },
): bigint {
  const sum = addInt64(current, by)
  db.setPlain(name, { bytes: Buffer.from(sum.toString()), json }, { keepTtl: true })
  return sum
}
