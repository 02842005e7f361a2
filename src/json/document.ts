/**
 * A document is the caller's own JSON text, validated and trimmed: it is cut and joined here, never parsed
 * and printed again, so 64-bit integers, `1.10`, the order of names and `__proto__` stay as they were
 * written.
 */
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipColon,
  skipComma,
  skipSpace,
  skipString,
  skipValue,
} from './scan.ts'

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null'

export const kindOf = (text: string): JsonKind => {
  switch (text.charCodeAt(0)) {
    case OPEN_BRACE:
      return 'object'
    case OPEN_BRACKET:
      return 'array'
    case QUOTE:
      return 'string'
    case 0x74: // t
    case 0x66: // f
      return 'boolean'
    case 0x6e: // n
      return 'null'
    default:
      return 'number'
  }
}

/** As Redis reads integers (string2ll): no `-0`, no leading zero or plus, no fraction, no exponent. */
const INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/

/** The value of a JSON integer within signed 64 bits; undefined for anything else. */
export const parseInteger64 = (text: string): bigint | undefined => {
  if (!INTEGER.test(text)) return undefined
  const value = BigInt(text)
  return BigInt.asIntN(64, value) === value ? value : undefined
}

/**
 * The characters that a JSON string stands for. A lone surrogate escape becomes a lone surrogate, which UTF-8
 * cannot carry.
 */
export const stringContent = (text: string): string =>
  text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1)

/** A JSON string for these characters; lone surrogates become escapes, so the text is always UTF-8. */
export const quote = (content: string): string => JSON.stringify(content)

/** The texts of an array's elements, in order. */
export const splitArray = (text: string): string[] => {
  const elements: string[] = []
  let at = skipSpace(text, 1)
  while (text.charCodeAt(at) !== CLOSE_BRACKET) {
    const end = skipValue(text, at)
    elements.push(text.slice(at, end))
    at = skipComma(text, end)
  }
  return elements
}

export const joinArray = (texts: readonly string[]): string => `[${texts.join(',')}]`

/**
 * An object's names, unescaped, and the texts of its values, in the order of the text; a name that is there
 * twice comes twice.
 */
export const splitObject = (text: string): [name: string, valueText: string][] => {
  const entries: [name: string, valueText: string][] = []
  let at = skipSpace(text, 1)
  while (text.charCodeAt(at) !== CLOSE_BRACE) {
    const nameEnd = skipString(text, at)
    const start = skipColon(text, nameEnd)
    const end = skipValue(text, start)
    entries.push([stringContent(text.slice(at, nameEnd)), text.slice(start, end)])
    at = skipComma(text, end)
  }
  return entries
}

export const joinObject = (entries: Iterable<readonly [name: string, valueText: string]>): string => {
  const members: string[] = []
  for (const [name, valueText] of entries) members.push(`${quote(name)}:${valueText}`)
  return `{${members.join(',')}}`
}
