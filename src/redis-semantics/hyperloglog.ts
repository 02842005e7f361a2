import { Buffer } from 'node:buffer'

/**
 * HyperLogLog sketches in Redis's own form: a header (`HYLL`, encoding, three zeros, cached count), then
 * 16,384 registers, as runs (sparse) or packed in six bits each (dense). Source:
 * https://github.com/redis/redis/blob/7.0/src/hyperloglog.c
 */
const HEADER_BYTES = 16
const REGISTERS = 1 << 14
const REGISTER_BITS = 6
const DENSE_BYTES = HEADER_BYTES + (REGISTERS * REGISTER_BITS) / 8
/** Redis's default of `hll-sparse-max-bytes`: a longer sparse sketch becomes dense. */
const MAX_SPARSE_BYTES = 3_000
const MAX_SPARSE_VALUE = 32
/** The longest run of zeros that is told by the rest of the hash, which has 50 bits. */
const Q = 50

const DENSE = 0
const SPARSE = 1
const MAGIC = Buffer.from('HYLL')
const H = 0x48
/** In the last byte of the cached count: it is out of date. */
const STALE = 0x80

export type Registers = Uint8Array

/** What Redis checks of a string before it takes it for a sketch. */
export function looksLikeSketch(bytes: Buffer): boolean {
  if (bytes[0] !== H || bytes.length < HEADER_BYTES || bytes.compare(MAGIC, 0, 4, 0, 4) !== 0) return false
  return bytes[4] === SPARSE || (bytes[4] === DENSE && bytes.length === DENSE_BYTES)
}

/** Whether the bytes are a sketch without any fault, as Redis and `writeSketch` make them. */
export const isSketch = (bytes: Buffer): boolean =>
  looksLikeSketch(bytes) &&
  bytes[5] === 0 &&
  bytes[6] === 0 &&
  bytes[7] === 0 &&
  (isDense(bytes) || readSparse(bytes) !== undefined)

export const isDense = (bytes: Buffer): boolean => bytes[4] === DENSE

/** Of a sketch by `looksLikeSketch`; undefined when its registers are damaged. */
export const readRegisters = (bytes: Buffer): Registers | undefined =>
  isDense(bytes) ? readDense(bytes) : readSparse(bytes)

function readDense(bytes: Buffer): Registers {
  const registers = new Uint8Array(REGISTERS)
  // Four registers lie in three bytes, the first in the lowest bits.
  for (let i = 0, at = HEADER_BYTES; i < REGISTERS; i += 4, at += 3) {
    const packed = bytes.readUIntLE(at, 3)
    for (let j = 0; j < 4; j++) registers[i + j] = (packed >> (j * REGISTER_BITS)) & 63
  }
  return registers
}

/** Runs: `00llllll` zeros, `01llllll llllllll` many zeros, `1vvvvvll` up to four times a value. */
function readSparse(bytes: Buffer): Registers | undefined {
  const registers = new Uint8Array(REGISTERS)
  let i = 0
  for (let at = HEADER_BYTES; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (byte >= 0x80) {
      const end = i + (byte & 3) + 1
      if (end > REGISTERS) return undefined
      registers.fill(((byte >> 2) & 31) + 1, i, end)
      i = end
    } else if (byte >= 0x40) {
      i += (((byte & 63) << 8) | (bytes[++at] ?? 0)) + 1
    } else {
      i += byte + 1
    }
  }
  return i === REGISTERS ? registers : undefined
}

/** A sketch with no count in its cache; `dense` when it was dense already, which it then stays. */
export const writeSketch = (registers: Registers, dense: boolean): Buffer =>
  (dense ? undefined : writeSparse(registers)) ?? writeDense(registers)

function withHeader(encoding: number, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + body.length)
  MAGIC.copy(bytes)
  bytes[4] = encoding
  bytes[15] = STALE
  bytes.set(body, HEADER_BYTES)
  return bytes
}

function writeDense(registers: Registers): Buffer {
  const body = Buffer.alloc(DENSE_BYTES - HEADER_BYTES)
  for (let i = 0, at = 0; i < REGISTERS; i += 4, at += 3) {
    body.writeUIntLE(
      registers[i]! | (registers[i + 1]! << 6) | (registers[i + 2]! << 12) | (registers[i + 3]! << 18),
      at,
      3,
    )
  }
  return withHeader(DENSE, body)
}

/** Undefined when it has to be dense. */
function writeSparse(registers: Registers): Buffer | undefined {
  const body: number[] = []
  for (let i = 0; i < REGISTERS; ) {
    const value = registers[i]!
    if (value > MAX_SPARSE_VALUE || body.length > MAX_SPARSE_BYTES) return undefined
    const longest = Math.min(REGISTERS, value === 0 ? REGISTERS : i + 4)
    let end = i + 1
    while (end < longest && registers[end] === value) end++
    const run = end - i - 1
    if (value !== 0) body.push(0x80 | ((value - 1) << 2) | run)
    else if (run < 64) body.push(run)
    else body.push(0x40 | (run >> 8), run & 0xff)
    i = end
  }
  return HEADER_BYTES + body.length > MAX_SPARSE_BYTES ? undefined : withHeader(SPARSE, Uint8Array.from(body))
}

/** The count that Redis keeps in the header, undefined when it is out of date. */
export const cachedCount = (bytes: Buffer): bigint | undefined =>
  (bytes[15]! & STALE) === 0 ? bytes.readBigUInt64LE(8) : undefined

/** Puts an element in. Whether that changed anything. */
export function addElement(registers: Registers, element: Buffer): boolean {
  const hash = murmurHash64A(element)
  const index = Number(hash & BigInt(REGISTERS - 1))
  let rest = (hash >> 14n) | (1n << BigInt(Q))
  let rank = 1
  for (; (rest & 1n) === 0n; rest >>= 1n) rank++
  if (registers[index]! >= rank) return false
  registers[index] = rank
  return true
}

/** Makes `target` the sketch of all elements of both. */
export function mergeInto(target: Registers, source: Registers): void {
  for (let i = 0; i < REGISTERS; i++) if (source[i]! > target[i]!) target[i] = source[i]!
}

export const noRegisters = (): Registers => new Uint8Array(REGISTERS)

/**
 * How many different elements were put in, as Redis computes it: Otmar Ertl, https://arxiv.org/abs/1702.01284
 */
export function estimate(registers: Registers): number {
  const histogram = new Uint32Array(64)
  for (const register of registers) histogram[register]!++
  let z = REGISTERS * tau((REGISTERS - histogram[Q + 1]!) / REGISTERS)
  for (let j = Q; j >= 1; j--) z = (z + histogram[j]!) * 0.5
  z += REGISTERS * sigma(histogram[0]! / REGISTERS)
  return Math.round(((0.5 / Math.LN2) * REGISTERS * REGISTERS) / z)
}

function sigma(from: number): number {
  if (from === 1) return Infinity
  let [x, y, z] = [from, 1, from]
  for (let before = NaN; before !== z; ) {
    x *= x
    before = z
    z += x * y
    y += y
  }
  return z
}

function tau(from: number): number {
  if (from === 0 || from === 1) return 0
  let [x, y, z] = [from, 1, 1 - from]
  for (let before = NaN; before !== z; ) {
    x = Math.sqrt(x)
    before = z
    y *= 0.5
    z -= (1 - x) * (1 - x) * y
  }
  return z / 3
}

const M = 0xc6a4a7935bd1e995n
const SEED = 0xadc83b19n
const low64 = (value: bigint): bigint => BigInt.asUintN(64, value)
const mixed = (value: bigint): bigint => value ^ (value >> 47n)

/**
 * Austin Appleby's MurmurHash2 of 64 bits, with Redis's seed:
 * https://github.com/aappleby/smhasher/blob/master/src/MurmurHash2.cpp
 */
function murmurHash64A(bytes: Buffer): bigint {
  const whole = bytes.length - (bytes.length % 8)
  let hash = SEED ^ low64(BigInt(bytes.length) * M)
  for (let at = 0; at < whole; at += 8) {
    hash = low64((hash ^ low64(mixed(low64(bytes.readBigUInt64LE(at) * M)) * M)) * M)
  }
  if (whole < bytes.length) {
    let rest = 0n
    for (let at = bytes.length - 1; at >= whole; at--) rest = (rest << 8n) | BigInt(bytes[at]!)
    hash = low64((hash ^ rest) * M)
  }
  return mixed(low64(mixed(hash) * M))
}
