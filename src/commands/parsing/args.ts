import { type ErrorText, KvError } from '../../errors/errors.ts'
import { INT64_MAX, INT64_MIN, parseInteger, parseSafe } from '../../redis-semantics/integers.ts'

export { word } from '../../lib/word.ts'

/** A 64-bit integer. Throws Redis's `value is not an integer or out of range`. */
export function int64(arg: Buffer): bigint {
  const value = parseInteger(arg)
  if (value === undefined) throw new KvError('not_integer')
  return value
}

/** An integer for counts and indexes: 64 bits as Redis reads them, clamped to what an array can have. */
export function integer(arg: Buffer): number {
  const value = parseSafe(arg)
  if (value !== undefined) return value
  const wide = int64(arg)
  return wide < 0n ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER
}

/**
 * A count that Redis reads with getRangeLongFromObjectOrReply. Throws `error` when it is below `least`, or no
 * integer.
 */
export function integerFrom(arg: Buffer, least: number, ...error: ErrorText): number {
  if (parseInteger(arg) === undefined) throw new KvError(...error)
  const value = integer(arg)
  if (value < least) throw new KvError(...error)
  return value
}

/** As `integer`, for what Redis negates and so refuses at the lowest 64-bit integer. */
export function long(arg: Buffer): number {
  if (int64(arg) === INT64_MIN) throw new KvError('not_between', { least: -INT64_MAX, most: INT64_MAX })
  return integer(arg)
}

const INT32_MIN = -0x8000_0000n
const INT32_MAX = 0x7fff_ffffn

/** What Redis keeps in a C int. */
export function int32(arg: Buffer): number {
  const value = int64(arg)
  if (value < INT32_MIN || value > INT32_MAX)
    throw new KvError('not_between', { least: INT32_MIN, most: INT32_MAX })
  return Number(value)
}

/**
 * Start and stop of a range as Redis clamps them: inclusive, negative from the end. Undefined when nothing is
 * in it.
 */
export function rangeOf(
  start: number,
  stop: number,
  length: number,
): { start: number; stop: number } | undefined {
  const from = Math.max(0, start < 0 ? length + start : start)
  const to = Math.min(length - 1, stop < 0 ? length + stop : stop)
  return from > to || from >= length ? undefined : { start: from, stop: to }
}

/** Which unit, and from when, an expiry option counts. */
export type ExpiryUnit = 'EX' | 'PX' | 'EXAT' | 'PXAT'

/**
 * The moment, in milliseconds since the epoch, that an expiry argument names, as Redis's
 * parseExtendedExpireArgumentsOrReply and getExpireMillisecondsOrReply read it. Throws `invalid expire time
 * in '<command>' command`.
 */
export function expiryOf(unit: ExpiryUnit, arg: Buffer, now: number, command: string): number {
  const invalid = (): KvError => new KvError('invalid_expire', { command })
  const value = int64(arg)
  if (value <= 0n) throw invalid()
  return expiryFrom(unit, value, now, invalid)
}

const MAX_MS = 2n ** 63n - 1n

/**
 * As `expiryOf`, for a value that may be negative (EXPIRE). Moments are kept up to the largest that is exact:
 * 285,000 years ahead.
 */
export function expiryFrom(unit: ExpiryUnit, value: bigint, now: number, invalid: () => KvError): number {
  let ms = value
  if (unit === 'EX' || unit === 'EXAT') {
    if (value > MAX_MS / 1000n || value < -(MAX_MS / 1000n)) throw invalid()
    ms = value * 1000n
  }
  if (unit === 'EX' || unit === 'PX') {
    if (ms > MAX_MS - BigInt(now)) throw invalid()
    ms += BigInt(now)
  }
  return Math.min(Number(ms), Number.MAX_SAFE_INTEGER)
}
