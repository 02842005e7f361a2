import type { Buffer } from 'node:buffer'

// Bits are numbered as Redis does: bit 0 is the highest of the first byte.

export const bitAt = (bytes: Buffer, offset: number): 0 | 1 =>
  (((bytes[Math.floor(offset / 8)] ?? 0) >> (7 - (offset % 8))) & 1) as 0 | 1

/** In place. */
export function setBit(bytes: Buffer, offset: number, bit: number): void {
  const at = Math.floor(offset / 8)
  const mask = 0x80 >> (offset % 8)
  bytes[at] = bit === 1 ? bytes[at]! | mask : bytes[at]! & ~mask
}

const ONES_OF_BYTE = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte.toString(2).replaceAll('0', '').length,
)

/** The byte at `at`, without its bits before bit `from` and after bit `to` of the whole. */
function byteWithin(bytes: Buffer, at: number, from: number, to: number): number {
  let byte = bytes[at]!
  if (8 * at < from) byte &= 0xff >> (from - 8 * at)
  if (8 * at + 7 > to) byte &= 0xff << (8 * at + 7 - to)
  return byte
}

/** How many bits are set from bit `from` to bit `to`, both inclusive and within the bytes. */
export function countOnes(bytes: Buffer, from: number, to: number): number {
  const first = Math.floor(from / 8)
  const last = Math.floor(to / 8)
  let ones = ONES_OF_BYTE[byteWithin(bytes, first, from, to)]!
  for (let at = first + 1; at < last; at++) ones += ONES_OF_BYTE[bytes[at]!]!
  return last === first ? ones : ones + ONES_OF_BYTE[byteWithin(bytes, last, from, to)]!
}

/**
 * The first bit of that value from bit `from` to bit `to`, both inclusive and within the bytes; -1 when there
 * is none.
 */
export function findBit(bytes: Buffer, bit: number, from: number, to: number): number {
  const without = bit === 1 ? 0 : 0xff
  for (let at = from; at <= to; at++) {
    if (at % 8 === 0) while (at + 7 <= to && bytes[at / 8] === without) at += 8
    if (at <= to && bitAt(bytes, at) === bit) return at
  }
  return -1
}

/** A field of up to 64 bits anywhere in the bytes, read as beyond their end there were zeros. */
export function readField(bytes: Buffer, offset: number, bits: number, signed: boolean): bigint {
  const value = BigInt.asUintN(bits, window(bytes, offset, bits) >> spare(offset, bits))
  return signed ? BigInt.asIntN(bits, value) : value
}

/** In place; the field lies within the bytes. */
export function writeField(bytes: Buffer, offset: number, bits: number, value: bigint): void {
  const shift = spare(offset, bits)
  const mask = ((1n << BigInt(bits)) - 1n) << shift
  let all = (window(bytes, offset, bits) & ~mask) | (BigInt.asUintN(bits, value) << shift)
  for (let at = lastByte(offset, bits); at >= Math.floor(offset / 8); at--) {
    bytes[at] = Number(all & 0xffn)
    all >>= 8n
  }
}

const lastByte = (offset: number, bits: number): number => Math.floor((offset + bits - 1) / 8)

/** Bits of the last byte that are behind the field. */
const spare = (offset: number, bits: number): bigint => BigInt(7 - ((offset + bits - 1) % 8))

/** All bytes that the field touches, as one number. */
function window(bytes: Buffer, offset: number, bits: number): bigint {
  let all = 0n
  for (let at = Math.floor(offset / 8); at <= lastByte(offset, bits); at++)
    all = (all << 8n) | BigInt(bytes[at] ?? 0)
  return all
}
