import type { BackingReply } from '../../backing/backing.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { leaves, nativeWrite } from '../../engine/writes/native-write.ts'
import { KvError } from '../../errors/errors.ts'
import { oneWrite } from '../../registry/direct.ts'
import { allKeys, isPersist, tellsDeleted, tellsExpiry } from '../../registry/notifies.ts'
import { ALL_KEYS, type Direct, data, FIRST_KEY, readsInParts, TWO_KEYS } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { expiryOf } from '../parsing/args.ts'
import { distinct, forEachNameInParts } from '../parsing/distinct.ts'
import { orCompute } from '../parsing/members.ts'
import { lcsReply, parseLcsOptions } from './lcs-reply.ts'
import { parseSetOptions } from './set-options.ts'
import { fromString, ofString, oldValue, openString } from './string-access.ts'
import { STRING_NUMBERS } from './strings-numbers.ts'
import { STRING_PARTS } from './strings-parts.ts'
import { STRING_WRITES } from './strings-writes.ts'

const EMPTY = Buffer.alloc(0)

const group = 'string'

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

export const STRINGS = [
  ...STRING_WRITES,
  ...STRING_NUMBERS,
  ...STRING_PARTS,
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
    notifies: tellsDeleted,
    misses: allKeys,
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
    notifies: tellsExpiry(({ args }) => (isPersist(args) ? 'persist' : 'expire')),
    misses: allKeys,
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
    direct: readsInParts(
      ({ automation, args }) => ['MGET', ...distinct(args.slice(1)).map((name) => automation.key(name))],
      (call, raw) =>
        forEachNameInParts(call.args.slice(1), raw as BackingReply[], (name, sealed) =>
          openString(call, name, sealed),
        ),
    ),
  }),
]
