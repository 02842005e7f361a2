import type { Buffer } from 'node:buffer'
import { KvError } from '../errors/errors.ts'

/**
 * An entry's id as one number, 64 bits of milliseconds before 64 bits of sequence: ids are ordered as numbers
 * are.
 */
export type StreamId = bigint

const PART_BITS = 64n
export const MAX_PART = 2n ** PART_BITS - 1n
export const MAX_ID: StreamId = 2n ** (2n * PART_BITS) - 1n

export const makeId = (milliseconds: bigint, sequence: bigint): StreamId =>
  (milliseconds << PART_BITS) | sequence
export const millisecondsOf = (id: StreamId): bigint => id >> PART_BITS
export const sequenceOf = (id: StreamId): bigint => id & MAX_PART

export const idText = (id: StreamId): string => `${millisecondsOf(id)}-${sequenceOf(id)}`

const invalidId = (): KvError => new KvError('stream_id')

/** Redis parses ids in a buffer of this size, up to the first NUL. */
const MAX_TEXT = 127

function textOf(arg: Buffer): string | undefined {
  if (arg.length > MAX_TEXT) return undefined
  const text = arg.toString('latin1')
  const end = text.indexOf('\0')
  return end < 0 ? text : text.slice(0, end)
}

/**
 * As Redis's string2ull, whose fallback is strtoull: leading zeros, white space and a sign are accepted, and
 * a negative number that is not in its canonical form wraps around.
 */
function unsigned(text: string): bigint | undefined {
  const match = /^[\t-\r ]*([+-]?)(\d+)$/.exec(text)
  if (match === null) return undefined
  const value = BigInt(match[2]!)
  if (value > MAX_PART) return undefined
  if (match[1] !== '-' || value === 0n) return value
  return text === `-${value}` && value <= 2n ** 63n ? undefined : MAX_PART + 1n - value
}

/** `ms` or `ms-seq`; undefined when it is neither. */
export function tryParseId(arg: Buffer, missingSequence = 0n): StreamId | undefined {
  const text = textOf(arg)
  if (text === undefined) return undefined
  const dash = text.indexOf('-')
  const milliseconds = unsigned(dash < 0 ? text : text.slice(0, dash))
  const sequence = dash < 0 ? missingSequence : unsigned(text.slice(dash + 1))
  return milliseconds === undefined || sequence === undefined ? undefined : makeId(milliseconds, sequence)
}

/** Throws Redis's `Invalid stream ID`. */
export function parseId(arg: Buffer, missingSequence = 0n): StreamId {
  const id = tryParseId(arg, missingSequence)
  if (id === undefined) throw invalidId()
  return id
}

/** Also `-` and `+`, the lowest and the highest id. */
export function parseAnyId(arg: Buffer, missingSequence = 0n): StreamId {
  const text = textOf(arg)
  if (text === '-') return 0n
  return text === '+' ? MAX_ID : parseId(arg, missingSequence)
}

/** The milliseconds of the form `ms-*`, undefined for any other. */
export function parseOpenId(arg: Buffer): bigint | undefined {
  const text = textOf(arg)
  return text?.endsWith('-*') && text.indexOf('-') === text.length - 2
    ? unsigned(text.slice(0, -2))
    : undefined
}

const isOpen = (arg: Buffer): boolean => arg.length > 1 && arg[0] === 0x28

/** The first id of an interval whose start may be open, `(id`. */
export function parseStart(arg: Buffer): StreamId {
  if (!isOpen(arg)) return parseAnyId(arg)
  const id = parseId(arg.subarray(1))
  if (id === MAX_ID) throw new KvError('interval_start')
  return id + 1n
}

/** The last id of an interval whose end may be open, `(id`. */
export function parseEnd(arg: Buffer): StreamId {
  if (!isOpen(arg)) return parseAnyId(arg, MAX_PART)
  const id = parseId(arg.subarray(1), MAX_PART)
  if (id === 0n) throw new KvError('interval_end')
  return id - 1n
}
