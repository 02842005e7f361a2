import { KvError } from '../errors/errors.ts'
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isSpace,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
  skipSpace,
  skipString,
} from './scan.ts'

export interface JsonLimits {
  /** How many arrays and objects may be open at once; a bare number or string has depth 0. */
  readonly maxDepth: number
}

const ZERO = 0x30
const NINE = 0x39
const MINUS = 0x2d
const PLUS = 0x2b
const DOT = 0x2e

/** `at` tells the caller where, in UTF-16 units, and shows none of the value. */
const notJson = (at: number): KvError => new KvError('invalid_value', `not valid JSON at character ${at}`)

const tooDeep = (maxDepth: number): KvError =>
  new KvError('invalid_value', `nested deeper than ${maxDepth} levels`)

const isDigit = (code: number): boolean => code >= ZERO && code <= NINE

const isHex = (code: number): boolean => isDigit(code) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66)

/** The characters that may follow a backslash, `u` apart: RFC 8259 section 7. */
const ESCAPED = new Set(Array.from('"\\/bfnrt', (char) => char.charCodeAt(0)))

const readEscape = (text: string, backslash: number): number => {
  const code = text.charCodeAt(backslash + 1)
  if (ESCAPED.has(code)) return backslash + 2
  if (code !== 0x75) throw notJson(backslash)
  for (let at = backslash + 2; at < backslash + 6; at += 1) if (!isHex(text.charCodeAt(at))) throw notJson(at)
  return backslash + 6
}

const readString = (text: string, open: number): number => {
  if (text.charCodeAt(open) !== QUOTE) throw notJson(open)
  let at = open + 1
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at + 1
    if (code < SPACE) throw notJson(at)
    at = code === BACKSLASH ? readEscape(text, at) : at + 1
  }
  throw notJson(at)
}

const readDigits = (text: string, start: number): number => {
  let at = start
  while (isDigit(text.charCodeAt(at))) at += 1
  if (at === start) throw notJson(at)
  return at
}

const readNumber = (text: string, start: number): number => {
  let at = text.charCodeAt(start) === MINUS ? start + 1 : start
  at = text.charCodeAt(at) === ZERO ? at + 1 : readDigits(text, at)
  if (text.charCodeAt(at) === DOT) at = readDigits(text, at + 1)
  if ((text.charCodeAt(at) | 0x20) !== 0x65) return at
  const sign = text.charCodeAt(at + 1)
  return readDigits(text, sign === PLUS || sign === MINUS ? at + 2 : at + 1)
}

const readScalar = (text: string, start: number): number => {
  if (text.charCodeAt(start) === QUOTE) return readString(text, start)
  if (text.startsWith('true', start) || text.startsWith('null', start)) return start + 4
  if (text.startsWith('false', start)) return start + 5
  return readNumber(text, start)
}

const readName = (text: string, start: number): number => {
  const colon = skipSpace(text, readString(text, start))
  if (text.charCodeAt(colon) !== COLON) throw notJson(colon)
  return skipSpace(text, colon + 1)
}

/**
 * After a value: closes what ends here, then moves to the start of the next value, or to the end of the
 * outermost one.
 */
const nextValue = (text: string, end: number, closers: number[]): number => {
  let at = skipSpace(text, end)
  while (closers.length > 0) {
    const closer = closers[closers.length - 1]
    const code = text.charCodeAt(at)
    if (code === COMMA) {
      at = skipSpace(text, at + 1)
      return closer === CLOSE_BRACE ? readName(text, at) : at
    }
    if (code !== closer) throw notJson(at)
    closers.pop()
    at = skipSpace(text, at + 1)
  }
  return at
}

/**
 * Throws `invalid_value` unless `text` is one RFC 8259 value, nested at most `maxDepth` deep. White space
 * around it is allowed. A pass of our own and not JSON.parse, which builds every object only to drop it, and
 * whose time a caller can choose: integer-like names that collide make it quadratic (CVE-2026-21717).
 */
export const validateJson = (text: string, { maxDepth }: JsonLimits): void => {
  /** The closing bracket that each open container waits for. */
  const closers: number[] = []
  let at = skipSpace(text, 0)
  for (;;) {
    const code = text.charCodeAt(at)
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (closers.length >= maxDepth) throw tooDeep(maxDepth)
      const closer = code === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET
      closers.push(closer)
      at = skipSpace(text, at + 1)
      if (text.charCodeAt(at) !== closer) {
        if (closer === CLOSE_BRACE) at = readName(text, at)
        continue
      }
    } else {
      at = readScalar(text, at)
    }
    at = nextValue(text, at, closers)
    if (closers.length === 0) {
      if (at < text.length) throw notJson(at)
      return
    }
  }
}

/** The depth check alone, for text that is valid by construction: what `setPath` answered. */
export const checkDepth = (text: string, { maxDepth }: JsonLimits): void => {
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = skipString(text, at) - 1
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1
      if (depth > maxDepth) throw tooDeep(maxDepth)
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1
  }
}

/** Takes off the white space of JSON around a value, and nothing else. */
export const trimJson = (text: string): string => {
  const start = skipSpace(text, 0)
  let end = text.length
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}
