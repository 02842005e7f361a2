/**
 * Steps over JSON text without parsing it. Every function here takes text that passed `validateJson`, and a
 * position in it; on other text they may answer nonsense, but they end.
 */
const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
export const SPACE = 0x20
export const QUOTE = 0x22
export const COMMA = 0x2c
export const COLON = 0x3a
export const OPEN_BRACKET = 0x5b
export const BACKSLASH = 0x5c
export const CLOSE_BRACKET = 0x5d
export const OPEN_BRACE = 0x7b
export const CLOSE_BRACE = 0x7d

/**
 * The four characters of RFC 8259 section 2; `String.prototype.trim` would also take BOM and NBSP, which JSON
 * refuses.
 */
export const isSpace = (code: number): boolean => code === SPACE || code === LF || code === CR || code === TAB

export const skipSpace = (text: string, at: number): number => {
  while (isSpace(text.charCodeAt(at))) at += 1
  return at
}

const ranOff = (): Error => new Error('JSON text that was not validated')

/** `open` is the opening quote; answers the position after the closing one. */
export const skipString = (text: string, open: number): number => {
  for (let at = open + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at + 1
    if (code === BACKSLASH) at += 1
  }
  throw ranOff()
}

const skipContainer = (text: string, open: number): number => {
  let depth = 0
  for (let at = open; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = skipString(text, at) - 1
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth -= 1
      if (depth === 0) return at + 1
    }
  }
  throw ranOff()
}

const skipBare = (text: string, start: number): number => {
  let at = start
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code)) break
  }
  if (at === start) throw ranOff()
  return at
}

/** `start` is the first character of a value; answers the position after its last one. */
export const skipValue = (text: string, start: number): number => {
  const code = text.charCodeAt(start)
  if (code === QUOTE) return skipString(text, start)
  if (code === OPEN_BRACE || code === OPEN_BRACKET) return skipContainer(text, start)
  return skipBare(text, start)
}

/** From the end of a member's name to the first character of its value. */
export const skipColon = (text: string, nameEnd: number): number =>
  skipSpace(text, skipSpace(text, nameEnd) + 1)

/** From the end of a member or element to the next one, or to the closing bracket. */
export const skipComma = (text: string, end: number): number => {
  const at = skipSpace(text, end)
  return text.charCodeAt(at) === COMMA ? skipSpace(text, at + 1) : at
}
