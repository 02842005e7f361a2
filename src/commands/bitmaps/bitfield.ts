import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { readField, writeField } from '../../redis-semantics/bits.ts'
import { INT64_MAX, parseInteger } from '../../redis-semantics/integers.ts'
import type { Reply } from '../../reply/reply.ts'
import { int64, word } from '../parsing/args.ts'
import { bitOffset, checkOffset, grown } from './bit-offset.ts'

type Overflow = 'WRAP' | 'SAT' | 'FAIL'

interface Field {
  readonly signed: boolean
  readonly bits: number
}

export interface BitfieldOperation extends Field {
  readonly kind: 'GET' | 'SET' | 'INCRBY'
  readonly offset: number
  /** What to set or to add. */
  readonly value: bigint
  readonly overflow: Overflow
}

const HASH = 0x23

/** `i16` and `u8`: up to 64 bits, 63 without a sign. */
function fieldType(arg: Buffer): Field {
  const signed = arg[0] === 0x69
  const nul = arg.indexOf(0)
  const bits =
    signed || arg[0] === 0x75 ? parseInteger(arg.subarray(1, nul < 0 ? arg.length : nul)) : undefined
  if (bits === undefined || bits < 1n || bits > (signed ? 64n : 63n)) {
    throw new KvError('bitfield_type')
  }
  return { signed, bits: Number(bits) }
}

/** `#2` counts in fields. */
function fieldOffset(arg: Buffer, bits: number): number {
  if (arg[0] !== HASH) return bitOffset(arg)
  const fields = parseInteger(arg.subarray(1))
  return checkOffset(fields && BigInt.asIntN(64, fields * BigInt(bits)))
}

function overflowOf(arg: Buffer): Overflow {
  const overflow = word(arg)
  if (overflow !== 'WRAP' && overflow !== 'SAT' && overflow !== 'FAIL') throw new KvError('bitfield_overflow')
  return overflow
}

function parseSteps(args: readonly Buffer[]): BitfieldOperation[] {
  const steps: BitfieldOperation[] = []
  let overflow: Overflow = 'WRAP'
  for (let i = 2; i < args.length; ) {
    const kind = word(args[i])
    const left = args.length - i - 1
    if (kind === 'OVERFLOW' && left >= 1) {
      overflow = overflowOf(args[i + 1]!)
      i += 2
    } else if ((kind === 'GET' && left >= 2) || ((kind === 'SET' || kind === 'INCRBY') && left >= 3)) {
      const field = fieldType(args[i + 1]!)
      const offset = fieldOffset(args[i + 2]!, field.bits)
      steps.push({ kind, ...field, offset, value: kind === 'GET' ? 0n : int64(args[i + 3]!), overflow })
      i += kind === 'GET' ? 3 : 4
    } else {
      throw new KvError('syntax')
    }
  }
  return steps
}

/** Which way `value + by` leaves the field, 0 when it stays within. */
function direction(value: bigint, by: bigint, { signed, bits }: Field): -1 | 0 | 1 {
  if (!signed) {
    const max = (1n << BigInt(bits)) - 1n
    return value > max || value + by > max ? 1 : value + by < 0n ? -1 : 0
  }
  const max = bits === 64 ? INT64_MAX : (1n << BigInt(bits - 1)) - 1n
  const min = -max - 1n
  // Redis counts the room in 64 bits, where it wraps for a value far below the field.
  const up = BigInt.asIntN(64, max - value)
  if (value > max || (bits !== 64 && by > up) || (value >= 0n && by > 0n && by > up)) return 1
  const down = BigInt.asIntN(64, min - value)
  return value < min || (bits !== 64 && by < down) || (value < 0n && by < 0n && by < down) ? -1 : 0
}

/** `value + by` as the field keeps it; undefined when it does not fit and is not to be made to. */
function fitted(value: bigint, by: bigint, step: BitfieldOperation): bigint | undefined {
  const { signed, bits, overflow } = step
  const way = direction(value, by, step)
  if (way === 0) return value + by
  if (overflow === 'FAIL') return undefined
  if (overflow === 'WRAP') return signed ? BigInt.asIntN(bits, value + by) : BigInt.asUintN(bits, value + by)
  const least = signed ? -(1n << BigInt(bits - 1)) : 0n
  return way < 0 ? least : least + (1n << BigInt(bits)) - 1n
}

const EMPTY = Buffer.alloc(0)

const got = (bytes: Buffer | null, { offset, bits, signed }: BitfieldOperation): bigint =>
  readField(bytes ?? EMPTY, offset, bits, signed)

export function readSteps(args: readonly Buffer[]): BitfieldOperation[] {
  const steps = parseSteps(args)
  if (steps.some(({ kind }) => kind !== 'GET')) throw new KvError('bitfield_ro')
  return steps
}

export const bitfieldRo = (bytes: Buffer | null, steps: readonly BitfieldOperation[]): Reply =>
  steps.map((step) => got(bytes, step))

export function bitfield(db: Database, args: readonly Buffer[]): Reply {
  const steps = parseSteps(args)
  const old = db.bytes(args[1]!)
  const writes = steps.filter(({ kind }) => kind !== 'GET')
  if (writes.length === 0) return steps.map((step) => got(old ?? null, step))
  const bytes = grown(
    db,
    old,
    writes.reduce((most, { offset, bits }) => Math.max(most, offset + bits - 1), 0),
  )
  let changed = bytes.length !== old?.length
  const replies = steps.map((step) => {
    const { kind, offset, bits, signed, value } = step
    const before = readField(bytes, offset, bits, signed)
    if (kind === 'GET') return before
    const after =
      kind === 'SET'
        ? fitted(signed ? value : BigInt.asUintN(64, value), 0n, step)
        : fitted(before, value, step)
    if (after === undefined) return null
    if (after !== before) {
      writeField(bytes, offset, bits, after)
      changed = true
    }
    return kind === 'SET' ? before : after
  })
  if (!changed) return replies
  db.setBytes(args[1]!, bytes, { keepTtl: true })
  // Redis does not tell of a string that only became longer, when all writes fail.
  if (steps.some(({ kind }, i) => kind !== 'GET' && replies[i] !== null))
    db.events?.further('$', 'setbit', args[1]!)
  return replies
}
