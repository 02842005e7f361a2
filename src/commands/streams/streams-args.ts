import { type ErrorText, KvError } from '../../errors/errors.ts'
import { parseInteger } from '../../redis-semantics/integers.ts'
import {
  MAX_ID,
  MAX_PART,
  makeId,
  millisecondsOf,
  parseId,
  parseOpenId,
  type StreamId,
  sequenceOf,
} from '../../redis-semantics/stream-id.ts'
import type { KeySpec } from '../../registry/row.ts'
import { int64, integer, word } from '../parsing/args.ts'

/** A 64-bit integer with an error of its own. */
export function int64Or(arg: Buffer, ...error: ErrorText): bigint {
  const value = parseInteger(arg)
  if (value === undefined) throw new KvError(...error)
  return value
}

/** What a subcommand says to arguments that it does not know. */
export const wrongSubcommand = (command: 'XGROUP' | 'XINFO', subcommand: Buffer): KvError =>
  new KvError('wrong_subcommand', { subcommand, command })

/** The two ways to trim of XADD and XTRIM. */
export interface Trim {
  readonly maxLength: number | undefined
  /** Without `maxLength`. */
  readonly minId: StreamId
  readonly approximate: boolean
  /** Most entries to trim, 0 without a limit. */
  readonly limit: number
}

export interface AddArgs {
  /** Index of the id; that of the first field is one more. */
  readonly idAt: number
  /** Undefined: `*`, or `ms-*` when `milliseconds` is there. */
  readonly id: StreamId | undefined
  readonly milliseconds: bigint | undefined
  readonly noMkStream: boolean
  readonly trim: Trim | undefined
}

/** Redis trims at most this many entries at a time, unless LIMIT says otherwise: a hundred of its nodes. */
const DEFAULT_LIMIT = 10_000

/** Options of XTRIM, options and id of XADD (streamParseAddOrTrimArgsOrReply). */
function parseAddOrTrim(args: readonly Buffer[], add: boolean): AddArgs {
  let strategy: 'MAXLEN' | 'MINID' | undefined
  let maxLength: number | undefined
  let minId = 0n
  let approximate = false
  let limit: bigint | undefined
  let noMkStream = false
  let id: StreamId | undefined
  let milliseconds: bigint | undefined
  let i = 2
  for (; i < args.length; i++) {
    const more = args.length - 1 - i
    const option = word(args[i])
    if (add && option === '*') break
    if ((option === 'MAXLEN' || option === 'MINID') && more > 0) {
      if (strategy !== undefined) throw new KvError('trim_both')
      strategy = option
      const sign = more >= 2 ? args[i + 1]!.toString('latin1') : ''
      approximate = sign === '~'
      if (sign === '~' || sign === '=') i++
      const bound = args[++i]!
      if (option === 'MINID') minId = parseId(bound)
      else if (int64(bound) < 0n) throw new KvError('trim_maxlen')
      else maxLength = integer(bound)
    } else if (option === 'LIMIT' && more > 0) {
      limit = int64(args[++i]!)
      if (limit < 0n) throw new KvError('trim_limit')
    } else if (add && option === 'NOMKSTREAM') {
      noMkStream = true
    } else if (add) {
      milliseconds = parseOpenId(args[i]!)
      if (milliseconds === undefined) id = parseId(args[i]!)
      break
    } else {
      throw new KvError('syntax')
    }
  }
  if (limit !== undefined && limit !== 0n && strategy === undefined) {
    throw new KvError('trim_limit_alone')
  }
  if (!add && strategy === undefined) throw new KvError('xtrim_strategy')
  if (limit !== undefined && !approximate) throw new KvError('trim_limit_exact')
  const most = limit === undefined ? (approximate ? DEFAULT_LIMIT : 0) : Number(limit)
  return {
    idAt: i,
    id,
    milliseconds,
    noMkStream,
    trim: strategy === undefined ? undefined : { maxLength, minId, approximate, limit: most },
  }
}

/** Throws what Redis refuses before it looks at the key. */
export function parseAdd(args: readonly Buffer[]): AddArgs {
  const parsed = parseAddOrTrim(args, true)
  const fields = args.length - parsed.idAt - 1
  if (fields < 2 || fields % 2 === 1) throw new KvError('wrong_arity', { command: 'xadd' })
  if (parsed.id === 0n) throw new KvError('xadd_id_zero')
  return parsed
}

export const parseTrim = (args: readonly Buffer[]): Trim => parseAddOrTrim(args, false).trim!

/** The id that an entry gets; throws when none is left, or when it is not above the last one. */
export function nextId({ id, milliseconds }: AddArgs, lastId: StreamId, now: number): StreamId {
  if (lastId === MAX_ID) throw new KvError('stream_exhausted')
  let next = id ?? 0n
  if (milliseconds !== undefined) {
    const same = millisecondsOf(lastId) === milliseconds
    if (same && sequenceOf(lastId) === MAX_PART) throw new KvError('millisecond_exhausted')
    next = same ? lastId + 1n : makeId(milliseconds, 0n)
  } else if (id === undefined) {
    next = millisecondsOf(lastId) < BigInt(now) ? makeId(BigInt(now), 0n) : lastId + 1n
  }
  if (next <= lastId) throw new KvError('xadd_id_too_small')
  return next
}

export interface ReadArgs {
  readonly names: readonly Buffer[]
  readonly ids: readonly Buffer[]
  /** 0: all. */
  readonly count: number
  /** Milliseconds to wait for entries, 0 without an end; undefined: not at all. */
  readonly block: number | undefined
  readonly group: Buffer | undefined
  readonly consumer: Buffer | undefined
  readonly noAck: boolean
}

/**
 * XREAD and XREADGROUP: throws what Redis refuses before it looks at keys and ids. A script must not wait.
 */
export function parseRead(
  args: readonly Buffer[],
  command: 'XREAD' | 'XREADGROUP',
  inScript = false,
): ReadArgs {
  const ofGroup = command === 'XREADGROUP'
  let count = 0
  let block: number | undefined
  let group: Buffer | undefined
  let consumer: Buffer | undefined
  let noAck = false
  for (let i = 1; i < args.length; i++) {
    const more = args.length - i - 1
    const option = word(args[i])
    if (option === 'BLOCK' && more > 0) {
      if (inScript) throw new KvError('block_in_script', { command: args[0]! })
      block = parseTimeout(args[++i]!)
    } else if (option === 'COUNT' && more > 0) {
      count = Math.max(0, integer(args[++i]!))
    } else if (option === 'STREAMS' && more > 0) {
      if (more % 2 !== 0) throw new KvError('unbalanced_streams')
      if (ofGroup && group === undefined) throw new KvError('missing_group')
      const idsAt = i + 1 + more / 2
      return { names: args.slice(i + 1, idsAt), ids: args.slice(idsAt), count, block, group, consumer, noAck }
    } else if (option === 'GROUP' && more >= 2) {
      if (!ofGroup) throw onlyForGroups('GROUP')
      group = args[++i]!
      consumer = args[++i]!
    } else if (option === 'NOACK') {
      if (!ofGroup) throw onlyForGroups('NOACK')
      noAck = true
    } else {
      throw new KvError('syntax')
    }
  }
  throw new KvError('syntax')
}

const onlyForGroups = (option: string): KvError => new KvError('only_xreadgroup', { option })

function parseTimeout(arg: Buffer): number {
  const timeout = int64Or(arg, 'timeout_not_integer')
  if (timeout < 0n) throw new KvError('timeout_negative')
  return Math.min(Number(timeout), Number.MAX_SAFE_INTEGER)
}

/** The keys of XREAD and XREADGROUP come behind STREAMS, the first half of what is left (xreadGetKeys). */
export const STREAM_KEYS: KeySpec = {
  first: 0,
  last: 0,
  step: 0,
  find: (args) => {
    for (let i = 1; i < args.length; i++) {
      const option = word(args[i])
      if (option === 'BLOCK' || option === 'COUNT') i++
      else if (option === 'GROUP') i += 2
      else if (option === 'STREAMS') {
        const more = args.length - i - 1
        return more % 2 === 0 ? Array.from({ length: more / 2 }, (_, k) => i + 1 + k) : []
      } else if (option !== 'NOACK') return []
    }
    return []
  },
}

/** The same request for one of its streams; of several times the same one it is the first. */
export function readAt(args: readonly Buffer[], name: Buffer): readonly Buffer[] {
  const indexes = STREAM_KEYS.find!(args)
  const index = indexes.find((at) => args[at]!.equals(name))!
  return [...args.slice(0, indexes[0]), name, args[index + indexes.length]!]
}
