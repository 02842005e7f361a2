import { Cell } from '../../engine/plaintext/cell.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { creates, nativeWrite } from '../../engine/writes/native-write.ts'
import { KvError } from '../../errors/errors.ts'
import {
  addElement,
  cachedCount,
  estimate,
  isDense,
  looksLikeSketch,
  mergeInto,
  noRegisters,
  type Registers,
  readRegisters,
  writeSketch,
} from '../../redis-semantics/hyperloglog.ts'
import { number, oneWrite } from '../../registry/direct.ts'
import { allKeys, tells } from '../../registry/notifies.ts'
import { ALL_KEYS, data, FIRST_KEY, reads } from '../../registry/row.ts'
import { OK, type Reply } from '../../reply/reply.ts'
import { distinct } from '../parsing/distinct.ts'

// The backing Redis counts keyed hashes of the elements, in sketches that it can read. A sketch that a client
// got and set again lies there sealed: Redis refuses it, the command is computed, and leaves it as Redis can
// read it.

/** The bytes of a sketch, undefined when the key is missing. */
function sketchBytes(db: Database, name: Buffer): Buffer | undefined {
  const bytes = db.bytes(name)
  if (bytes !== undefined && !looksLikeSketch(bytes)) throw new KvError('not_hyperloglog')
  return bytes
}

function registersOf(bytes: Buffer): Registers {
  const registers = readRegisters(bytes)
  if (registers === undefined) throw new KvError('corrupt_hyperloglog')
  return registers
}

const put = (db: Database, name: Buffer, registers: Registers, dense: boolean): void =>
  db.put(name, { type: 'string', cell: Cell.raw(writeSketch(registers, dense)) }, db.expireAt(name))

function pfadd(db: Database, args: readonly Buffer[]): Reply {
  const [, name, ...elements] = args as [Buffer, Buffer, ...Buffer[]]
  const bytes = sketchBytes(db, name)
  if (bytes !== undefined && elements.length === 0) return 0
  const registers = bytes === undefined ? noRegisters() : registersOf(bytes)
  let changed = bytes === undefined
  for (const element of elements) if (addElement(registers, db.hashElement(element))) changed = true
  if (!changed) return 0
  put(db, name, registers, bytes !== undefined && isDense(bytes))
  return 1
}

/** All sketches in one. */
function merged(db: Database, names: readonly Buffer[]): { registers: Registers; dense: boolean } {
  const registers = noRegisters()
  let dense = false
  for (const name of distinct(names)) {
    const bytes = sketchBytes(db, name)
    if (bytes === undefined) continue
    mergeInto(registers, registersOf(bytes))
    dense ||= isDense(bytes)
  }
  return { registers, dense }
}

function pfcount(db: Database, args: readonly Buffer[]): Reply {
  if (args.length > 2) return estimate(merged(db, args.slice(1)).registers)
  const bytes = sketchBytes(db, args[1]!)
  return bytes === undefined ? 0 : (cachedCount(bytes) ?? estimate(registersOf(bytes)))
}

function pfmerge(db: Database, args: readonly Buffer[]): Reply {
  const { registers, dense } = merged(db, args.slice(1))
  put(db, args[1]!, registers, dense)
  return OK
}

const group = 'hyperloglog'

export const HYPERLOGLOGS = [
  data({
    name: 'pfadd',
    arity: -2,
    flags: 'write denyoom fast',
    notifies: tells('pfadd'),
    group,
    since: '2.8.9',
    keys: FIRST_KEY,
    syntax: 'key [element [element ...]]',
    summary: 'Adds elements to a HyperLogLog sketch; makes the sketch when there is none.',
    complexity: 'O(N) in the number of elements',
    run: pfadd,
    direct: oneWrite(
      ({ automation, args }) =>
        nativeWrite(
          'PFADD',
          args[1]!,
          creates.withItsTtl,
          'positive',
          args.slice(2).map((element) => automation.sealer.hashElement(element)),
        ),
      number,
    ),
  }),
  data({
    name: 'pfcount',
    arity: -2,
    flags: 'readonly may_replicate',
    group,
    since: '2.8.9',
    keys: ALL_KEYS,
    syntax: 'key [key ...]',
    summary: 'Returns about how many different elements were added to the sketches.',
    complexity: 'O(1) for one key, O(N) in the number of keys for several, with a large constant',
    run: pfcount,
    direct: reads(
      ({ automation, args }) => ['PFCOUNT', ...distinct(args.slice(1)).map((name) => automation.key(name))],
      number,
    ),
  }),
  data({
    name: 'pfmerge',
    arity: -2,
    flags: 'write denyoom',
    notifies: tells('pfadd'),
    misses: allKeys,
    group,
    since: '2.8.9',
    keys: ALL_KEYS,
    syntax: 'destkey [sourcekey [sourcekey ...]]',
    summary: 'Merges sketches into one, with what it holds already.',
    complexity: 'O(N) in the number of keys, with a large constant',
    run: pfmerge,
  }),
]
