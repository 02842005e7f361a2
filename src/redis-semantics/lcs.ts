import type { Buffer } from 'node:buffer'
import { Buffer as Bytes } from 'node:buffer'
import { KvError } from '../errors/errors.ts'

/**
 * Half of Redis's default for `proto-max-bulk-len`, which limits the table there: 5 ms, where nothing else
 * runs meanwhile.
 */
const MAX_TABLE_BYTES = 256 * 1024 * 1024
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

/** Refuses with Redis's error, whose table holds a 4-byte cell for each pair of positions. */
function checkSize(a: Buffer, b: Buffer): void {
  if ((a.length + 1) * (b.length + 1) * TABLE_CELL_BYTES > MAX_TABLE_BYTES) {
    throw new KvError('lcs_too_long')
  }
}

/** For each byte that `a` has, the positions of `b` that hold it, as bits. */
function positionsOf(a: Buffer, b: Buffer, words: number): readonly (Int32Array | undefined)[] {
  const positions = new Array<Int32Array | undefined>(256).fill(undefined)
  for (let i = 0; i < a.length; i++) positions[a[i] as number] ??= new Int32Array(words)
  for (let j = 0; j < b.length; j++) {
    const bits = positions[b[j] as number]
    if (bits !== undefined) bits[j >>> 5] = (bits[j >>> 5] as number) | (1 << (j & 31))
  }
  return positions
}

/**
 * The rows of the dynamic-programming table, one bit a cell: a zero bit says that the length grows from
 * column j to j + 1. All rows of them, one for each byte of `a`, or the last one alone. Source: H. Hyyrö,
 * Bit-parallel LCS-length computation revisited, AWOCA 2004.
 */
function rowsOf(a: Buffer, b: Buffer, which: 'all' | 'last'): Int32Array {
  const words = Math.ceil(b.length / WORD)
  const stride = which === 'all' ? words : 0
  const rows = new Int32Array(which === 'all' ? words * a.length : words)
  if (which === 'last') rows.fill(-1)
  const positions = positionsOf(a, b, words)
  for (let i = 0; i < a.length; i++) {
    const equal = positions[a[i] as number] as Int32Array
    const at = i * stride
    const isFirst = i === 0
    let carry = 0
    for (let w = 0; w < words; w++) {
      const old = isFirst ? -1 : (rows[at - stride + w] as number)
      const both = old & (equal[w] as number)
      // In integers of 32 bits, where the carry is what the highest bits tell: twice as fast as in numbers
      // that hold it.
      const sum = (old + both + carry) | 0
      carry = ((old & both) | ((old | both) & ~sum)) >>> 31
      rows[at + w] = sum | (old & ~(equal[w] as number))
    }
  }
  return rows
}

/**
 * The length alone, in memory of the size of `b`. Throws Redis's memory error for values whose table would be
 * too large.
 */
export function lcsLength(a: Buffer, b: Buffer): number {
  checkSize(a, b)
  const row = rowsOf(a, b, 'last')
  let length = 0
  for (let j = 0; j < b.length; j++) if (grows(row, 0, j)) length++
  return length
}

const grows = (rows: Int32Array, start: number, column: number): boolean =>
  ((rows[start + (column >>> 5)] as number) & (1 << (column & 31))) === 0

/**
 * A longest common subsequence, the one that Redis answers, and its runs of at least `minMatchLength` bytes.
 * Throws Redis's memory error when Redis's table (4 bytes a cell; here it is one bit) would exceed 256 MiB,
 * half of its own limit. Source: https://redis.io/docs/latest/commands/lcs/
 */
export function lcs(a: Buffer, b: Buffer, minMatchLength = 0): LcsResult {
  checkSize(a, b)
  const words = Math.ceil(b.length / WORD)
  const rows = rowsOf(a, b, 'all')

  const reversed: number[] = []
  const matches: LcsMatch[] = []
  let run = 0
  let i = a.length
  let j = b.length
  const endRun = (): void => {
    if (run > 0 && run >= minMatchLength)
      matches.push({ a: [i, i + run - 1], b: [j, j + run - 1], length: run })
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
    // For unequal bytes the length grows with this column only if the row above is longer than the column
    // before: go up then.
    if (grows(rows, (i - 1) * words, j - 1)) i--
    else j--
  }
  endRun()
  return { length: reversed.length, value: Bytes.from(reversed.reverse()), matches }
}
