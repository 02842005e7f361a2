import type { Database } from '../../engine/plaintext/database.ts'
import type { Extent } from '../../engine/plaintext/extent.ts'
import { valueForOtherKey } from '../../engine/plaintext/values.ts'
import { KvError } from '../../errors/errors.ts'
import { firstKey, tellsMade, tellsRename } from '../../registry/notifies.ts'
import { data, TWO_KEYS } from '../../registry/row.ts'
import { OK, type Reply } from '../../reply/reply.ts'
import { int64, word } from '../parsing/args.ts'

// A ciphertext is bound to its key, so what goes under another name is sealed anew.

const sourceAlone = (_args: readonly Buffer[], index: number): Extent => (index === 1 ? 'all' : 'meta')

function copyTo(db: Database, source: Buffer, target: Buffer): void {
  db.put(target, valueForOtherKey(db.value(source)!), db.expireAt(source))
}

function rename(db: Database, source: Buffer, target: Buffer): void {
  copyTo(db, source, target)
  db.remove(source)
}

const INT_MAX = 2n ** 31n - 1n

function checkDatabase(arg: Buffer): void {
  const index = int64(arg)
  if (index < -INT_MAX - 1n || index > INT_MAX)
    throw new KvError('not_between', { least: -INT_MAX - 1n, most: INT_MAX })
  if (index !== 0n) throw new KvError('db_index')
}

function copy(db: Database, args: readonly Buffer[]): Reply {
  const [, source, target] = args as [Buffer, Buffer, Buffer]
  let replace = false
  for (let i = 3; i < args.length; i++) {
    const option = word(args[i])
    if (option === 'REPLACE') replace = true
    else if (option === 'DB' && i + 1 < args.length) checkDatabase(args[++i]!)
    else throw new KvError('syntax')
  }
  if (source.equals(target)) throw new KvError('same_object')
  if (!db.has(source) || (db.has(target) && !replace)) return 0
  copyTo(db, source, target)
  return 1
}

const group = 'generic'

export const KEY_MOVES = [
  data({
    name: 'copy',
    arity: -3,
    flags: 'write denyoom',
    notifies: tellsMade('copy_to'),
    misses: firstKey,
    group,
    since: '6.2.0',
    keys: TWO_KEYS,
    syntax: 'source destination [DB destination-db] [REPLACE]',
    summary: 'Copies the value and the TTL of a key to another key.',
    complexity: 'O(N) in the size of the value',
    extent: sourceAlone,
    run: copy,
  }),
  data({
    name: 'rename',
    arity: 3,
    flags: 'write',
    notifies: tellsRename,
    group,
    since: '1.0.0',
    keys: TWO_KEYS,
    moves: true,
    syntax: 'key newkey',
    summary: 'Renames a key; what the new name held is gone.',
    complexity: 'O(N) in the size of the value, which is sealed anew',
    extent: sourceAlone,
    run: (db, args) => {
      if (!db.has(args[1]!)) throw new KvError('no_such_key')
      if (!args[1]!.equals(args[2]!)) rename(db, args[1]!, args[2]!)
      return OK
    },
  }),
  data({
    name: 'renamenx',
    arity: 3,
    flags: 'write fast',
    notifies: tellsRename,
    group,
    since: '1.0.0',
    keys: TWO_KEYS,
    moves: true,
    syntax: 'key newkey',
    summary: 'Renames a key, if the new name does not exist.',
    complexity: 'O(N) in the size of the value, which is sealed anew',
    extent: sourceAlone,
    run: (db, args) => {
      if (!db.has(args[1]!)) throw new KvError('no_such_key')
      if (db.has(args[2]!)) return 0
      rename(db, args[1]!, args[2]!)
      return 1
    },
  }),
]
