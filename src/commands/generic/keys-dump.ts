import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import type { RunContext } from '../../registry/context.ts'
import { tellsMade } from '../../registry/notifies.ts'
import { data, FIRST_KEY, META } from '../../registry/row.ts'
import { OK, type Reply } from '../../reply/reply.ts'
import { int64, word } from '../parsing/args.ts'
import { deserialized, serialized } from './serialized-value.ts'

interface RestoreOptions {
  readonly replace: boolean
  readonly absTtl: boolean
}

const MAX_FREQUENCY = 255n

/** IDLETIME and FREQ are checked and have no effect: the backing Redis counts by itself. */
function parseOptions(args: readonly Buffer[]): RestoreOptions {
  let replace = false
  let absTtl = false
  let given = ''
  for (let i = 4; i < args.length; i++) {
    const option = word(args[i])
    const hasMore = i + 1 < args.length
    if (option === 'REPLACE') replace = true
    else if (option === 'ABSTTL') absTtl = true
    else if (option === 'IDLETIME' && hasMore && given !== 'FREQ') {
      if (int64(args[++i]!) < 0n) throw new KvError('restore_idletime')
      given = option
    } else if (option === 'FREQ' && hasMore && given !== 'IDLETIME') {
      const frequency = int64(args[++i]!)
      if (frequency < 0n || frequency > MAX_FREQUENCY) throw new KvError('restore_freq')
      given = option
    } else throw new KvError('syntax')
  }
  return { replace, absTtl }
}

/** In Redis's order: options, the key, the TTL, the payload. */
function restore(db: Database, args: readonly Buffer[], { automation }: RunContext): Reply {
  const { replace, absTtl } = parseOptions(args)
  const name = args[1]!
  if (!replace && db.has(name)) throw new KvError('busy_key')
  const ttl = int64(args[2]!)
  if (ttl < 0n) throw new KvError('restore_ttl')
  const value = deserialized(automation.sealer, args[3]!)
  const moment = ttl === 0n || absTtl ? ttl : ttl + BigInt(db.now)
  const expireAt = Math.min(Number(moment), Number.MAX_SAFE_INTEGER)
  if (expireAt !== 0 && expireAt <= db.now) db.remove(name)
  else db.put(name, value, expireAt)
  return OK
}

const group = 'generic'

export const KEY_DUMPS = [
  data({
    name: 'dump',
    arity: 2,
    flags: 'readonly',
    group,
    since: '2.6.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the value of a key in a sealed form, for RESTORE of the same automation.',
    complexity: 'O(N) in the size of the value',
    run: (db, args, { automation }) => {
      const value = db.value(args[1]!)
      return value === undefined
        ? null
        : serialized(automation.sealer, value, (bytes) => db.checkLength(bytes))
    },
  }),
  data({
    name: 'restore',
    arity: -4,
    flags: 'write denyoom',
    notifies: tellsMade('restore'),
    group,
    since: '2.6.0',
    keys: FIRST_KEY,
    extent: META,
    syntax: 'key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]',
    summary: 'Makes a key from what DUMP of the same automation returned.',
    complexity: 'O(N) in the size of the value',
    run: restore,
  }),
]
