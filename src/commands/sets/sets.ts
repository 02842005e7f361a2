import type { BackingReply } from '../../backing/backing.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { creates, leaves, nativeWrite } from '../../engine/writes/native-write.ts'
import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import type { Parts } from '../../lib/parts.ts'
import { inSetOrder } from '../../redis-semantics/set-order.ts'
import type { Call } from '../../registry/context.ts'
import { number, oneWrite, oneWriteInParts } from '../../registry/direct.ts'
import { tells, tellsMemberMove } from '../../registry/notifies.ts'
import { data, FIRST_KEY, reads, readsInParts, TWO_KEYS } from '../../registry/row.ts'
import { type Reply, SetReply } from '../../reply/reply.ts'
import { integerFrom } from '../parsing/args.ts'
import {
  asksOfMembers,
  openMember,
  openMembersInParts,
  openSetInParts,
  scanAll,
  scanOf,
  sealMembers,
} from '../parsing/members.ts'
import { randomCount, randomItem, randomItems } from '../parsing/random.ts'
import { parseScanOptions } from '../parsing/scan-options.ts'
import { SET_OPERATIONS } from './sets-operations.ts'

const membersOf = (db: Database, name: Buffer): Buffer[] => [...(db.set(name)?.members.values() ?? [])]

const contains = (db: Database, name: Buffer, member: Buffer): 0 | 1 =>
  db.set(name)?.members.has(idOf(member)) ? 1 : 0

function sadd(db: Database, args: readonly Buffer[]): Reply {
  const present = db.set(args[1]!)?.members
  const added = new Map(args.slice(2).map((member) => [idOf(member), member]))
  for (const id of added.keys()) if (present?.has(id)) added.delete(id)
  if (added.size === 0) return 0
  const { members } = db.editSet(args[1]!)
  for (const [id, member] of added) members.set(id, member)
  return added.size
}

/** Takes members that are there. A set that is empty then is gone. */
function remove(db: Database, name: Buffer, removed: readonly Buffer[]): void {
  if (removed.length === 0) return
  const { members } = db.editSet(name)
  for (const member of removed) members.delete(idOf(member))
  db.removeIfEmpty(name)
}

function srem(db: Database, args: readonly Buffer[]): Reply {
  const present = db.set(args[1]!)?.members
  const ids = new Set(args.slice(2).map(idOf))
  const removed = [...ids].flatMap((id) => present?.get(id) ?? [])
  remove(db, args[1]!, removed)
  return removed.length
}

function smove(db: Database, args: readonly Buffer[]): Reply {
  const [, source, target, member] = args as [Buffer, Buffer, Buffer, Buffer]
  const from = db.set(source)
  if (from === undefined) return 0
  const to = db.set(target)
  if (!from.members.has(idOf(member))) return 0
  if (source.equals(target)) return 1
  remove(db, source, [member])
  if (!to?.members.has(idOf(member))) db.editSet(target).members.set(idOf(member), member)
  return 1
}

/** Undefined: one member alone, not a list of one. */
function popCount(args: readonly Buffer[]): number | undefined {
  if (args.length > 3) throw new KvError('syntax')
  return args[2] === undefined ? undefined : integerFrom(args[2], 0, 'not_positive')
}

function spop(db: Database, args: readonly Buffer[]): Reply {
  const count = popCount(args)
  const popped = randomItems(membersOf(db, args[1]!), count ?? 1)
  remove(db, args[1]!, popped)
  return count === undefined ? (popped[0] ?? null) : new SetReply(popped)
}

function sampleCount(args: readonly Buffer[]): number | undefined {
  if (args.length > 3) throw new KvError('syntax')
  return args[2] === undefined ? undefined : randomCount(args[2])
}

function srandmember(db: Database, args: readonly Buffer[]): Reply {
  const count = sampleCount(args)
  const members = membersOf(db, args[1]!)
  return count === undefined ? (randomItem(members) ?? null) : randomItems(members, count)
}

/** Within a transaction the whole set is at hand: it is answered at once. */
function sscan(db: Database, args: readonly Buffer[]): Reply {
  const options = scanAll(args, () => db.set(args[1]!))
  return ['0', options === undefined ? [] : inSetOrder(membersOf(db, args[1]!)).filter(options.matches)]
}

function* openScanInParts(call: Call, raw: BackingReply): Parts<Reply> {
  const [cursor, sealed] = raw as [Buffer, Buffer[]]
  const members = yield* openMembersInParts(call, sealed)
  return [cursor, inSetOrder(members).filter(parseScanOptions(call.args, 3).matches)]
}

/** What SPOP and SRANDMEMBER answer: one member alone without a count. */
function* openSampleInParts(call: Call, raw: BackingReply): Parts<Reply> {
  return call.args.length === 2 ? openMember(call, raw) : yield* openMembersInParts(call, raw)
}

function* openPoppedInParts(call: Call, raw: BackingReply): Parts<Reply> {
  return call.args.length === 2 ? openMember(call, raw) : yield* openSetInParts(call, raw)
}

const group = 'set'

export const SETS = [
  data({
    name: 'sadd',
    arity: -3,
    flags: 'write denyoom fast',
    notifies: tells('sadd'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key member [member ...]',
    summary: 'Adds members to a set; makes the set when there is none.',
    complexity: 'O(N) in the number of members to be added',
    run: sadd,
    direct: oneWrite(
      (call) => nativeWrite('SADD', call.args[1]!, creates.withItsTtl, 'positive', sealMembers(call)),
      number,
    ),
  }),
  data({
    name: 'scard',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the number of members of a set.',
    run: (db, args) => db.set(args[1]!)?.members.size ?? 0,
    direct: reads(({ automation, args }) => ['SCARD', automation.key(args[1]!)], number),
  }),
  data({
    name: 'sismember',
    arity: 3,
    flags: 'readonly fast',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key member',
    summary: 'Tells whether a set has a member.',
    run: (db, args) => contains(db, args[1]!, args[2]!),
    direct: asksOfMembers('SISMEMBER', number),
  }),
  data({
    name: 'smembers',
    arity: 2,
    flags: 'readonly',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns all members of a set.',
    complexity: 'O(N) in the number of members',
    run: (db, args) => new SetReply(inSetOrder(membersOf(db, args[1]!))),
    direct: readsInParts(({ automation, args }) => ['SMEMBERS', automation.key(args[1]!)], openSetInParts),
  }),
  data({
    name: 'smismember',
    arity: -3,
    flags: 'readonly fast',
    group,
    since: '6.2.0',
    keys: FIRST_KEY,
    syntax: 'key member [member ...]',
    summary: 'Tells which of several members a set has.',
    complexity: 'O(N) in the number of members asked for',
    run: (db, args) => args.slice(2).map((member) => contains(db, args[1]!, member)),
    direct: asksOfMembers('SMISMEMBER', (_call, raw) => raw as number[]),
  }),
  data({
    name: 'smove',
    arity: 4,
    flags: 'write fast',
    notifies: tellsMemberMove,
    group,
    since: '1.0.0',
    keys: TWO_KEYS,
    moves: true,
    syntax: 'source destination member',
    summary: 'Moves a member from one set to another.',
    run: smove,
  }),
  data({
    name: 'spop',
    arity: -2,
    flags: 'write fast',
    notifies: tells('spop'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key [count]',
    summary: 'Removes members of a set at random, and returns them.',
    complexity: 'O(N) in the number of members returned',
    run: spop,
    direct: oneWriteInParts(({ args }) => {
      const count = popCount(args)
      if (count === undefined) return nativeWrite('SPOP', args[1]!, leaves.toBeLookedAt, 'not-null')
      return count === 0
        ? undefined
        : nativeWrite('SPOP', args[1]!, leaves.toBeLookedAt, 'any-reply-on-a-key', [args[2]!])
    }, openPoppedInParts),
  }),
  data({
    name: 'srandmember',
    arity: -2,
    flags: 'readonly',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key [count]',
    summary: 'Returns members of a set at random.',
    complexity: 'O(N) in the number of members returned',
    run: srandmember,
    direct: readsInParts(({ automation, args }) => {
      sampleCount(args)
      return ['SRANDMEMBER', automation.key(args[1]!), ...args.slice(2)]
    }, openSampleInParts),
  }),
  data({
    name: 'srem',
    arity: -3,
    flags: 'write fast',
    notifies: tells('srem'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key member [member ...]',
    summary: 'Removes members of a set.',
    complexity: 'O(N) in the number of members to be removed',
    run: srem,
    direct: oneWrite(
      (call) => nativeWrite('SREM', call.args[1]!, leaves.toBeLookedAt, 'positive', sealMembers(call)),
      number,
    ),
  }),
  data({
    name: 'sscan',
    arity: -3,
    flags: 'readonly',
    group,
    since: '2.8.0',
    keys: FIRST_KEY,
    syntax: 'key cursor [MATCH pattern] [COUNT count]',
    summary: 'Goes through the members of a set, some at each call.',
    complexity: 'O(1) a call, O(N) for all members',
    run: sscan,
    direct: readsInParts(scanOf('SSCAN', 1), openScanInParts),
  }),
  ...SET_OPERATIONS,
]
