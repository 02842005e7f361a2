import type { Buffer } from 'node:buffer'
import { parseInteger } from './integers.ts'

/** Head and end of a listpack, in bytes. */
export const EMPTY_BYTES = 7

/** An element ends with its own length, in groups of seven bits. */
function withLength(bytes: number): number {
  if (bytes <= 127) return bytes + 1
  if (bytes < 16_383) return bytes + 2
  if (bytes < 2_097_151) return bytes + 3
  return bytes + (bytes < 268_435_455 ? 4 : 5)
}

const fits = (value: bigint, bits: bigint): boolean =>
  value >= -(1n << (bits - 1n)) && value < 1n << (bits - 1n)

/** Bytes of an integer element, as listpack.c lays it out. */
export function integerBytes(value: bigint): number {
  if (value >= 0n && value <= 127n) return withLength(1)
  if (fits(value, 13n)) return withLength(2)
  if (fits(value, 16n)) return withLength(3)
  if (fits(value, 24n)) return withLength(4)
  return withLength(fits(value, 32n) ? 5 : 9)
}

/** Bytes of an element; text that is an integer is kept as one. */
export function elementBytes(element: Buffer): number {
  const { length } = element
  const value = parseInteger(element)
  if (value !== undefined) return integerBytes(value)
  return withLength(length + (length < 64 ? 1 : length < 4_096 ? 2 : 5))
}
