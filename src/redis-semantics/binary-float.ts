import type { FiniteText } from './float-text.ts'

/**
 * A binary floating point format; `minExponent` is that of its smallest subnormal, `maxExponent` of its
 * largest value's last bit.
 */
export interface BinaryFormat {
  readonly precision: number
  readonly minExponent: number
  readonly maxExponent: number
}

/** `mantissa` times 2 to the `exponent`, sign included; a zero keeps its sign in `negative`. */
export interface BinaryFloat {
  readonly negative: boolean
  readonly mantissa: bigint
  readonly exponent: number
}

const bitLength = (value: bigint): number => {
  const hex = value.toString(16)
  return value === 0n ? 0 : (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex[0] as string, 16)))
}

/**
 * The value of the format nearest to (numerator / denominator) * 2^scale, ties to even: one rounding, as the
 * hardware does. Answers `overflow` past the largest value.
 */
export function roundToFormat(
  format: BinaryFormat,
  negative: boolean,
  numerator: bigint,
  denominator: bigint,
  scale: number,
): BinaryFloat | 'overflow' {
  if (numerator === 0n) return { negative, mantissa: 0n, exponent: format.minExponent }
  // One of the two guesses has exactly `precision` bits before rounding.
  let exponent = scale + bitLength(numerator) - bitLength(denominator) - format.precision
  if (exponent < format.minExponent) exponent = format.minExponent
  for (;;) {
    const mantissa = divideToEven(numerator, denominator, scale - exponent)
    if (bitLength(mantissa) <= format.precision) {
      return exponent > format.maxExponent ? 'overflow' : { negative, mantissa, exponent }
    }
    exponent++
  }
}

/** (numerator / denominator) * 2^shift as an integer, ties to even. */
export function divideToEven(numerator: bigint, denominator: bigint, shift: number): bigint {
  const top = shift > 0 ? numerator << BigInt(shift) : numerator
  const bottom = shift < 0 ? denominator << BigInt(-shift) : denominator
  const quotient = top / bottom
  const twice = (top - quotient * bottom) * 2n
  return twice > bottom || (twice === bottom && (quotient & 1n) === 1n) ? quotient + 1n : quotient
}

/**
 * Rounds a text to a format; `range` when it is too large, or too small to be anything but zero (C's ERANGE).
 */
export function textToFormat(format: BinaryFormat, text: FiniteText): BinaryFloat | 'range' {
  const { base, negative, digits, exponent } = text
  if (digits === '') return { negative, mantissa: 0n, exponent: format.minExponent }
  // An exponent far outside the format must not become a power of that size.
  const magnitude = digits.length * (base === 10 ? 3.4 : 4) + exponent * (base === 10 ? 3.4 : 1)
  const limit = 2 * (format.precision - format.minExponent)
  if (magnitude > limit || magnitude < -limit) return 'range'
  const rounded = roundExact(format, text)
  return rounded === 'overflow' || rounded.mantissa === 0n ? 'range' : rounded
}

function roundExact(
  format: BinaryFormat,
  { base, negative, digits, exponent }: FiniteText,
): BinaryFloat | 'overflow' {
  if (base === 16) return roundToFormat(format, negative, BigInt(`0x${digits}`), 1n, exponent)
  const value = BigInt(digits)
  if (exponent >= 0) return roundToFormat(format, negative, value * 10n ** BigInt(exponent), 1n, 0)
  return roundToFormat(format, negative, value, 10n ** BigInt(-exponent), 0)
}
