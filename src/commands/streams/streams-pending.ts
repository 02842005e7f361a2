import type { Database } from '../../engine/plaintext/database.ts'
import { idOf } from '../../engine/plaintext/id.ts'
import { acknowledge, assign, moveGroup } from '../../engine/plaintext/stream-edit.ts'
import {
  type Consumer,
  entryAt,
  type StreamEntry,
  type StreamGroup,
  type StreamValue,
  sortedConsumers,
  sortedPending,
} from '../../engine/plaintext/stream-value.ts'
import { leaves, nativeWrite } from '../../engine/writes/native-write.ts'
import { KvError } from '../../errors/errors.ts'
import {
  idText,
  parseEnd,
  parseId,
  parseStart,
  type StreamId,
  tryParseId,
} from '../../redis-semantics/stream-id.ts'
import { oneWrite } from '../../registry/direct.ts'
import { data, FIRST_KEY, reads } from '../../registry/row.ts'
import { NULL_ARRAY, type Reply } from '../../reply/reply.ts'
import { integer, integerFrom, word } from '../parsing/args.ts'
import { int64Or } from './streams-args.ts'
import { editGroup, groupIn, noKeyOrGroup } from './streams-groups.ts'
import { entryReply, openEntries, plainReply } from './streams-replies.ts'

type Args = readonly Buffer[]

function existing(
  db: Database,
  name: Buffer,
  groupName: Buffer,
): { stream: StreamValue; group: StreamGroup } {
  const stream = db.stream(name)
  const group = groupIn(stream, groupName)
  if (group === undefined) throw noKeyOrGroup(name, groupName)
  return { stream: stream!, group }
}

const nameOf = (group: StreamGroup, consumer: string): Buffer =>
  (group.consumers.get(consumer) as Consumer).name

// XPENDING key group [[IDLE min-idle-time] start end count [consumer]]

function pending(db: Database, args: Args): Reply {
  if (args.length !== 3 && (args.length < 6 || args.length > 9)) throw new KvError('syntax')
  return args.length === 3 ? pendingSummary(existing(db, args[1]!, args[2]!).group) : pendingEntries(db, args)
}

function pendingSummary(group: StreamGroup): Reply {
  const all = sortedPending(group)
  if (all.length === 0) return [0, null, null, NULL_ARRAY]
  const counts = new Map<string, number>()
  for (const [, { consumer }] of all) counts.set(consumer, (counts.get(consumer) ?? 0) + 1)
  const consumers = sortedConsumers(group).flatMap(({ name }): Reply[] => {
    const count = counts.get(idOf(name))
    return count === undefined ? [] : [[name, String(count)]]
  })
  return [all.length, idText(all[0]![0]), idText(all.at(-1)![0]), consumers]
}

function pendingEntries(db: Database, args: Args): Reply {
  let at = 3
  let minIdle = 0
  if (word(args[3]) === 'IDLE') {
    minIdle = integer(args[4]!)
    if (args.length < 8) throw new KvError('syntax')
    at = 5
  }
  const count = Math.max(0, integer(args[at + 2]!))
  const start = parseStart(args[at]!)
  const end = parseEnd(args[at + 1]!)
  const consumer = args[at + 3]
  const { group } = existing(db, args[1]!, args[2]!)
  return sortedPending(group, consumer === undefined ? undefined : idOf(consumer))
    .filter(([id, { time }]) => id >= start && id <= end && (minIdle === 0 || db.now - time >= minIdle))
    .slice(0, count)
    .map(([id, { consumer: owner, time, count: deliveries }]) => [
      idText(id),
      nameOf(group, owner),
      Math.max(0, db.now - time),
      deliveries,
    ])
}

const claimReply = (entry: StreamEntry, justId: boolean): Reply =>
  justId ? idText(entry.id) : entryReply(entry)

// XCLAIM key group consumer min-idle-time id... [options]

interface ClaimOptions {
  readonly minIdle: number
  readonly ids: readonly StreamId[]
  /** Of the delivery that the claim counts as, milliseconds since the epoch. */
  readonly time: number
  readonly retryCount: bigint | undefined
  readonly force: boolean
  readonly justId: boolean
  readonly lastId: StreamId
}

function claimOptions(args: Args, now: number): ClaimOptions {
  int64Or(args[4]!, 'xclaim_min_idle')
  const ids: StreamId[] = []
  let i = 5
  for (; i < args.length; i++) {
    const id = tryParseId(args[i]!)
    if (id === undefined) break
    ids.push(id)
  }
  let time = now
  let retryCount = -1n
  let force = false
  let justId = false
  let lastId = 0n
  for (; i < args.length; i++) {
    const option = word(args[i])
    const value = args[i + 1]
    if (option === 'FORCE') {
      force = true
    } else if (option === 'JUSTID') {
      justId = true
    } else if ((option === 'IDLE' || option === 'TIME' || option === 'RETRYCOUNT') && value !== undefined) {
      const given = int64Or(value, 'xclaim_value', { option })
      if (option === 'RETRYCOUNT') retryCount = given
      else time = option === 'IDLE' ? now - integer(value) : integer(value)
      i++
    } else if (option === 'LASTID' && value !== undefined) {
      lastId = parseId(value)
      i++
    } else {
      throw new KvError('xclaim_option', { option: args[i]! })
    }
  }
  return {
    minIdle: Math.max(0, integer(args[4]!)),
    ids,
    // A bogus moment counts as now: the client's clock may be ahead.
    time: time < 0 || time > now ? now : time,
    retryCount: retryCount < 0n ? undefined : retryCount,
    force,
    justId,
    lastId,
  }
}

function claim(db: Database, args: Args): Reply {
  const [, name, groupName, consumer] = args as [Buffer, Buffer, Buffer, Buffer]
  const { stream, group } = existing(db, name, groupName)
  const { minIdle, ids, time, retryCount, force, justId, lastId } = claimOptions(args, db.now)
  const gone = new Set<StreamId>()
  const claimed: { id: StreamId; count: bigint }[] = []
  const deliveries = new Map<StreamId, bigint>()
  const entries: StreamEntry[] = []
  for (const id of ids) {
    const known = gone.has(id) ? undefined : group.pending.get(id)
    const entry = entryAt(stream, id)
    if (entry === undefined) {
      if (known !== undefined) gone.add(id)
      continue
    }
    const again = deliveries.get(id)
    if (known === undefined && again === undefined && !force) continue
    const last = again === undefined ? known?.time : time
    if (minIdle > 0 && last !== undefined && db.now - last < minIdle) continue
    // A pending entry that FORCE makes starts with one delivery.
    const before = again ?? known?.count ?? 1n
    const count = retryCount ?? (justId ? before : before + 1n)
    deliveries.set(id, count)
    entries.push(entry)
  }
  for (const [id, count] of deliveries) claimed.push({ id, count })
  if (claimed.length > 0 || gone.size > 0 || lastId > group.lastId) {
    const edited = editGroup(db, name, groupName)
    if (lastId > group.lastId) moveGroup(edited.stream, edited.group, lastId, group.entriesRead)
    if (gone.size > 0) acknowledge(edited.stream, edited.group, [...gone])
    if (claimed.length > 0) assign(edited.stream, edited.group, consumer, claimed, time, db.now)
  }
  return entries.map((entry) => claimReply(entry, justId))
}

// XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]

/** Redis looks at so many pending entries for each that it may answer. */
const ATTEMPTS_FACTOR = 10
const MAX_CLAIM_COUNT = (2n ** 63n - 1n) / 16n

function autoClaim(db: Database, args: Args): Reply {
  const [, name, groupName, consumer] = args as [Buffer, Buffer, Buffer, Buffer]
  int64Or(args[4]!, 'xautoclaim_min_idle')
  const minIdle = Math.max(0, integer(args[4]!))
  const start = parseStart(args[5]!)
  let count = 100
  let justId = false
  for (let i = 6; i < args.length; i++) {
    const option = word(args[i])
    if (option === 'COUNT' && i + 1 < args.length) count = claimCount(args[++i]!)
    else if (option === 'JUSTID') justId = true
    else throw new KvError('syntax')
  }
  const { stream, group } = existing(db, name, groupName)
  const candidates = sortedPending(group).filter(([id]) => id >= start)
  const gone: StreamId[] = []
  const claimed: { id: StreamId; count: bigint }[] = []
  const entries: StreamEntry[] = []
  let at = 0
  for (
    ;
    at < candidates.length && at < count * ATTEMPTS_FACTOR && gone.length + claimed.length < count;
    at++
  ) {
    const [id, known] = candidates[at]!
    const entry = entryAt(stream, id)
    if (entry === undefined) {
      gone.push(id)
    } else if (minIdle === 0 || db.now - known.time >= minIdle) {
      claimed.push({ id, count: justId ? known.count : known.count + 1n })
      entries.push(entry)
    }
  }
  if (gone.length + claimed.length > 0) {
    const edited = editGroup(db, name, groupName)
    if (gone.length > 0) acknowledge(edited.stream, edited.group, gone)
    if (claimed.length > 0) assign(edited.stream, edited.group, consumer, claimed, db.now, db.now)
  }
  return [
    idText(candidates[at]?.[0] ?? 0n),
    entries.map((entry) => claimReply(entry, justId)),
    gone.map(idText),
  ]
}

function claimCount(arg: Buffer): number {
  if (int64Or(arg, 'xautoclaim_count') > MAX_CLAIM_COUNT) throw new KvError('xautoclaim_count')
  return integerFrom(arg, 1, 'xautoclaim_count')
}

const group = 'stream'

export const STREAM_PENDING = [
  data({
    name: 'xautoclaim',
    arity: -6,
    flags: 'write fast',
    group,
    since: '6.2.0',
    keys: FIRST_KEY,
    syntax: 'key group consumer min-idle-time start [COUNT count] [JUSTID]',
    summary: 'Makes a consumer the owner of pending entries that were idle for long.',
    complexity: 'O(1) if COUNT is small',
    run: autoClaim,
    // Redis 6.2 answers without the list of deleted ids.
    direct: oneWrite(
      ({ args }) => nativeWrite('XAUTOCLAIM', args[1]!, leaves.withItsTtl, 'claimed-entries', args.slice(2)),
      (call, raw) => {
        const [cursor, entries, deleted] = raw as [Buffer, Buffer[], Buffer[] | undefined]
        return [cursor, openEntries(call, call.args[1]!, entries), deleted ?? []]
      },
    ),
  }),
  data({
    name: 'xclaim',
    arity: -6,
    flags: 'write fast',
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax:
      'key group consumer min-idle-time id [id ...] [IDLE milliseconds] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID last-id]',
    summary: 'Makes a consumer the owner of pending entries.',
    complexity: 'O(log N) in the number of pending entries',
    run: claim,
    // LASTID moves the group on even when nothing is claimed.
    direct: oneWrite(
      ({ args }) =>
        nativeWrite(
          'XCLAIM',
          args[1]!,
          leaves.withItsTtl,
          args.slice(6).some((arg) => word(arg) === 'LASTID') ? 'any-reply' : 'filled-list',
          args.slice(2),
        ),
      (call, raw) => openEntries(call, call.args[1]!, raw),
    ),
  }),
  data({
    name: 'xpending',
    arity: -3,
    flags: 'readonly',
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key group [[IDLE min-idle-time] start end count [consumer]]',
    summary: 'Returns what was delivered to a consumer group and not yet acknowledged.',
    complexity: 'O(N) in the number of entries returned',
    run: pending,
    direct: reads(
      ({ automation, args }) => ['XPENDING', automation.key(args[1]!), ...args.slice(2)],
      (call, raw) => {
        const reply = plainReply(raw) as Reply[]
        return call.args.length === 3 && reply[3] === null ? [...reply.slice(0, 3), NULL_ARRAY] : reply
      },
    ),
  }),
]
