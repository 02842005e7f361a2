import { locations } from '../../automation/location.ts'
import type { BackingReply } from '../../backing/backing.ts'
import { isOk } from '../../backing/wire.ts'
import { respBytes } from '../../engine/plaintext/cell.ts'
import { addToCounter } from '../../engine/plaintext/counter.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { openStoredString } from '../../engine/plaintext/stored-string.ts'
import { creates, leaves, type NativeWrite, nativeWrite } from '../../engine/writes/native-write.ts'
import { setWrite } from '../../engine/writes/set-write.ts'
import { KvError } from '../../errors/errors.ts'
import { addLongDouble } from '../../redis-semantics/floats.ts'
import { INT64_MIN, parseInteger } from '../../redis-semantics/integers.ts'
import type { Call } from '../../registry/context.ts'
import { oneWrite } from '../../registry/direct.ts'
import {
  ALL_KEYS,
  type Direct,
  type DirectRead,
  data,
  FIRST_KEY,
  KEY_VALUE_PAIRS,
  reads,
  TWO_KEYS,
  writes,
} from '../../registry/row.ts'
import { OK, type Reply } from '../../reply/reply.ts'
import { expiryOf, int64, integer, rangeOf } from '../parsing/args.ts'
import { distinct, forEachName } from '../parsing/distinct.ts'
import { orCompute } from '../parsing/members.ts'
import { lcsReply, parseLcsOptions } from './lcs-reply.ts'
import { parseSetOptions } from './set-options.ts'

const EMPTY = Buffer.alloc(0)

/** The bytes of the string sealed under `name`, null when there is none. */
export const openString = ({ automation }: Call, name: Buffer, raw: BackingReply): Buffer | null =>
  raw === null ? null : respBytes(openStoredString(automation, name, raw as Buffer))

const sealString = ({ automation }: Call, name: Buffer, bytes: Buffer): Buffer =>
  automation.sealer.seal(locations.string(name), bytes, false)

/** Answered from the whole string, fetched in one round trip. */
export const fromString = (reply: (bytes: Buffer | null, args: readonly Buffer[]) => Reply): DirectRead =>
  reads(
    ({ automation, args }) => ['GET', automation.key(args[1]!)],
    (call, raw) => reply(openString(call, call.args[1]!, raw), call.args),
  )

/** The row's `run` for a command that only looks at one string. */
const ofString =
  (reply: (bytes: Buffer | null, args: readonly Buffer[]) => Reply) =>
  (db: Database, args: readonly Buffer[]): Reply =>
    reply(db.bytes(args[1]!) ?? null, args)

const oldValue = (call: Call, raw: BackingReply): Reply => openString(call, call.args[1]!, raw)
const okOrNull = (_call: Call, raw: BackingReply): Reply => (raw === null ? null : OK)

const boundsOf = (args: readonly Buffer[]): [start: number, stop: number] => [
  integer(args[2]!),
  integer(args[3]!),
]

function partOf(bytes: Buffer | null, [start, stop]: [number, number]): Reply {
  const length = bytes?.length ?? 0
  if (start < 0 && stop < 0 && start > stop) return EMPTY
  // Unlike other ranges, a stop before the first byte still means the first byte.
  const range = rangeOf(start, stop < 0 ? Math.max(0, length + stop) : stop, length)
  return range === undefined || bytes === null ? EMPTY : bytes.subarray(range.start, range.stop + 1)
}

/** GETRANGE and SUBSTR; the bounds are read before the key is looked at. */
const getRange = {
  run: (db: Database, args: readonly Buffer[]): Reply => {
    const bounds = boundsOf(args)
    return partOf(db.bytes(args[1]!) ?? null, bounds)
  },
  direct: reads(
    ({ automation, args }) => {
      boundsOf(args)
      return ['GET', automation.key(args[1]!)]
    },
    (call, raw) => partOf(openString(call, call.args[1]!, raw), boundsOf(call.args)),
  ),
}

const strlen = (bytes: Buffer | null): Reply => bytes?.length ?? 0

function set(db: Database, args: readonly Buffer[]): Reply {
  const name = args[1]!
  const { nx, xx, get, keepTtl, expiry } = parseSetOptions(args, 3, 'set')
  const expireAt = expiry === undefined ? 0 : expiryOf(expiry.unit, expiry.arg, db.now, 'set')
  const old = get ? (db.bytes(name) ?? null) : null
  if (nx ? db.has(name) : xx && !db.has(name)) return old
  db.setBytes(name, args[2]!, { keepTtl, expireAt })
  if (expireAt !== 0 && expireAt <= db.now) db.remove(name)
  return get ? old : OK
}

function setDirect(call: Call): NativeWrite | undefined {
  const { args } = call
  const { nx, xx, get, keepTtl, expiry } = parseSetOptions(args, 3, 'set')
  if (get && (nx || xx)) return undefined
  // Only to refuse what Redis refuses; the moment itself is computed by the backing Redis's clock. One beyond
  // what is exact is computed.
  if (
    expiry !== undefined &&
    expiryOf(expiry.unit, expiry.arg, Date.now(), 'set') === Number.MAX_SAFE_INTEGER
  )
    return undefined
  return setWrite(args[1]!, sealString(call, args[1]!, args[2]!), {
    nx,
    xx,
    get,
    keepTtl,
    expiry: expiry && [expiry.unit, expiry.arg],
  })
}

/** SETEX and PSETEX: key, time, value. */
const setExpiring = (unit: 'EX' | 'PX', command: string) => ({
  run: (db: Database, args: readonly Buffer[]): Reply => {
    db.setBytes(args[1]!, args[3]!, { expireAt: expiryOf(unit, args[2]!, db.now, command) })
    return OK
  },
  direct: oneWrite((call) => {
    if (expiryOf(unit, call.args[2]!, Date.now(), command) === Number.MAX_SAFE_INTEGER) return undefined
    return setWrite(call.args[1]!, sealString(call, call.args[1]!, call.args[3]!), {
      expiry: [unit, call.args[2]!],
    })
  }, okOrNull),
})

const increment =
  (delta: (args: readonly Buffer[]) => bigint) =>
  (db: Database, args: readonly Buffer[]): Reply => {
    const by = delta(args)
    const bytes = db.bytes(args[1]!)
    const current = bytes === undefined ? 0n : parseInteger(bytes)
    if (current === undefined) throw new KvError('not_integer')
    return addToCounter(db, args[1]!, current, by, { json: false })
  }

const decrement = (args: readonly Buffer[]): bigint => {
  const by = int64(args[2]!)
  if (by === INT64_MIN) throw new KvError('decr_overflow')
  return -by
}

function incrByFloat(db: Database, args: readonly Buffer[]): Reply {
  const sum = Buffer.from(addLongDouble(db.bytes(args[1]!) ?? Buffer.from('0'), args[2]!))
  db.setBytes(args[1]!, sum, { keepTtl: true })
  return sum
}

function append(db: Database, args: readonly Buffer[]): Reply {
  const bytes = db.bytes(args[1]!) ?? EMPTY
  db.checkLength(bytes.length + args[2]!.length)
  db.setBytes(args[1]!, Buffer.concat([bytes, args[2]!]), { keepTtl: true })
  return bytes.length + args[2]!.length
}

function setRange(db: Database, args: readonly Buffer[]): Reply {
  const offset = integer(args[2]!)
  const patch = args[3]!
  if (offset < 0) throw new KvError('offset_out_of_range')
  const bytes = db.bytes(args[1]!) ?? EMPTY
  if (patch.length === 0) return bytes.length
  db.checkLength(offset + patch.length)
  const result = Buffer.alloc(Math.max(bytes.length, offset + patch.length))
  bytes.copy(result)
  patch.copy(result, offset)
  db.setBytes(args[1]!, result, { keepTtl: true })
  return result.length
}

const pairsOf = (args: readonly Buffer[], command: string): [name: Buffer, value: Buffer][] => {
  if (args.length % 2 === 0) throw new KvError('wrong_arity', { command })
  return Array.from({ length: (args.length - 1) / 2 }, (_, i) => [args[1 + 2 * i]!, args[2 + 2 * i]!])
}

const getEx = (db: Database, args: readonly Buffer[]): Reply => {
  const { persist, expiry } = parseSetOptions(args, 2, 'getex')
  const bytes = db.bytes(args[1]!)
  if (bytes === undefined) return null
  if (persist && db.expireAt(args[1]!) !== 0) db.setExpireAt(args[1]!, 0)
  if (expiry !== undefined) db.setExpireAt(args[1]!, expiryOf(expiry.unit, expiry.arg, db.now, 'getex'))
  return bytes
}

const getExDirect: Direct = oneWrite((call) => {
  const { expiry } = parseSetOptions(call.args, 2, 'getex')
  // Redis looks at the moment only when there is a key.
  const at = expiry && orCompute(() => expiryOf(expiry.unit, expiry.arg, Date.now(), 'getex'))
  if (expiry === undefined || at === undefined || at === Number.MAX_SAFE_INTEGER) return undefined
  return nativeWrite('GETEX', call.args[1]!, leaves.toBeLookedAt, 'not-null', [expiry.unit, expiry.arg])
}, oldValue)

function lcs(db: Database, args: readonly Buffer[]): Reply {
  const texts = [args[1]!, args[2]!].map((name) => {
    const value = db.value(name)
    if (value !== undefined && value.type !== 'string') throw new KvError('lcs_not_strings')
    return value?.cell.bytes ?? EMPTY
  })
  return lcsReply(texts[0]!, texts[1]!, parseLcsOptions(args.slice(3)))
}

const group = 'string'

export const STRINGS = [
  data({
    name: 'append',
    arity: 3,
    flags: 'write denyoom fast',
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key value',
    summary: 'Appends bytes to a string; makes the key when there is none.',
    complexity: 'O(N) in the length of the string',
    run: append,
  }),
  data({
    name: 'decr',
    arity: 2,
    flags: 'write denyoom fast',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Subtracts one from an integer; starts at 0.',
    run: increment(() => -1n),
  }),
  data({
    name: 'decrby',
    arity: 3,
    flags: 'write denyoom fast',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key decrement',
    summary: 'Subtracts a number from an integer; starts at 0.',
    run: increment(decrement),
  }),
  data({
    name: 'get',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the string of a key.',
    run: ofString((bytes) => bytes),
    direct: fromString((bytes) => bytes),
  }),
  data({
    name: 'getdel',
    arity: 2,
    flags: 'write fast',
    group,
    since: '6.2.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the string of a key and deletes it.',
    run: (db, args) => {
      const bytes = db.bytes(args[1]!) ?? null
      db.remove(args[1]!)
      return bytes
    },
    direct: oneWrite(({ args }) => nativeWrite('GETDEL', args[1]!, leaves.gone, 'not-null'), oldValue),
  }),
  data({
    name: 'getex',
    arity: -2,
    flags: 'write fast',
    group,
    since: '6.2.0',
    keys: FIRST_KEY,
    syntax:
      'key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]',
    summary: 'Returns the string of a key and sets or clears its TTL.',
    run: getEx,
    direct: getExDirect,
  }),
  data({
    name: 'getrange',
    arity: 4,
    flags: 'readonly',
    group,
    since: '2.4.0',
    keys: FIRST_KEY,
    syntax: 'key start end',
    summary: 'Returns a part of a string.',
    complexity: 'O(N) in the length of the string',
    ...getRange,
  }),
  data({
    name: 'getset',
    arity: 3,
    flags: 'write denyoom fast',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key value',
    summary: 'Sets a string and returns the old one.',
    run: (db, args) => {
      const old = db.bytes(args[1]!) ?? null
      db.setBytes(args[1]!, args[2]!)
      return old
    },
    direct: oneWrite(
      (call) => setWrite(call.args[1]!, sealString(call, call.args[1]!, call.args[2]!), { get: true }),
      oldValue,
    ),
  }),
  data({
    name: 'incr',
    arity: 2,
    flags: 'write denyoom fast',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Adds one to an integer; starts at 0.',
    run: increment(() => 1n),
  }),
  data({
    name: 'incrby',
    arity: 3,
    flags: 'write denyoom fast',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key increment',
    summary: 'Adds a number to an integer; starts at 0.',
    run: increment((args) => int64(args[2]!)),
  }),
  data({
    name: 'incrbyfloat',
    arity: 3,
    flags: 'write denyoom fast',
    group,
    since: '2.6.0',
    keys: FIRST_KEY,
    syntax: 'key increment',
    summary: 'Adds a floating point number to a number; starts at 0.',
    run: incrByFloat,
  }),
  data({
    name: 'lcs',
    arity: -3,
    flags: 'readonly',
    group,
    since: '7.0.0',
    keys: TWO_KEYS,
    syntax: 'key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]',
    summary: 'Finds the longest common subsequence of two strings.',
    complexity: 'O(N*M) in the lengths of the strings',
    run: lcs,
  }),
  data({
    name: 'mget',
    arity: -2,
    flags: 'readonly fast',
    group,
    since: '1.0.0',
    keys: ALL_KEYS,
    syntax: 'key [key ...]',
    summary: 'Returns the strings of several keys.',
    complexity: 'O(N) in the number of keys',
    run: (db, args) => args.slice(1).map((name) => (db.type(name) === 'string' ? db.bytes(name)! : null)),
    direct: reads(
      ({ automation, args }) => ['MGET', ...distinct(args.slice(1)).map((name) => automation.key(name))],
      (call, raw) =>
        forEachName(call.args.slice(1), raw as BackingReply[], (name, sealed) =>
          openString(call, name, sealed),
        ),
    ),
  }),
  data({
    name: 'mset',
    arity: -3,
    flags: 'write denyoom',
    group,
    since: '1.0.1',
    keys: KEY_VALUE_PAIRS,
    syntax: 'key value [key value ...]',
    summary: 'Sets the strings of several keys at once.',
    complexity: 'O(N) in the number of keys',
    run: (db, args) => {
      for (const [name, value] of pairsOf(args, 'mset')) db.setBytes(name, value)
      return OK
    },
    direct: writes(
      (call) =>
        pairsOf(call.args, 'mset').map(([name, value]) => setWrite(name, sealString(call, name, value))),
      () => OK,
    ),
  }),
  data({
    name: 'msetnx',
    arity: -3,
    flags: 'write denyoom',
    group,
    since: '1.0.1',
    keys: KEY_VALUE_PAIRS,
    syntax: 'key value [key value ...]',
    summary: 'Sets the strings of several keys, if none of them exists.',
    complexity: 'O(N) in the number of keys',
    extent: () => 'meta',
    run: (db, args) => {
      const pairs = pairsOf(args, 'msetnx')
      if (pairs.some(([name]) => db.has(name))) return 0
      for (const [name, value] of pairs) db.setBytes(name, value)
      return 1
    },
  }),
  data({
    name: 'psetex',
    arity: 4,
    flags: 'write denyoom',
    group,
    since: '2.6.0',
    keys: FIRST_KEY,
    syntax: 'key milliseconds value',
    summary: 'Sets a string with a TTL in milliseconds.',
    ...setExpiring('PX', 'psetex'),
  }),
  data({
    name: 'set',
    arity: -3,
    flags: 'write denyoom',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax:
      'key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]',
    summary: 'Sets the string of a key, whatever it held before.',
    run: set,
    direct: oneWrite(setDirect, (call, raw) => {
      if (raw === null) return null
      // With GET it is what was there: a JWE or a sketch, never these two letters.
      return isOk(raw) ? OK : openString(call, call.args[1]!, raw)
    }),
  }),
  data({
    name: 'setex',
    arity: 4,
    flags: 'write denyoom',
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key seconds value',
    summary: 'Sets a string with a TTL in seconds.',
    ...setExpiring('EX', 'setex'),
  }),
  data({
    name: 'setnx',
    arity: 3,
    flags: 'write denyoom fast',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key value',
    summary: 'Sets a string, if the key does not exist.',
    extent: () => 'meta',
    run: (db, args) => {
      if (db.has(args[1]!)) return 0
      db.setBytes(args[1]!, args[2]!)
      return 1
    },
    direct: oneWrite(
      (call) =>
        nativeWrite('SETNX', call.args[1]!, creates.withoutTtl, 'positive', [
          sealString(call, call.args[1]!, call.args[2]!),
        ]),
      (_call, raw) => raw as number,
    ),
  }),
  data({
    name: 'setrange',
    arity: 4,
    flags: 'write denyoom',
    group,
    since: '2.2.0',
    keys: FIRST_KEY,
    syntax: 'key offset value',
    summary: 'Overwrites a part of a string.',
    complexity: 'O(N) in the length of the string',
    run: setRange,
  }),
  data({
    name: 'strlen',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '2.2.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the length of a string in bytes.',
    run: ofString(strlen),
    direct: fromString(strlen),
  }),
  data({
    name: 'substr',
    arity: 4,
    flags: 'readonly',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key start end',
    summary: 'Returns a part of a string (an old name of GETRANGE).',
    complexity: 'O(N) in the length of the string',
    ...getRange,
  }),
]
