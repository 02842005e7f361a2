import type { Buffer } from 'node:buffer'
import { Buffer as Bytes } from 'node:buffer'
import { KvError } from '../errors/errors.ts'

/** Redis's default for `proto-max-bulk-len`, which also limits the table that LCS needs. */
const MAX_TABLE_BYTES = 512 * 1024 * 1024
const TABLE_CELL_BYTES = 4

/** First and last position, both included. */
export type LcsRange = readonly [start: number, end: number]

/** One run of equal bytes in both values. */
export interface LcsMatch {
  readonly a: LcsRange
  readonly b: LcsRange
  readonly length: number
}

export interface LcsResult {
  readonly length: number
  readonly value: Buffer
  /** From the last run to the first, as Redis lists them. */
  readonly matches: readonly LcsMatch[]
}

const WORD = 32
const OVERFLOW = 2 ** WORD

/** Refuses what Redis refuses, whose table holds a 4-byte cell for each pair of positions. */
function checkSize(a: Buffer, b: Buffer): void {
  if ((a.length + 1) * (b.length + 1) * TABLE_CELL_BYTES > MAX_TABLE_BYTES) {
    throw new KvError('lcs_too_long')
  }
}

/** For a byte, the positions of `b` that hold it, as bits. */
function positionsOf(byte: number, b: Buffer, words: number): Uint32Array {
  const bits = new Uint32Array(words)
  for (let j = b.indexOf(byte); j !== -1; j = b.indexOf(byte, j + 1)) bits[j >>> 5] = (bits[j >>> 5] as number) | (1 << (j & 31))
  return bits
}

/**
 * The rows of the dynamic-programming table, one bit a cell: a zero bit says that the length grows from column j to j + 1. `onRow`
 * gets each row of `a` in turn, in one array that the next row overwrites.
 * Source: H. Hyyrö, Bit-parallel LCS-length computation revisited, AWOCA 2004.
 */
function lastRow(a: Buffer, b: Buffer, onRow?: (row: Uint32Array, index: number) => void): Uint32Array {
  const words = Math.ceil(b.length / WORD)
  const row = new Uint32Array(words).fill(OVERFLOW - 1)
  const positions = new Map<number, Uint32Array>()
  for (let i = 0; i < a.length; i++) {
    const byte = a[i] as number
    let equal = positions.get(byte)
    if (equal === undefined) positions.set(byte, (equal = positionsOf(byte, b, words)))
    let carry = 0
    for (let w = 0; w < words; w++) {
      const old = row[w] as number
      const both = (old & (equal[w] as number)) >>> 0
      const sum = old + both + carry
      carry = sum >= OVERFLOW ? 1 : 0
      row[w] = sum | (old & ~(equal[w] as number))
    }
    onRow?.(row, i)
  }
  return row
}

/** The length alone, in memory of the size of `b`. Throws Redis's memory error for values whose table would be too large. */
export function lcsLength(a: Buffer, b: Buffer): number {
  checkSize(a, b)
  const row = lastRow(a, b)
  let length = 0
  for (let j = 0; j < b.length; j++) if (grows(row, 0, j)) length++
  return length
}

const grows = (rows: Uint32Array, start: number, column: number): boolean =>
  ((rows[start + (column >>> 5)] as number) & (1 << (column & 31))) === 0

/**
 * A longest common subsequence, the one that Redis answers, and its runs of at least `minMatchLength` bytes.
 * Throws Redis's memory error when Redis's table (4 bytes a cell; here it is one bit) would exceed proto-max-bulk-len's 512 MiB.
 * Source: https://redis.io/docs/latest/commands/lcs/
 */
export function lcs(a: Buffer, b: Buffer, minMatchLength = 0): LcsResult {
  checkSize(a, b)
  const words = Math.ceil(b.length / WORD)
  const rows = new Uint32Array(words * a.length)
  lastRow(a, b, (row, index) => rows.set(row, index * words))

  const reversed: number[] = []
  const matches: LcsMatch[] = []
  let run = 0
  let i = a.length
  let j = b.length
  const endRun = (): void => {
    if (run > 0 && run >= minMatchLength) matches.push({ a: [i, i + run - 1], b: [j, j + run - 1], length: run })
    run = 0
  }
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      reversed.push(a[i - 1] as number)
      run++
      i--
      j--
      continue
    }
    endRun()
    // For unequal bytes the length grows with this column only if the row above is longer than the column before: go up then.
    if (grows(rows, (i - 1) * words, j - 1)) i--
    else j--
  }
  endRun()
  return { length: reversed.length, value: Bytes.from(reversed.reverse()), matches }
}
