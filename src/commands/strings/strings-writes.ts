import type { BackingReply } from '../../backing/backing.ts'
import { isOk } from '../../backing/wire.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { creates, type NativeWrite, nativeWrite } from '../../engine/writes/native-write.ts'
import { setWrite } from '../../engine/writes/set-write.ts'
import { KvError } from '../../errors/errors.ts'
import type { Call } from '../../registry/context.ts'
import { oneWrite } from '../../registry/direct.ts'
import { allKeys, keysOfGet, tellsPairs, tellsSet } from '../../registry/notifies.ts'
import { data, FIRST_KEY, KEY_VALUE_PAIRS, writes } from '../../registry/row.ts'
import { OK, type Reply } from '../../reply/reply.ts'
import { expiryOf } from '../parsing/args.ts'
import { parseSetOptions } from './set-options.ts'
import { oldValue, openString, sealString } from './string-access.ts'

const group = 'string'

const okOrNull = (_call: Call, raw: BackingReply): Reply => (raw === null ? null : OK)

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

const pairsOf = (args: readonly Buffer[], command: string): [name: Buffer, value: Buffer][] => {
  if (args.length % 2 === 0) throw new KvError('wrong_arity', { command })
  return Array.from({ length: (args.length - 1) / 2 }, (_, i) => [args[1 + 2 * i]!, args[2 + 2 * i]!])
}

export const STRING_WRITES = [
  data({
    name: 'getset',
    arity: 3,
    flags: 'write denyoom fast',
    notifies: tellsSet('never'),
    misses: allKeys,
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
    name: 'mset',
    arity: -3,
    flags: 'write denyoom',
    notifies: tellsPairs,
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
    notifies: tellsPairs,
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
    notifies: tellsSet('always'),
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
    notifies: tellsSet('by-options'),
    misses: keysOfGet,
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
    notifies: tellsSet('always'),
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
    notifies: tellsSet('never'),
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
]
