import type { Buffer } from 'node:buffer'
import { KvError } from '../errors/errors.ts'

export const INT64_MIN = -(2n ** 63n)
export const INT64_MAX = 2n ** 63n - 1n

/** Longest text of a signed 64-bit integer: `-9223372036854775808`. */
const MAX_DIGITS_AND_SIGN = 20
/** Any number of up to 15 digits is below 2^53, so plain arithmetic is exact. */
const SAFE_DIGITS = 15

const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39

/**
 * Whether the text is the canonical form of an integer: `0`, or an optional `-` and digits without a leading
 * zero.
 */
function isCanonical(bytes: Buffer): boolean {
  const { length } = bytes
  if (length === 0 || length > MAX_DIGITS_AND_SIGN) return false
  const first = bytes[0] === MINUS ? 1 : 0
  if (first === length) return false
  if (bytes[first] === ZERO) return length === 1
  for (let i = first; i < length; i++) {
    const byte = bytes[i] as number
    if (byte < ZERO || byte > NINE) return false
  }
  return true
}

/** The value of a text that `isCanonical`, when it has few enough digits to be exact as a number. */
function shortValue(bytes: Buffer): number | undefined {
  const negative = bytes[0] === MINUS
  const first = negative ? 1 : 0
  if (bytes.length - first > SAFE_DIGITS) return undefined
  let value = 0
  for (let i = first; i < bytes.length; i++) value = value * 10 + ((bytes[i] as number) - ZERO)
  return negative ? -value : value
}

/** A signed 64-bit integer as Redis accepts it (no `+`, space, leading zero or `-0`), or undefined. */
export function parseInteger(bytes: Buffer): bigint | undefined {
  if (!isCanonical(bytes)) return undefined
  const short = shortValue(bytes)
  if (short !== undefined) return BigInt(short)
  const value = BigInt(bytes.toString('latin1'))
  return value < INT64_MIN || value > INT64_MAX ? undefined : value
}

/** As `parseInteger`, but only for safe integers (within ±(2^53 - 1)); no BigInt is made. */
export function parseSafe(bytes: Buffer): number | undefined {
  if (!isCanonical(bytes)) return undefined
  const value = shortValue(bytes) ?? Number(bytes.toString('latin1'))
  return Number.isSafeInteger(value) ? value : undefined
}

/** The sum of two signed 64-bit integers. Throws `overflow` when it leaves 64 bits, as INCRBY does. */
export function addInt64(a: bigint, b: bigint): bigint {
  const sum = a + b
  if (sum < INT64_MIN || sum > INT64_MAX) throw new KvError('overflow')
  return sum
}
