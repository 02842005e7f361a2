/**
 * The number grammar of C's strtod and strtold, which Redis hands its float arguments to: decimal or
 * hexadecimal digits with an exponent, `inf` or `infinity`. `nan` is left out because Redis refuses it
 * everywhere. Source: https://en.cppreference.com/w/c/string/byte/strtof
 */
const DECIMAL = /^[+-]?(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?$/
const HEXADECIMAL = /^[+-]?0[xX](?:([0-9a-fA-F]+)(?:\.([0-9a-fA-F]*))?|\.([0-9a-fA-F]+))(?:[pP]([+-]?\d+))?$/
const INFINITE = /^[+-]?inf(?:inity)?$/i
// The point stands between its digits and no `\d+` meets another: so each text is read in one pass, also one
// that ends in a wrong letter.

/**
 * More hexadecimal digits than any format holds, rounding included; of what comes behind counts only whether
 * it is zero.
 */
const MAX_HEX_DIGITS = 64

/** `digits` (base 10 or 16, the point taken out) times 10 or 2 to the `exponent`; sign apart. */
export interface FiniteText {
  readonly kind: 'finite'
  readonly base: 10 | 16
  readonly negative: boolean
  readonly digits: string
  readonly exponent: number
}

export type FloatText = FiniteText | { readonly kind: 'infinite'; readonly negative: boolean }

/** Reads a whole text, without spaces around it; undefined when it is not a number. */
export function readFloatText(text: string): FloatText | undefined {
  const negative = text.startsWith('-')
  if (INFINITE.test(text)) return { kind: 'infinite', negative }
  const decimal = DECIMAL.exec(text)
  if (decimal) return finite(10, negative, decimal, 1)
  const hexadecimal = HEXADECIMAL.exec(text)
  return hexadecimal ? finite(16, negative, hexadecimal, 4) : undefined
}

function finite(
  base: 10 | 16,
  negative: boolean,
  match: RegExpExecArray,
  exponentPerDigit: number,
): FiniteText {
  const whole = match[1] ?? ''
  const fraction = match[2] ?? match[3] ?? ''
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const exponent = Number(match[4] ?? 0) - fraction.length * exponentPerDigit
  if (base === 10 || digits.length <= MAX_HEX_DIGITS)
    return { kind: 'finite', base, negative, digits, exponent }
  const cut = digits.length - MAX_HEX_DIGITS + 1
  const sticky = /[^0]/.test(digits.slice(-cut)) ? '1' : '0'
  return {
    kind: 'finite',
    base,
    negative,
    digits: digits.slice(0, -cut) + sticky,
    exponent: exponent + (cut - 1) * exponentPerDigit,
  }
}
