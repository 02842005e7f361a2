import type { Database } from '../../engine/plaintext/database.ts'
import type { Value } from '../../engine/plaintext/values.ts'
import { KvError } from '../../errors/errors.ts'
import {
  hashEncoding,
  LIST_ENCODING,
  STREAM_ENCODING,
  setEncoding,
  sortedSetEncoding,
  stringEncoding,
} from '../../redis-semantics/encoding.ts'
import { parseSafe } from '../../redis-semantics/integers.ts'
import { number } from '../../registry/direct.ts'
import { noKeys } from '../../registry/notifies.ts'
import { container, data, type KeySpec, META, reads } from '../../registry/row.ts'
import { type Reply, SimpleString } from '../../reply/reply.ts'

const KEY: KeySpec = { first: 2, last: 2, step: 1 }

/** What Redis would say of the plaintext: the backing Redis sees ciphertext, which is longer. */
function encodingOf(value: Value): string {
  switch (value.type) {
    case 'string':
      return stringEncoding(value.cell.bytes)
    case 'list':
      return LIST_ENCODING
    case 'hash':
      return hashEncoding(Array.from(value.fields.values(), ({ name, cell }) => [name, cell.bytes]).flat())
    case 'set':
      return setEncoding(value.members.values())
    case 'zset':
      return sortedSetEncoding(Array.from(value.members.values(), ({ member }) => member))
    default:
      return STREAM_ENCODING
  }
}

/** Redis shares the integers below 10,000 among all keys, and counts no references to them. */
const SHARED_INTEGERS = 10_000
const SHARED_REFERENCES = 2_147_483_647

function referencesTo(value: Value): number {
  const integer = value.type === 'string' ? parseSafe(value.cell.bytes) : undefined
  return integer !== undefined && integer >= 0 && integer < SHARED_INTEGERS ? SHARED_REFERENCES : 1
}

const ofKey =
  (reply: (value: Value, db: Database, name: Buffer) => Reply) =>
  (db: Database, args: readonly Buffer[]): Reply => {
    const value = db.value(args[2]!)
    return value === undefined ? null : reply(value, db, args[2]!)
  }

const HELP = [
  'OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'ENCODING <key>',
  '    Return the kind of internal representation used in order to store the value',
  '    associated with a <key>.',
  'FREQ <key>',
  '    Return the access frequency index of the <key>. The returned integer is',
  '    proportional to the logarithm of the recent access frequency of the key.',
  'IDLETIME <key>',
  '    Return the idle time of the <key>, that is the approximated number of',
  '    seconds elapsed since the last access to the key.',
  'REFCOUNT <key>',
  '    Return the number of references of the value associated with the specified',
  '    <key>.',
  'HELP',
  '    Prints this help.',
].map((line) => new SimpleString(line))

const group = 'generic'

const summary = 'Tells how a key is kept.'

export const OBJECT = container(
  { name: 'object', arity: -2, flags: '', group, since: '2.2.3', syntax: '', summary },
  [
    data({
      name: 'object|encoding',
      arity: 3,
      flags: 'readonly',
      misses: noKeys,
      group,
      since: '2.2.3',
      keys: KEY,
      syntax: 'key',
      summary: 'Returns how Redis would represent the value.',
      complexity: 'O(N) in the size of the value',
      run: ofKey(encodingOf),
    }),
    data({
      name: 'object|freq',
      arity: 3,
      flags: 'readonly',
      misses: noKeys,
      group,
      since: '4.0.0',
      keys: KEY,
      syntax: 'key',
      summary: 'Answers an error for a key that exists: nothing is evicted, and uses are not counted.',
      extent: META,
      run: (db, args) => {
        if (!db.has(args[2]!)) return null
        throw new KvError('no_lfu')
      },
    }),
    data({
      name: 'object|help',
      arity: 2,
      flags: 'loading stale',
      group,
      since: '6.2.0',
      syntax: '',
      summary: 'Returns help about OBJECT.',
      run: () => HELP,
    }),
    data({
      name: 'object|idletime',
      arity: 3,
      flags: 'readonly',
      misses: noKeys,
      group,
      since: '2.2.3',
      keys: KEY,
      syntax: 'key',
      summary: 'Returns how long a key was not used, in seconds.',
      // Within a transaction the last write stands for the last use.
      run: ofKey((_value, db, name) =>
        Math.max(0, Math.floor((db.now - (db.stored(name).updatedAt || db.now)) / 1000)),
      ),
      // Only the backing Redis knows it.
      extent: META,
      direct: reads(({ automation, args }) => ['OBJECT', 'IDLETIME', automation.key(args[2]!)], number),
    }),
    data({
      name: 'object|refcount',
      arity: 3,
      flags: 'readonly',
      misses: noKeys,
      group,
      since: '2.2.3',
      keys: KEY,
      syntax: 'key',
      summary: 'Returns the number of references to a value.',
      run: ofKey(referencesTo),
    }),
  ],
)
