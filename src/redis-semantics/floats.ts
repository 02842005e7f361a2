import type { Buffer } from 'node:buffer'
import { type BinaryFormat, textToFormat } from './binary-float.ts'
import { type FloatText, readFloatText } from './float-text.ts'
import { formatGeneral } from './general-format.ts'

export { addLongDouble, type LongDouble, parseLongDouble, sumLongDouble } from './long-double.ts'

const FLOAT64: BinaryFormat = { precision: 53, minExponent: -1074, maxExponent: 971 }

/** What strtod makes of a number's text: past the range it is infinite, below it zero. */
function nearestFloat64(parsed: FloatText, text: string): number {
  if (parsed.kind === 'infinite') return parsed.negative ? -Infinity : Infinity
  if (parsed.base === 10) return Number(text)
  const rounded = textToFormat(FLOAT64, parsed)
  if (rounded === 'range') {
    const size = parsed.exponent + parsed.digits.length * 4 > 0 ? Infinity : 0
    return parsed.negative ? -size : size
  }
  const size = Number(rounded.mantissa) * 2 ** rounded.exponent
  return rounded.negative ? -size : size
}

/**
 * A double as ZADD and ZINCRBY accept it (C's strtod on the whole argument), or undefined: no spaces around
 * it, not empty, no nan, neither too large (`1e400`) nor rounded to zero (`1e-400`). `inf`, exponents and
 * hexadecimal floats are fine.
 */
export function parseFloat64(bytes: Buffer): number | undefined {
  const text = bytes.toString('latin1')
  const parsed = readFloatText(text)
  if (parsed === undefined) return undefined
  const value = nearestFloat64(parsed, text)
  if (parsed.kind === 'infinite') return value
  if (!Number.isFinite(value) || (value === 0 && parsed.digits !== '')) return undefined
  return value
}

export interface ScoreBound {
  readonly value: number
  readonly exclusive: boolean
}

/**
 * A bound of ZRANGEBYSCORE, ZCOUNT...: a double, `(` before it when exclusive. Redis checks it less than a
 * score: white space before it and an empty text (0) pass, what is out of range becomes infinite or zero, and
 * the text ends at the first NUL.
 */
export function parseScoreBound(bytes: Buffer): ScoreBound | undefined {
  const exclusive = bytes[0] === 0x28
  const start = exclusive ? 1 : 0
  const nul = bytes.indexOf(0, start)
  const argument = bytes.toString('latin1', start, nul === -1 ? bytes.length : nul)
  if (argument === '') return { value: 0, exclusive }
  const text = argument.replace(/^[ \t\n\v\f\r]+/, '')
  const parsed = readFloatText(text)
  return parsed && { value: nearestFloat64(parsed, text), exclusive }
}

/**
 * A score as Redis 7.0 prints it in RESP2 and RESP3: C's `%.17g`, `inf` and `-inf`; negative zero is `-0`.
 */
export function formatDouble(n: number): string {
  if (Number.isFinite(n)) return formatGeneral(n, 17)
  return Number.isNaN(n) ? 'nan' : n > 0 ? 'inf' : '-inf'
}

/** A double as any Redis prints it: older ones with 17 digits, newer ones with as few as will do. */
export function readDouble(bytes: Buffer): number {
  const text = bytes.toString('latin1')
  return text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text)
}
