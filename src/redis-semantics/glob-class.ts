import type { Buffer } from 'node:buffer'

const BACKSLASH = 0x5c

/** Which bytes one position accepts: 256 bits. */
export type ByteSet = Uint8Array

export const emptySet = (): ByteSet => new Uint8Array(32)

export const has = (set: ByteSet, byte: number): boolean =>
  ((set[byte >> 3] as number) & (1 << (byte & 7))) !== 0

const add = (set: ByteSet, byte: number): void => {
  set[byte >> 3] = (set[byte >> 3] as number) | (1 << (byte & 7))
}

const CLOSE = 0x5d

const CARET = 0x5e

const DASH = 0x2d

const toSigned = (byte: number): number => (byte << 24) >> 24

const toLower = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte)

export function addByte(set: ByteSet, byte: number, nocase: boolean): void {
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
export function readClass(pattern: Buffer, at: number, nocase: boolean): { set: ByteSet; next: number } {
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
