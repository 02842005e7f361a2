import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { type LongDouble, parseLongDouble } from '../../redis-semantics/floats.ts'
import type { Blocking } from '../../registry/blocking.ts'
import type { DataRow, KeySpec } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'

const MS_PER_SECOND = 1000n

/**
 * Seconds with a fraction to milliseconds, as Redis's getTimeoutFromObjectOrReply: a long double, of which a
 * part of a millisecond counts as a whole one, and what does not fit 64 bits becomes negative.
 */
function secondsToMs(arg: Buffer): number {
  const seconds = parseLongDouble(arg)
  if (seconds === undefined) throw new KvError('timeout_not_float')
  const ms = typeof seconds === 'string' ? -1n : ceilingOf(seconds, MS_PER_SECOND)
  if (ms < 0n || ms >= 2n ** 63n) throw new KvError('timeout_negative')
  return Number(ms)
}

function ceilingOf({ negative, mantissa, exponent }: Exclude<LongDouble, string>, times: bigint): bigint {
  const size = mantissa * times
  if (exponent >= 0) return (negative ? -size : size) << BigInt(exponent)
  const unit = 1n << BigInt(-exponent)
  return negative ? -(size / unit) : (size + unit - 1n) / unit
}

export const KEYS_BEFORE_TIMEOUT: KeySpec = { first: 1, last: -2, step: 1 }

export type Args = readonly Buffer[]

/** What is taken from. */
export interface Source {
  readonly type: string
  /** Throws `wrong_type` for a key of another type. */
  readonly look: (db: Database, name: Buffer) => unknown
}

/** How a command takes what it waits for. */
interface Taking {
  readonly timeoutAt: (args: Args) => number
  /** What is looked at before the timeout is. */
  readonly check?: (args: Args) => void
  /** The keys that it takes from. */
  readonly keys: (args: Args) => readonly Buffer[]
  readonly source: Source
  /** Takes from the first of the keys that has something. */
  readonly take: (db: Database, args: Args, names: readonly Buffer[]) => Reply | undefined
  /** The answer in a transaction, where nothing waits. */
  readonly otherwise: Reply
}

export function waiting({ timeoutAt, check, keys, source, take, otherwise }: Taking): {
  run: DataRow['run']
  blocking: Blocking
} {
  const timeoutMs = (args: Args): number => {
    check?.(args)
    return secondsToMs(args[timeoutAt(args)]!)
  }
  return {
    run: (db, args) => {
      timeoutMs(args)
      return take(db, args, keys(args)) ?? otherwise
    },
    blocking: {
      timeoutMs,
      keys,
      competition: () => source.type,
      attempt: (db, args, woken) =>
        take(db, args, woken?.filter((name) => isOf(source, db, name)) ?? keys(args)),
    },
  }
}

function isOf({ look }: Source, db: Database, name: Buffer): boolean {
  try {
    look(db, name)
    return true
  } catch (error) {
    if (error instanceof KvError && error.code === 'wrong_type') return false
    throw error
  }
}
