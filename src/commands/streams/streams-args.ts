import { KvError, respError } from '../../errors/errors.ts'
import { parseInteger } from '../../redis-semantics/integers.ts'
import { makeId, MAX_ID, MAX_PART, millisecondsOf, parseId, parseOpenId, sequenceOf, type StreamId } from '../../redis-semantics/stream-id.ts'
import { int64, integer, word } from '../parsing/args.ts'
import type { KeySpec } from '../../registry/row.ts'

/** A 64-bit integer with an error text of its own. */
export function int64Or(arg: Buffer, text: string): bigint {
  const value = parseInteger(arg)
  if (value === undefined) throw respError(text)
  return value
}

/** As an error shows a name: up to its first NUL, without line breaks. */
export const shown = (name: Buffer): string => {
  const text = name.toString().replace(/[\r\n]/g, ' ')
  const end = text.indexOf('\0')
  return end < 0 ? text : text.slice(0, end)
}

/** What a subcommand says to arguments that it does not know; Redis shows this much of its name. */
export const wrongSubcommand = (command: 'XGROUP' | 'XINFO', subcommand: Buffer): KvError =>
  respError(`ERR unknown subcommand or wrong number of arguments for '${shown(subcommand.subarray(0, 128))}'. Try ${command} HELP.`)

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
      if (strategy !== undefined) throw respError('ERR syntax error, MAXLEN and MINID options at the same time are not compatible')
      strategy = option
      const sign = more >= 2 ? args[i + 1]!.toString('latin1') : ''
      approximate = sign === '~'
      if (sign === '~' || sign === '=') i++
      const bound = args[++i]!
      if (option === 'MINID') minId = parseId(bound)
      else if (int64(bound) < 0n) throw respError('ERR The MAXLEN argument must be >= 0.')
      else maxLength = integer(bound)
    } else if (option === 'LIMIT' && more > 0) {
      limit = int64(args[++i]!)
      if (limit < 0n) throw respError('ERR The LIMIT argument must be >= 0.')
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
    throw respError('ERR syntax error, LIMIT cannot be used without specifying a trimming strategy')
  }
  if (!add && strategy === undefined) throw respError('ERR syntax error, XTRIM must be called with a trimming strategy')
  if (limit !== undefined && !approximate) throw respError('ERR syntax error, LIMIT cannot be used without the special ~ option')
  const most = limit === undefined ? (approximate ? DEFAULT_LIMIT : 0) : Number(limit)
  return { idAt: i, id, milliseconds, noMkStream, trim: strategy === undefined ? undefined : { maxLength, minId, approximate, limit: most } }
}

/** Throws what Redis refuses before it looks at the key. */
export function parseAdd(args: readonly Buffer[]): AddArgs {
  const parsed = parseAddOrTrim(args, true)
  const fields = args.length - parsed.idAt - 1
  if (fields < 2 || fields % 2 === 1) throw respError("ERR wrong number of arguments for 'xadd' command")
  if (parsed.id === 0n) throw respError('ERR The ID specified in XADD must be greater than 0-0')
  return parsed
}

export const parseTrim = (args: readonly Buffer[]): Trim => parseAddOrTrim(args, false).trim!

/** The id that an entry gets; throws when none is left, or when it is not above the last one. */
export function nextId({ id, milliseconds }: AddArgs, lastId: StreamId, now: number): StreamId {
  if (lastId === MAX_ID) throw respError('ERR The stream has exhausted the last possible ID, unable to add more items')
  let next = id ?? 0n
  if (milliseconds !== undefined) {
    const same = millisecondsOf(lastId) === milliseconds
    // Redis has no text of its own for a millisecond that is used up.
    if (same && sequenceOf(lastId) === MAX_PART) throw respError('ERR Elements are too large to be stored')
    next = same ? lastId + 1n : makeId(milliseconds, 0n)
  } else if (id === undefined) {
    next = millisecondsOf(lastId) < BigInt(now) ? makeId(BigInt(now), 0n) : lastId + 1n
  }
  if (next <= lastId) throw respError('ERR The ID specified in XADD is equal or smaller than the target stream top item')
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

/** XREAD and XREADGROUP: throws what Redis refuses before it looks at keys and ids. A script must not wait. */
export function parseRead(args: readonly Buffer[], command: 'XREAD' | 'XREADGROUP', inScript = false): ReadArgs {
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
      if (inScript) throw respError(`ERR ${args[0]!.toString('latin1')} command is not allowed with BLOCK option from scripts`)
      block = parseTimeout(args[++i]!)
    } else if (option === 'COUNT' && more > 0) {
      count = Math.max(0, integer(args[++i]!))
    } else if (option === 'STREAMS' && more > 0) {
      if (more % 2 !== 0) throw respError("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.")
      if (ofGroup && group === undefined) throw respError('ERR Missing GROUP option for XREADGROUP')
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

const onlyForGroups = (option: string): KvError =>
  respError(`ERR The ${option} option is only supported by XREADGROUP. You called XREAD instead.`)

function parseTimeout(arg: Buffer): number {
  const timeout = int64Or(arg, 'ERR timeout is not an integer or out of range')
  if (timeout < 0n) throw respError('ERR timeout is negative')
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
