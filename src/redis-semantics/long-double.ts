import type { Buffer } from 'node:buffer'
import { KvError } from '../errors/errors.ts'
import {
  type BinaryFloat,
  type BinaryFormat,
  divideToEven,
  roundToFormat,
  textToFormat,
} from './binary-float.ts'
import { readFloatText } from './float-text.ts'

/**
 * INCRBYFLOAT and HINCRBYFLOAT add in C's `long double`, which on x86-64 is the 80-bit extended format with a
 * 64-bit mantissa. Source: https://redis.io/docs/latest/commands/incrbyfloat/ (17 digits after the point,
 * trailing zeros removed).
 */
const EXTENDED: BinaryFormat = { precision: 64, minExponent: -16445, maxExponent: 16320 }

/** Redis copies the text into a buffer of 5 KiB, its terminator included. */
const MAX_TEXT = 5 * 1024 - 1
const FRACTION_DIGITS = 17

export type LongDouble = BinaryFloat | 'infinite' | '-infinite'

/**
 * A long double as INCRBYFLOAT accepts it (no spaces, no nan, not out of range), or undefined. `inf` passes:
 * it is refused later.
 */
export function parseLongDouble(source: Buffer | string): LongDouble | undefined {
  if (source.length > MAX_TEXT) return undefined
  const text = readFloatText(typeof source === 'string' ? source : source.toString('latin1'))
  if (text === undefined) return undefined
  if (text.kind === 'infinite') return text.negative ? '-infinite' : 'infinite'
  const rounded = textToFormat(EXTENDED, text)
  return rounded === 'range' ? undefined : rounded
}

const signed = ({ negative, mantissa }: BinaryFloat): bigint => (negative ? -mantissa : mantissa)

function print(value: BinaryFloat): string {
  const scaled = divideToEven(value.mantissa * 10n ** BigInt(FRACTION_DIGITS), 1n, value.exponent)
  if (scaled === 0n) return '0'
  const digits = scaled.toString().padStart(FRACTION_DIGITS + 1, '0')
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '')
  return (
    (value.negative ? '-' : '') + digits.slice(0, -FRACTION_DIGITS) + (fraction === '' ? '' : `.${fraction}`)
  )
}

/** The printed sum. Throws `nan_or_infinity` when either is infinite or the sum is too large. */
export function sumLongDouble(a: LongDouble, b: LongDouble): string {
  if (typeof a === 'string' || typeof b === 'string') throw new KvError('nan_or_infinity')
  const exponent = Math.min(a.exponent, b.exponent)
  const exact = (signed(a) << BigInt(a.exponent - exponent)) + (signed(b) << BigInt(b.exponent - exponent))
  const sum = roundToFormat(EXTENDED, exact < 0n, exact < 0n ? -exact : exact, 1n, exponent)
  if (sum === 'overflow') throw new KvError('nan_or_infinity')
  return print(sum)
}

/**
 * INCRBYFLOAT's result. Throws `not_float` when either text is no long double, `nan_or_infinity` when the sum
 * is none.
 */
export function addLongDouble(current: Buffer | string, increment: Buffer | string): string {
  const a = parseLongDouble(current)
  const b = parseLongDouble(increment)
  if (a === undefined || b === undefined) throw new KvError('not_float')
  return sumLongDouble(a, b)
}
