import type { Buffer } from 'node:buffer'
import { type ByteSet, has } from './glob-class.ts'

/** What one position accepts: any byte, or those of a set. */
export type Item = 'any' | ByteSet

/** What stands between two stars: an item a byte. */
export class Run {
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
