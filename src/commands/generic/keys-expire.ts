import type { Database } from '../../engine/plaintext/database.ts'
import { leaves, nativeWrite } from '../../engine/writes/native-write.ts'
import { KvError } from '../../errors/errors.ts'
import { number, oneWrite } from '../../registry/direct.ts'
import { tellsExpiry } from '../../registry/notifies.ts'
import { type DataRow, data, FIRST_KEY, META, reads } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { type ExpiryUnit, expiryFrom, int64, word } from '../parsing/args.ts'

type Condition = 'NX' | 'XX' | 'GT' | 'LT'

const CONDITIONS: ReadonlySet<string> = new Set<Condition>(['NX', 'XX', 'GT', 'LT'])

function conditionsOf(args: readonly Buffer[]): ReadonlySet<Condition> {
  const conditions = new Set<Condition>()
  for (const arg of args.slice(3)) {
    const option = word(arg)
    if (!CONDITIONS.has(option)) throw new KvError('expire_option', { word: arg })
    conditions.add(option as Condition)
  }
  if (conditions.has('NX') && conditions.size > 1) throw new KvError('expire_nx_others')
  if (conditions.has('GT') && conditions.has('LT')) throw new KvError('expire_gt_lt')
  return conditions
}

/** Whether a key that expires at `current` (0: never) may be given another moment. */
const allowed = (conditions: ReadonlySet<Condition>, current: number, next: number): boolean =>
  !(conditions.has('NX') && current !== 0) &&
  !(conditions.has('XX') && current === 0) &&
  !(conditions.has('GT') && (current === 0 || next <= current)) &&
  !(conditions.has('LT') && current !== 0 && next >= current)

function expire(unit: ExpiryUnit, command: string): Pick<DataRow, 'run' | 'direct' | 'extent'> {
  const parse = (args: readonly Buffer[], now: number) => {
    const conditions = conditionsOf(args)
    const at = expiryFrom(unit, int64(args[2]!), now, () => new KvError('invalid_expire', { command }))
    return { conditions, at }
  }
  return {
    extent: META,
    run: (db, args) => {
      const name = args[1]!
      const { conditions, at } = parse(args, db.now)
      if (!db.has(name) || !allowed(conditions, db.expireAt(name), at)) return 0
      if (at <= db.now) db.remove(name)
      else db.setExpireAt(name, at)
      return 1
    },
    direct: oneWrite(({ args }) => {
      // Only to refuse what Redis refuses; the moment itself is computed by the backing Redis's clock. Redis
      // 6.2 has no conditions.
      const { conditions, at } = parse(args, Date.now())
      if (conditions.size > 0 || at === Number.MAX_SAFE_INTEGER) return undefined
      return nativeWrite(command.toUpperCase(), args[1]!, leaves.toBeLookedAt, 'positive', [args[2]!])
    }, number),
  }
}

const roundedSeconds = (ms: number): number => Math.floor((ms + 500) / 1000)

/** -2 without the key, -1 without a TTL. */
const fromExpiry =
  (reply: (expireAt: number, now: number) => number) =>
  (db: Database, args: readonly Buffer[]): Reply => {
    if (!db.has(args[1]!)) return -2
    const expireAt = db.expireAt(args[1]!)
    return expireAt === 0 ? -1 : reply(expireAt, db.now)
  }

const remaining = (
  command: 'TTL' | 'PTTL',
  reply: (ms: number) => number,
): Pick<DataRow, 'run' | 'direct' | 'extent'> => ({
  extent: META,
  run: fromExpiry((expireAt, now) => reply(Math.max(0, expireAt - now))),
  direct: reads(({ automation, args }) => [command, automation.key(args[1]!)], number),
})

const group = 'generic'

export const EXPIRES = [
  data({
    name: 'expire',
    arity: -3,
    flags: 'write fast',
    notifies: tellsExpiry('expire'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key seconds [NX | XX | GT | LT]',
    summary: 'Sets the TTL of a key in seconds.',
    ...expire('EX', 'expire'),
  }),
  data({
    name: 'expireat',
    arity: -3,
    flags: 'write fast',
    notifies: tellsExpiry('expire'),
    group,
    since: '1.2.0',
    keys: FIRST_KEY,
    syntax: 'key unix-time-seconds [NX | XX | GT | LT]',
    summary: 'Sets the moment at which a key expires, in seconds.',
    ...expire('EXAT', 'expireat'),
  }),
  data({
    name: 'expiretime',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '7.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the moment at which a key expires, in seconds.',
    extent: META,
    run: fromExpiry(roundedSeconds),
  }),
  data({
    name: 'pexpire',
    arity: -3,
    flags: 'write fast',
    notifies: tellsExpiry('expire'),
    group,
    since: '2.6.0',
    keys: FIRST_KEY,
    syntax: 'key milliseconds [NX | XX | GT | LT]',
    summary: 'Sets the TTL of a key in milliseconds.',
    ...expire('PX', 'pexpire'),
  }),
  data({
    name: 'pexpireat',
    arity: -3,
    flags: 'write fast',
    notifies: tellsExpiry('expire'),
    group,
    since: '2.6.0',
    keys: FIRST_KEY,
    syntax: 'key unix-time-milliseconds [NX | XX | GT | LT]',
    summary: 'Sets the moment at which a key expires, in milliseconds.',
    ...expire('PXAT', 'pexpireat'),
  }),
  data({
    name: 'pexpiretime',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '7.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the moment at which a key expires, in milliseconds.',
    extent: META,
    run: fromExpiry((expireAt) => expireAt),
  }),
  data({
    name: 'pttl',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '2.6.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the TTL of a key in milliseconds.',
    ...remaining('PTTL', (ms) => ms),
  }),
  data({
    name: 'ttl',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the TTL of a key in seconds.',
    ...remaining('TTL', roundedSeconds),
  }),
]
