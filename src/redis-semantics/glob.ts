import type { Buffer } from 'node:buffer'

/**
 * Glob patterns of KEYS, SCAN MATCH and PSUBSCRIBE, with the corner cases of Redis's own matcher: a class without `]` runs to the
 * end of the pattern, `[a-]` starts a range up to `]`, an escape inside a class is never the start of a range, ranges may be
 * reversed, and bytes from 0x80 compare as signed. Source: https://redis.io/docs/latest/commands/keys/
 */
type Token = 'star' | 'any' | ByteSet

/** Which bytes one position accepts: 256 bits. */
type ByteSet = Uint8Array

const emptySet = (): ByteSet => new Uint8Array(32)
const has = (set: ByteSet, byte: number): boolean => ((set[byte >> 3] as number) & (1 << (byte & 7))) !== 0
const add = (set: ByteSet, byte: number): void => {
  set[byte >> 3] = (set[byte >> 3] as number) | (1 << (byte & 7))
}

const STAR = 0x2a
const QUESTION = 0x3f
const OPEN = 0x5b
const CLOSE = 0x5d
const CARET = 0x5e
const DASH = 0x2d
const BACKSLASH = 0x5c

const toSigned = (byte: number): number => (byte << 24) >> 24
const toLower = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte)

function addByte(set: ByteSet, byte: number, nocase: boolean): void {
  add(set, byte)
  if (!nocase) return
  const lower = toLower(byte)
  add(set, lower)
  if (lower >= 0x61 && lower <= 0x7a) add(set, lower - 32)
}

/** Ends are put in order before they are lowered, as Redis does: `[Z-a]` without case is `[z-a]`, which is empty. */
function addRange(set: ByteSet, from: number, to: number, nocase: boolean): void {
  const fold = nocase ? toLower : (byte: number) => byte
  const low = fold(Math.min(toSigned(from), toSigned(to)))
  const high = fold(Math.max(toSigned(from), toSigned(to)))
  for (let byte = 0; byte < 256; byte++) {
    const value = fold(toSigned(byte))
    if (value >= low && value <= high) add(set, byte)
  }
}

/** Reads the class whose `[` is just before `at`; answers the position after it. */
function readClass(pattern: Buffer, at: number, nocase: boolean): { set: ByteSet; next: number } {
  const set = emptySet()
  const { length } = pattern
  const negated = pattern[at] === CARET
  let i = negated ? at + 1 : at
  while (i < length && pattern[i] !== CLOSE) {
    const byte = pattern[i] as number
    if (byte === BACKSLASH && i + 1 < length) {
      add(set, pattern[i + 1] as number)
      i += 2
    } else if (pattern[i + 1] === DASH && i + 2 < length) {
      addRange(set, byte, pattern[i + 2] as number, nocase)
      i += 3
    } else {
      addByte(set, byte, nocase)
      i++
    }
  }
  return { set: negated ? set.map((bits) => ~bits) : set, next: i + 1 }
}

/** Reads a pattern only as far as a text reaches into it, so a long one costs no memory; runs of `*` are one token. */
class Tokens {
  private readonly pattern: Buffer
  private readonly nocase: boolean
  private readonly read: Token[] = []
  private readonly literals = new Map<number, ByteSet>()
  private next = 0

  constructor(pattern: Buffer, nocase: boolean) {
    this.pattern = pattern
    this.nocase = nocase
  }

  /** Undefined past the end. Positions are asked for in order: at most one past what was read before. */
  at(position: number): Token | undefined {
    if (position === this.read.length && this.next < this.pattern.length) this.read.push(this.readToken())
    return this.read[position]
  }

  private readToken(): Token {
    const { pattern } = this
    const byte = pattern[this.next++] as number
    if (byte === STAR) {
      while (pattern[this.next] === STAR) this.next++
      return 'star'
    }
    if (byte === QUESTION) return 'any'
    if (byte === OPEN) {
      const { set, next } = readClass(pattern, this.next, this.nocase)
      this.next = next
      return set
    }
    return this.literal(byte === BACKSLASH && this.next < pattern.length ? (pattern[this.next++] as number) : byte)
  }

  private literal(byte: number): ByteSet {
    let set = this.literals.get(byte)
    if (set === undefined) {
      set = emptySet()
      addByte(set, byte, this.nocase)
      this.literals.set(byte, set)
    }
    return set
  }
}

/**
 * On a mismatch only the latest `*` takes one byte more: what an earlier one could still take, the latest can take too. So the cost
 * is at most pattern length times text length, where retrying every `*` is exponential (CVE-2022-36021).
 */
function matchTokens(tokens: Tokens, text: Buffer): boolean {
  let t = 0
  let i = 0
  let afterStar = -1
  let starText = 0
  while (i < text.length) {
    const token = tokens.at(t)
    if (token === 'star') {
      afterStar = ++t
      starText = i
      if (tokens.at(t) === undefined) return true
    } else if (token === 'any' || (token !== undefined && has(token, text[i] as number))) {
      t++
      i++
    } else if (afterStar >= 0) {
      t = afterStar
      i = ++starText
    } else {
      return false
    }
  }
  if (tokens.at(t) === 'star') t++
  return tokens.at(t) === undefined
}

/**
 * A matcher to use on many texts. An empty text matches the empty pattern and, for KEYS and SCAN, `*` alone: not `**`, because
 * Redis stops before it looks at the pattern when there is no text.
 */
export function compileGlob(pattern: Buffer, nocase = false): (text: Buffer) => boolean {
  const tokens = new Tokens(pattern, nocase)
  const everything = pattern.length === 1 && pattern[0] === STAR
  return (text) => everything || (text.length === 0 ? pattern.length === 0 : matchTokens(tokens, text))
}

/** Whether the whole text matches; `nocase` ignores the case of ASCII letters. */
export const globMatch = (pattern: Buffer, text: Buffer, nocase = false): boolean => compileGlob(pattern, nocase)(text)
