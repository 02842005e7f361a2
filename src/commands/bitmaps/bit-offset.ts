import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { parseInteger } from '../../redis-semantics/integers.ts'

/** Redis's default of `proto-max-bulk-len`, in bits. */
const MAX_BITS = 2n ** 32n

const outOfRange = (): KvError => new KvError('bit_offset')

export function checkOffset(offset: bigint | undefined): number {
  if (offset === undefined || offset < 0n || offset >= MAX_BITS) throw outOfRange()
  return Number(offset)
}

export const bitOffset = (arg: Buffer): number => checkOffset(parseInteger(arg))

/**
 * A copy of the string that is long enough to hold the bit, with zeros at its end. Throws `string_too_long`.
 */
export function grown(db: Database, bytes: Buffer | undefined, offset: number): Buffer {
  const length = Math.floor(offset / 8) + 1
  if (bytes !== undefined && bytes.length >= length) return Buffer.from(bytes)
  db.checkLength(length)
  const result = Buffer.alloc(length)
  bytes?.copy(result)
  return result
}
