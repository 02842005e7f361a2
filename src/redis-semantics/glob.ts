import { Buffer } from 'node:buffer'
import { KvError } from '../errors/errors.ts'

/**
 * Glob patterns of KEYS, SCAN MATCH and PSUBSCRIBE, with the corner cases of Redis's own matcher: a class
 * without `]` runs to the end of the pattern, `[a-]` starts a range up to `]`, an escape inside a class is
 * never the start of a range, ranges may be reversed, and bytes from 0x80 compare as signed. Source:
 * https://redis.io/docs/latest/commands/keys/
 *
 * A pattern is cut at its stars. The runs between them are looked for from left to right, each at the first
 * place where it fits: what a later place could still match, the first one can too. So a text is gone through
 * once. A run of plain bytes is found in linear time whatever it is; one with `?` or classes takes a step for
 * each 32 of its bytes at each place, which is why its length has a bound. Redis has none, and takes pattern
 * length times text length.
 */
const MAX_PATTERN = 65_536
/** Most bytes in a run between two stars that has a `?` or a class. */
const MAX_WILD_RUN = 256

const tooCostly = () => new KvError('pattern_too_long', { bytes: MAX_PATTERN, wild: MAX_WILD_RUN })

/** What one position accepts: any byte, or those of a set. */
type Item = 'any' | ByteSet

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

/** The ranges of a class, gathered first: a class may have thousands of them. */
class Ranges {
  private readonly nocase: boolean
  /** For each signed value, moved to 0: how many ranges begin there, less those that ended before it. */
  private edges: Int32Array | undefined

  constructor(nocase: boolean) {
    this.nocase = nocase
  }

  /**
   * Ends are put in order before they are lowered, as Redis does: `[Z-a]` without case is `[z-a]`, which is
   * empty.
   */
  add(from: number, to: number): void {
    const low = this.place(Math.min(toSigned(from), toSigned(to)))
    const high = this.place(Math.max(toSigned(from), toSigned(to)))
    if (low > high) return
    this.edges ??= new Int32Array(257)
    this.edges[low] = (this.edges[low] as number) + 1
    this.edges[high + 1] = (this.edges[high + 1] as number) - 1
  }

  addTo(set: ByteSet): void {
    if (this.edges === undefined) return
    const covered = new Uint8Array(256)
    for (let value = 0, open = 0; value < 256; value++) {
      open += this.edges[value] as number
      covered[value] = open > 0 ? 1 : 0
    }
    for (let byte = 0; byte < 256; byte++) if (covered[this.place(toSigned(byte))] === 1) add(set, byte)
  }

  private place(value: number): number {
    return (this.nocase ? toLower(value) : value) + 128
  }
}

/** Reads the class whose `[` is just before `at`; answers the position after it. */
function readClass(pattern: Buffer, at: number, nocase: boolean): { set: ByteSet; next: number } {
  const set = emptySet()
  const ranges = new Ranges(nocase)
  const { length } = pattern
  const negated = pattern[at] === CARET
  let i = negated ? at + 1 : at
  while (i < length && pattern[i] !== CLOSE) {
    const byte = pattern[i] as number
    if (byte === BACKSLASH && i + 1 < length) {
      add(set, pattern[i + 1] as number)
      i += 2
    } else if (pattern[i + 1] === DASH && i + 2 < length) {
      ranges.add(byte, pattern[i + 2] as number)
      i += 3
    } else {
      addByte(set, byte, nocase)
      i++
    }
  }
  ranges.addTo(set)
  return { set: negated ? set.map((bits) => ~bits) : set, next: i + 1 }
}

/** What stands between two stars: an item a byte. */
class Run {
  readonly items: readonly Item[]
  /** The bytes themselves, when each item is one. */
  private readonly plain: Buffer | undefined
  private borders: Int32Array | undefined

  constructor(items: readonly Item[], plain: Buffer | undefined) {
    this.items = items
    this.plain = plain
  }

  get length(): number {
    return this.plain?.length ?? this.items.length
  }

  get isWild(): boolean {
    return this.plain === undefined
  }

  /** Whether it fits at a place where the text is long enough. */
  fits(text: Buffer, at: number): boolean {
    const { items, plain } = this
    if (plain !== undefined) return text.compare(plain, 0, plain.length, at, at + plain.length) === 0
    for (let i = 0; i < items.length; i++) {
      const item = items[i] as Item
      if (item !== 'any' && !has(item, text[at + i] as number)) return false
    }
    return true
  }

  /** Where it first ends in `text[from, to)`; -1 when it is not there. */
  endIn(text: Buffer, from: number, to: number): number {
    if (this.length > to - from) return -1
    if (this.plain !== undefined)
      return this.plain.length <= SHORT ? this.endOfShort(text, from, to) : this.endOfLong(text, from, to)
    const tried = Math.min(to - this.length + 1, from + TRIED)
    for (let at = from; at < tried; at++) if (this.fits(text, at)) return at + this.length
    return tried > to - this.length ? -1 : this.endOfWild(text, tried, to)
  }

  private endOfShort(text: Buffer, from: number, to: number): number {
    const { plain } = this
    const at = text.subarray(from, to).indexOf(plain!)
    return at === -1 ? -1 : from + at + plain!.length
  }

  /** Knuth, Morris and Pratt: Buffer's own search takes pattern times text where both repeat themselves. */
  private endOfLong(text: Buffer, from: number, to: number): number {
    const plain = this.plain!
    this.borders ??= bordersOf(plain)
    let matched = 0
    for (let i = from; i < to; i++) {
      const byte = text[i]
      while (matched > 0 && plain[matched] !== byte) matched = this.borders[matched - 1] as number
      if (plain[matched] === byte && ++matched === plain.length) return i + 1
    }
    return -1
  }

  /**
   * All places at once, one bit for each item that the text has matched so far.
   * Source: R. Baeza-Yates, G. Gonnet, A new approach to text searching, CACM 35 (1992).
   */
  private endOfWild(text: Buffer, from: number, to: number): number {
    const { items } = this
    const words = (items.length + 31) >>> 5
    const accepted = acceptedBy(items, words)
    const state = new Int32Array(words)
    const last = (items.length - 1) & 31
    for (let i = from; i < to; i++) {
      const row = (text[i] as number) * words
      let carry = 1
      for (let w = 0; w < words; w++) {
        const old = state[w] as number
        state[w] = ((old << 1) | carry) & (accepted[row + w] as number)
        carry = old >>> 31
      }
      if ((((state[words - 1] as number) >>> last) & 1) === 1) return i + 1
    }
    return -1
  }
}

/** Plain runs up to this length are left to Buffer's own search. */
const SHORT = 16
/** So many places are tried one by one before a table is made. */
const TRIED = 32

/** For each prefix, how long the longest one is that it also ends with. */
function bordersOf(plain: Buffer): Int32Array {
  const borders = new Int32Array(plain.length)
  for (let i = 1, matched = 0; i < plain.length; i++) {
    while (matched > 0 && plain[i] !== plain[matched]) matched = borders[matched - 1] as number
    if (plain[i] === plain[matched]) matched++
    borders[i] = matched
  }
  return borders
}

/** Row for each byte: the items that accept it, as bits. */
function acceptedBy(items: readonly Item[], words: number): Int32Array {
  const rows = new Int32Array(256 * words)
  const always = new Int32Array(words)
  items.forEach((item, i) => {
    const word = i >>> 5
    const bit = 1 << (i & 31)
    if (item === 'any') {
      always[word] = (always[word] as number) | bit
      return
    }
    for (let byte = 0; byte < 256; byte++) {
      if (has(item, byte)) rows[byte * words + word] = (rows[byte * words + word] as number) | bit
    }
  })
  for (let i = 0; i < rows.length; i++) rows[i] = (rows[i] as number) | (always[i % words] as number)
  return rows
}

/** The runs of a pattern: one more than it has stars, of which those next to each other count as one. */
function readRuns(pattern: Buffer, nocase: boolean): Run[] {
  const runs: Run[] = []
  const sets = new Map<number, ByteSet>()
  const plain = Buffer.allocUnsafe(pattern.length)
  let items: Item[] = []
  let isPlain = true
  let i = 0
  const endRun = (): void => {
    const run = isPlain
      ? new Run([], Buffer.from(plain.subarray(0, items.length)))
      : new Run(items, undefined)
    runs.push(run)
    items = []
    isPlain = true
  }
  while (i < pattern.length) {
    let byte = pattern[i++] as number
    if (byte === STAR) {
      while (pattern[i] === STAR) i++
      endRun()
      continue
    }
    if (byte === QUESTION) {
      isPlain = false
      items.push('any')
      continue
    }
    if (byte === OPEN) {
      const { set, next } = readClass(pattern, i, nocase)
      isPlain = false
      items.push(set)
      i = next
      continue
    }
    if (byte === BACKSLASH && i < pattern.length) byte = pattern[i++] as number
    if (nocase) isPlain = false
    plain[items.length] = byte
    items.push(literal(sets, byte, nocase))
  }
  endRun()
  return runs
}

function literal(sets: Map<number, ByteSet>, byte: number, nocase: boolean): ByteSet {
  let set = sets.get(byte)
  if (set === undefined) {
    set = emptySet()
    addByte(set, byte, nocase)
    sets.set(byte, set)
  }
  return set
}

function matchRuns(runs: readonly Run[], least: number, text: Buffer): boolean {
  const first = runs[0] as Run
  const last = runs[runs.length - 1] as Run
  if (text.length < least || !first.fits(text, 0)) return false
  if (runs.length === 1) return text.length === first.length
  const end = text.length - last.length
  if (!last.fits(text, end)) return false
  let at = first.length
  for (let r = 1; r < runs.length - 1; r++) {
    at = (runs[r] as Run).endIn(text, at, end)
    if (at === -1) return false
  }
  return true
}

/**
 * A matcher to use on many texts. An empty text matches the empty pattern and, for KEYS and SCAN, `*` alone:
 * not `**`, because Redis stops before it looks at the pattern when there is no text. Throws for a pattern
 * beyond the bounds.
 */
export function compileGlob(pattern: Buffer, nocase = false): (text: Buffer) => boolean {
  if (pattern.length > MAX_PATTERN) throw tooCostly()
  if (pattern.length === 1 && pattern[0] === STAR) return () => true
  const runs = readRuns(pattern, nocase)
  if (runs.slice(1, -1).some((run) => run.isWild && run.length > MAX_WILD_RUN)) throw tooCostly()
  const least = runs.reduce((sum, run) => sum + run.length, 0)
  return (text) => (text.length === 0 ? pattern.length === 0 : matchRuns(runs, least, text))
}

/** Whether the whole text matches; `nocase` ignores the case of ASCII letters. */
export const globMatch = (pattern: Buffer, text: Buffer, nocase = false): boolean =>
  compileGlob(pattern, nocase)(text)
