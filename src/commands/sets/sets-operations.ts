import type { Database } from '../../engine/plaintext/database.ts'
import type { SetValue } from '../../engine/plaintext/values.ts'
import { KvError } from '../../errors/errors.ts'
import { inSetOrder } from '../../redis-semantics/set-order.ts'
import { sourceKeys, tellsStored } from '../../registry/notifies.ts'
import { ALL_KEYS, countedKeys, type DataRow, data, reads, readsInParts } from '../../registry/row.ts'
import { SetReply } from '../../reply/reply.ts'
import { integerFrom, word } from '../parsing/args.ts'
import { distinct, firstAndDistinct } from '../parsing/distinct.ts'
import { openSetInParts } from '../parsing/members.ts'

type Members = SetValue['members']
type Combine = (sets: ReadonlyArray<Readonly<SetValue> | undefined>) => Members

const NOTHING: Members = new Map()

const union: Combine = (sets) => {
  const all = new Map<string, Buffer>()
  for (const set of sets) for (const [id, member] of set?.members ?? []) all.set(id, member)
  return all
}

const intersection: Combine = (sets) => {
  if (sets.includes(undefined)) return NOTHING
  const [smallest, ...others] = (sets as SetValue[]).toSorted((a, b) => a.members.size - b.members.size)
  return new Map([...smallest!.members].filter(([id]) => others.every(({ members }) => members.has(id))))
}

const difference: Combine = ([first, ...others]) =>
  first === undefined
    ? NOTHING
    : new Map([...first.members].filter(([id]) => !others.some((set) => set?.members.has(id))))

/** The types of all keys are checked before anything is combined. */
const combined = (db: Database, names: readonly Buffer[], combine: Combine): Members =>
  combine(operands(names, combine).map((name) => db.set(name)))

const operands = (names: readonly Buffer[], combine: Combine): readonly Buffer[] =>
  combine === difference ? firstAndDistinct(names) : distinct(names)

const answered = (command: string, combine: Combine): Pick<DataRow, 'run' | 'direct'> => ({
  run: (db, args) => new SetReply(inSetOrder([...combined(db, args.slice(1), combine).values()])),
  direct: readsInParts(
    ({ automation, args }) => [
      command,
      ...operands(args.slice(1), combine).map((name) => automation.key(name)),
    ],
    openSetInParts,
  ),
})

const stored = (combine: Combine): Pick<DataRow, 'run' | 'extent'> => ({
  extent: (_args, index) => (index === 1 ? 'meta' : 'all'),
  run: (db, args) => {
    const members = combined(db, args.slice(2), combine)
    if (members.size === 0) db.remove(args[1]!)
    else db.put(args[1]!, { type: 'set', members }, 0)
    return members.size
  },
})

/** `numkeys key [key ...] [LIMIT limit]` */
function countOptions(args: readonly Buffer[]): { names: Buffer[]; limit: number } {
  const numKeys = integerFrom(args[1]!, 1, 'numkeys_not_positive')
  if (numKeys > args.length - 2) throw new KvError('numkeys_too_large')
  let limit = 0
  for (let i = 2 + numKeys; i < args.length; i += 2) {
    if (word(args[i]) !== 'LIMIT' || i + 1 === args.length) throw new KvError('syntax')
    limit = integerFrom(args[i + 1]!, 0, 'limit_negative')
  }
  return { names: args.slice(2, 2 + numKeys), limit: limit === 0 ? Infinity : limit }
}

const group = 'set'

export const SET_OPERATIONS = [
  data({
    name: 'sdiff',
    arity: -2,
    flags: 'readonly',
    group,
    since: '1.0.0',
    keys: ALL_KEYS,
    syntax: 'key [key ...]',
    summary: 'Returns the members of the first set that no other has.',
    complexity: 'O(N) in the number of members of all sets',
    ...answered('SDIFF', difference),
  }),
  data({
    name: 'sdiffstore',
    arity: -3,
    flags: 'write denyoom',
    notifies: tellsStored('sdiffstore'),
    misses: sourceKeys,
    group,
    since: '1.0.0',
    keys: ALL_KEYS,
    syntax: 'destination key [key ...]',
    summary: 'Stores the members of the first set that no other has.',
    complexity: 'O(N) in the number of members of all sets',
    ...stored(difference),
  }),
  data({
    name: 'sinter',
    arity: -2,
    flags: 'readonly',
    group,
    since: '1.0.0',
    keys: ALL_KEYS,
    syntax: 'key [key ...]',
    summary: 'Returns the members that all sets have.',
    complexity: 'O(N*M) in the number of members of the smallest set and the number of sets',
    ...answered('SINTER', intersection),
  }),
  data({
    name: 'sintercard',
    arity: -3,
    flags: 'readonly movablekeys',
    group,
    since: '7.0.0',
    keys: countedKeys(1),
    syntax: 'numkeys key [key ...] [LIMIT limit]',
    summary: 'Returns how many members all sets have.',
    complexity: 'O(N*M) in the number of members of the smallest set and the number of sets',
    run: (db, args) => {
      const { names, limit } = countOptions(args)
      return Math.min(limit, combined(db, names, intersection).size)
    },
    // Redis has SINTERCARD since 7.0 only.
    direct: reads(
      ({ automation, args }) => [
        'SINTER',
        ...distinct(countOptions(args).names).map((name) => automation.key(name)),
      ],
      ({ args }, raw) => Math.min(countOptions(args).limit, (raw as Buffer[]).length),
    ),
  }),
  data({
    name: 'sinterstore',
    arity: -3,
    flags: 'write denyoom',
    notifies: tellsStored('sinterstore'),
    misses: sourceKeys,
    group,
    since: '1.0.0',
    keys: ALL_KEYS,
    syntax: 'destination key [key ...]',
    summary: 'Stores the members that all sets have.',
    complexity: 'O(N*M) in the number of members of the smallest set and the number of sets',
    ...stored(intersection),
  }),
  data({
    name: 'sunion',
    arity: -2,
    flags: 'readonly',
    group,
    since: '1.0.0',
    keys: ALL_KEYS,
    syntax: 'key [key ...]',
    summary: 'Returns the members that any of the sets has.',
    complexity: 'O(N) in the number of members of all sets',
    ...answered('SUNION', union),
  }),
  data({
    name: 'sunionstore',
    arity: -3,
    flags: 'write denyoom',
    notifies: tellsStored('sunionstore'),
    misses: sourceKeys,
    group,
    since: '1.0.0',
    keys: ALL_KEYS,
    syntax: 'destination key [key ...]',
    summary: 'Stores the members that any of the sets has.',
    complexity: 'O(N) in the number of members of all sets',
    ...stored(union),
  }),
]
