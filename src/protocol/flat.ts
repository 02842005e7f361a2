import { Buffer } from 'node:buffer'
import { itemsOfArray, type Parts, valuesLeft } from '../lib/parts.ts'
import { type DecodedReply, ReplyDecoder } from './reply-decoder.ts'

/** What can be laid flat: nested lists of bytes, texts, integers and nothing. */
export type Flat = Buffer | string | number | null | readonly Flat[]

const CR = 0x0d
const LF = 0x0a
const NULL = Buffer.from('$-1\r\n')

const digits = (n: number): number => String(n).length

/** Bytes of one value as RESP2. */
function sizeOf(value: Flat): number {
  if (value === null) return NULL.length
  if (typeof value === 'number') return 3 + digits(value)
  if (typeof value === 'string') {
    const bytes = Buffer.byteLength(value)
    return 5 + digits(bytes) + bytes
  }
  if (value instanceof Buffer) return 5 + digits(value.length) + value.length
  let sum = 3 + digits(value.length)
  for (const item of value) sum += sizeOf(item)
  return sum
}

function write(value: Flat, into: Buffer, at: number): number {
  if (value === null) return at + NULL.copy(into, at)
  if (typeof value === 'number') return crlf(into, at + into.write(`:${value}`, at, 'latin1'))
  if (typeof value === 'string') {
    const start = crlf(into, at + into.write(`$${Buffer.byteLength(value)}`, at, 'latin1'))
    return crlf(into, start + into.write(value, start))
  }
  if (value instanceof Buffer) {
    const start = crlf(into, at + into.write(`$${value.length}`, at, 'latin1'))
    into.set(value, start)
    return crlf(into, start + value.length)
  }
  let end = crlf(into, at + into.write(`*${value.length}`, at, 'latin1'))
  for (const item of value) end = write(item, into, end)
  return end
}

function crlf(into: Buffer, at: number): number {
  into[at] = CR
  into[at + 1] = LF
  return at + 2
}

/**
 * Values one after the other, in memory of their own that can be handed to another thread: a thousand slices
 * of received chunks would each take their whole chunk along. Integers must be safe ones.
 */
export function flatten(values: readonly Flat[]): Buffer {
  let size = 0
  for (const value of values) size += sizeOf(value)
  const bytes = Buffer.from(new ArrayBuffer(size))
  let at = 0
  for (const value of values) at = write(value, bytes, at)
  return bytes
}

/** Of a list, in memory of its own. */
function header(length: number): Buffer {
  const text = `*${length}\r\n`
  const bytes = Buffer.from(new ArrayBuffer(text.length))
  bytes.write(text, 'latin1')
  return bytes
}

/** What is laid flat in one part, in values and in bytes. */
const VALUES_A_PART = 1_024
const BYTES_A_PART = 256 * 1024

/** As `flatten([list])`, a part at a time and in as many pieces: putting them together would take long. */
export function* flattenInParts(list: readonly Flat[]): Parts<Buffer[]> {
  const pieces: Buffer[] = []
  yield* gather(list, pieces)
  return pieces
}

function* gather(list: readonly Flat[], pieces: Buffer[]): Parts<void> {
  pieces.push(header(list.length))
  let begun = 0
  let bytes = 0
  for (let i = 0; i < list.length; i++) {
    const item = list[i]!
    const isLong = isLongList(item)
    if (!isLong) bytes += sizeOf(item)
    if (!isLong && i - begun < VALUES_A_PART && bytes < BYTES_A_PART) continue
    pieces.push(flatten(list.slice(begun, isLong ? i : i + 1)))
    yield
    if (isLong) yield* gather(item, pieces)
    begun = i + 1
    bytes = 0
  }
  pieces.push(flatten(list.slice(begun)))
}

/** Whether it is worth more than one part. */
export const isLongList = (value: Flat): value is readonly Flat[] =>
  Array.isArray(value) && valuesLeft<Flat>(value, VALUES_A_PART, itemsOfArray) <= 0

/** The values that `flatten` was given, in one piece or several, texts as bytes; they are slices of these. */
export function unflatten(...pieces: readonly Uint8Array[]): DecodedReply[] {
  const values: DecodedReply[] = []
  const decoder = new ReplyDecoder((value) => void values.push(value))
  for (const { buffer, byteOffset, byteLength } of pieces)
    decoder.write(Buffer.from(buffer, byteOffset, byteLength))
  return values
}
