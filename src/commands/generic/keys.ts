import type { Database } from '../../engine/plaintext/database.ts'
import { leaves, nativeWrite } from '../../engine/writes/native-write.ts'
import { number, oneWrite } from '../../registry/direct.ts'
import { tellsDeleted, tellsExpiry } from '../../registry/notifies.ts'
import {
  ALL_KEYS,
  type DataRow,
  type Direct,
  data,
  FIRST_KEY,
  META,
  reads,
  writes,
} from '../../registry/row.ts'
import { type Reply, SimpleString } from '../../reply/reply.ts'
import { distinct } from '../parsing/distinct.ts'
import { KEY_DUMPS } from './keys-dump.ts'
import { EXPIRES } from './keys-expire.ts'
import { KEY_MOVES } from './keys-move.ts'
import { OBJECT } from './keys-object.ts'

const namesOf = (args: readonly Buffer[]): readonly Buffer[] => args.slice(1)

const countExisting = (db: Database, args: readonly Buffer[]): Reply =>
  namesOf(args).filter((name) => db.has(name)).length

const countNatively = (command: 'EXISTS' | 'TOUCH'): Direct =>
  reads(({ automation, args }) => {
    const names = namesOf(args)
    // A name that is given twice counts twice, which the sum does not tell apart: then they are looked at
    // here.
    return distinct(names) === names ? [command, ...names.map((name) => automation.key(name))] : undefined
  }, number)

/** Sent as UNLINK: the memory of a large key is not freed while all others wait. */
const REMOVE: Pick<DataRow, 'run' | 'direct' | 'extent'> = {
  extent: META,
  run: (db, args) => namesOf(args).filter((name) => db.remove(name)).length,
  direct: writes(
    ({ args }) => distinct(namesOf(args)).map((name) => nativeWrite('UNLINK', name, leaves.gone, 'positive')),
    (_call, raws) => (raws as number[]).reduce((sum, deleted) => sum + deleted, 0),
  ),
}

const group = 'generic'

export const KEYS = [
  data({
    name: 'del',
    arity: -2,
    flags: 'write',
    notifies: tellsDeleted,
    group,
    since: '1.0.0',
    keys: ALL_KEYS,
    syntax: 'key [key ...]',
    summary: 'Deletes keys.',
    complexity: 'O(N) in the number of keys and of the elements in them',
    ...REMOVE,
  }),
  data({
    name: 'exists',
    arity: -2,
    flags: 'readonly fast',
    group,
    since: '1.0.0',
    keys: ALL_KEYS,
    syntax: 'key [key ...]',
    summary: 'Counts which of the keys exist.',
    complexity: 'O(N) in the number of keys',
    extent: META,
    run: countExisting,
    direct: countNatively('EXISTS'),
  }),
  data({
    name: 'persist',
    arity: 2,
    flags: 'write fast',
    notifies: tellsExpiry('persist'),
    group,
    since: '2.2.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Clears the TTL of a key.',
    extent: META,
    run: (db, args) => {
      if (db.expireAt(args[1]!) === 0) return 0
      db.setExpireAt(args[1]!, 0)
      return 1
    },
    direct: oneWrite(({ args }) => nativeWrite('PERSIST', args[1]!, leaves.withoutTtl, 'positive'), number),
  }),
  data({
    name: 'touch',
    arity: -2,
    flags: 'readonly fast',
    group,
    since: '3.2.1',
    keys: ALL_KEYS,
    syntax: 'key [key ...]',
    summary: 'Counts which of the keys exist, and marks them as used.',
    complexity: 'O(N) in the number of keys',
    extent: META,
    run: countExisting,
    direct: countNatively('TOUCH'),
  }),
  data({
    name: 'type',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the type of a key.',
    extent: META,
    run: (db, args) => new SimpleString(db.type(args[1]!)),
    direct: reads(
      ({ automation, args }) => ['TYPE', automation.key(args[1]!)],
      (_call, raw) => new SimpleString((raw as Buffer).toString('latin1')),
    ),
  }),
  data({
    name: 'unlink',
    arity: -2,
    flags: 'write fast',
    notifies: tellsDeleted,
    group,
    since: '4.0.0',
    keys: ALL_KEYS,
    syntax: 'key [key ...]',
    summary: 'Deletes keys; their memory is freed later.',
    complexity: 'O(N) in the number of keys',
    ...REMOVE,
  }),
  ...EXPIRES,
  ...KEY_MOVES,
  ...KEY_DUMPS,
  OBJECT,
]
