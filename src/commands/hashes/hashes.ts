import type { BackingArg, BackingReply } from '../../backing/backing.ts'
import { Cell } from '../../engine/plaintext/cell.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { type Extent, fieldsExtent } from '../../engine/plaintext/extent.ts'
import { creates, leaves, nativeWrite } from '../../engine/writes/native-write.ts'
import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { finish, forEachInParts, mapInParts, type Parts } from '../../lib/parts.ts'
import type { Call } from '../../registry/context.ts'
import { number, oneWrite } from '../../registry/direct.ts'
import { tells } from '../../registry/notifies.ts'
import {
  asksInParts,
  type DataRow,
  type Direct,
  data,
  FIRST_KEY,
  reads,
  readsInParts,
} from '../../registry/row.ts'
import { MapReply, OK, type Reply } from '../../reply/reply.ts'
import { distinct, forEachNameInParts } from '../parsing/distinct.ts'
import { deleteField, openPairsInParts, openValue, sealFields, sealPairs, setField } from './hash-fields.ts'
import { HASH_NUMBERS } from './hashes-numbers.ts'
import { HASH_SAMPLES } from './hashes-samples.ts'

const valueAt = (db: Database, args: readonly Buffer[], field: Buffer): Buffer | null =>
  db.hash(args[1]!)?.fields.get(idOf(field))?.cell.bytes ?? null

/** What the commands need that name their fields. */
const oneField = (args: readonly Buffer[]): Extent => [args[2]!]
const namedFields = (args: readonly Buffer[]): Extent => fieldsExtent(args.slice(2))
const pairedFields = (args: readonly Buffer[]): Extent =>
  fieldsExtent(args.slice(2).filter((_, i) => i % 2 === 0))

const read = (command: string, reply: (call: Call, raw: BackingReply) => Reply): Direct =>
  reads((call) => [command, call.automation.key(call.args[1]!), ...sealFields(call)], reply)

const readInParts = (command: string, inParts: (call: Call, raw: BackingReply) => Parts<Reply>): Direct =>
  readsInParts(({ automation, args }) => [command, automation.key(args[1]!)], inParts)

function checkPairs(args: readonly Buffer[], command: string): void {
  if (args.length % 2 !== 0) throw new KvError('wrong_arity', { command })
}

const set = (command: 'hset' | 'hmset'): Pick<DataRow, 'run' | 'direct' | 'extent'> => ({
  extent: pairedFields,
  run: (db, args) => {
    checkPairs(args, command)
    const hash = db.editHash(args[1]!)
    let added = 0
    for (let i = 2; i < args.length; i += 2) if (setField(hash, args[i]!, Cell.bytes(args[i + 1]!))) added++
    return command === 'hset' ? added : OK
  },
  direct: oneWrite(
    (call) => {
      checkPairs(call.args, command)
      return nativeWrite('HSET', call.args[1]!, creates.withItsTtl, 'any-reply', sealPairs(call))
    },
    (_call, raw) => (command === 'hset' ? (raw as number) : OK),
  ),
})

function* askFieldsInParts({ automation, args }: Call): Parts<BackingArg[]> {
  const fields = distinct(args.slice(2))
  const asked: BackingArg[] = ['HMGET', automation.key(args[1]!)]
  yield* forEachInParts(fields.length, (i) => asked.push(automation.sealer.sealField(fields[i]!)))
  return asked
}

const openFieldsInParts = (call: Call, raw: BackingReply): Parts<Reply> =>
  forEachNameInParts(call.args.slice(2), raw as BackingReply[], (field, sealed) =>
    openValue(call, field, sealed),
  )

const allPairs = (db: Database, args: readonly Buffer[]): [name: Buffer, value: Cell][] =>
  Array.from(db.hash(args[1]!)?.fields.values() ?? [], ({ name, cell }) => [name, cell])

const group = 'hash'

export const HASHES = [
  data({
    name: 'hdel',
    arity: -3,
    flags: 'write fast',
    notifies: tells('hdel'),
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key field [field ...]',
    summary: 'Deletes fields of a hash.',
    complexity: 'O(N) in the number of fields to be removed',
    extent: namedFields,
    run: (db, args) => {
      const fields = db.hash(args[1]!)?.fields
      if (!args.slice(2).some((field) => fields?.has(idOf(field)))) return 0
      const hash = db.editHash(args[1]!)
      const deleted = args.slice(2).filter((field) => deleteField(hash, field)).length
      db.removeIfEmpty(args[1]!)
      return deleted
    },
    direct: oneWrite(
      (call) => nativeWrite('HDEL', call.args[1]!, leaves.toBeLookedAt, 'positive', sealFields(call)),
      number,
    ),
  }),
  data({
    name: 'hexists',
    arity: 3,
    flags: 'readonly fast',
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key field',
    summary: 'Tells whether a hash has a field.',
    extent: oneField,
    run: (db, args) => (db.hash(args[1]!)?.fields.has(idOf(args[2]!)) ? 1 : 0),
    direct: read('HEXISTS', number),
  }),
  data({
    name: 'hget',
    arity: 3,
    flags: 'readonly fast',
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key field',
    summary: 'Returns the value of a field.',
    extent: oneField,
    run: (db, args) => valueAt(db, args, args[2]!),
    direct: read('HGET', (call, raw) => openValue(call, call.args[2]!, raw)),
  }),
  data({
    name: 'hgetall',
    arity: 2,
    flags: 'readonly',
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns all fields of a hash with their values.',
    complexity: 'O(N) in the number of fields',
    run: (db, args) => new MapReply(allPairs(db, args).flatMap(([name, { bytes }]) => [name, bytes])),
    direct: readInParts('HGETALL', function* (call, raw) {
      return new MapReply(yield* openPairsInParts(call, raw))
    }),
  }),
  data({
    name: 'hkeys',
    arity: 2,
    flags: 'readonly',
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the names of all fields of a hash.',
    complexity: 'O(N) in the number of fields',
    run: (db, args) => allPairs(db, args).map(([name]) => name),
    direct: readInParts('HKEYS', ({ automation }, raw) =>
      mapInParts(raw as Buffer[], (field) => automation.sealer.openField(field)),
    ),
  }),
  data({
    name: 'hlen',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the number of fields of a hash.',
    extent: () => [],
    run: (db, args) => {
      const hash = db.hash(args[1]!)
      return hash === undefined ? 0 : (hash.partial ?? hash.fields.size)
    },
    direct: read('HLEN', number),
  }),
  data({
    name: 'hmget',
    arity: -3,
    flags: 'readonly fast',
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key field [field ...]',
    summary: 'Returns the values of several fields.',
    complexity: 'O(N) in the number of fields asked for',
    extent: namedFields,
    run: (db, args) => args.slice(2).map((field) => valueAt(db, args, field)),
    direct: {
      ...asksInParts(askFieldsInParts, (call, raw) => finish(openFieldsInParts(call, raw))),
      inParts: openFieldsInParts,
    },
  }),
  data({
    name: 'hmset',
    arity: -4,
    flags: 'write denyoom fast',
    notifies: tells('hset'),
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key field value [field value ...]',
    summary: 'Sets fields of a hash (an old name of HSET, with another answer).',
    complexity: 'O(N) in the number of fields being set',
    ...set('hmset'),
  }),
  data({
    name: 'hset',
    arity: -4,
    flags: 'write denyoom fast',
    notifies: tells('hset'),
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key field value [field value ...]',
    summary: 'Sets fields of a hash; makes the hash when there is none.',
    complexity: 'O(N) in the number of fields being set',
    ...set('hset'),
  }),
  data({
    name: 'hsetnx',
    arity: 4,
    flags: 'write denyoom fast',
    notifies: tells('hset'),
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key field value',
    summary: 'Sets a field of a hash, if it does not exist.',
    extent: oneField,
    run: (db, args) => {
      if (db.hash(args[1]!)?.fields.has(idOf(args[2]!))) return 0
      setField(db.editHash(args[1]!), args[2]!, Cell.bytes(args[3]!))
      return 1
    },
    direct: oneWrite(
      (call) => nativeWrite('HSETNX', call.args[1]!, creates.withItsTtl, 'positive', sealPairs(call)),
      number,
    ),
  }),
  data({
    name: 'hstrlen',
    arity: 3,
    flags: 'readonly fast',
    group,
    since: '3.2.0',
    keys: FIRST_KEY,
    syntax: 'key field',
    summary: "Returns the length of a field's value in bytes.",
    extent: oneField,
    run: (db, args) => valueAt(db, args, args[2]!)?.length ?? 0,
    direct: read('HGET', (call, raw) => openValue(call, call.args[2]!, raw)?.length ?? 0),
  }),
  data({
    name: 'hvals',
    arity: 2,
    flags: 'readonly',
    group,
    since: '2.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the values of all fields of a hash.',
    complexity: 'O(N) in the number of fields',
    run: (db, args) => allPairs(db, args).map(([, { bytes }]) => bytes),
    direct: readInParts('HGETALL', function* (call, raw) {
      return (yield* openPairsInParts(call, raw)).filter((_, i) => i % 2 === 1)
    }),
  }),
  ...HASH_NUMBERS,
  ...HASH_SAMPLES,
]
