import type { BackingArg } from '../../backing/backing.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { acknowledge, assign, moveGroup } from '../../engine/plaintext/stream-edit.ts'
import { entryAt, type StreamEntry, sortedPending } from '../../engine/plaintext/stream-value.ts'
import { leaves, nativeWrite } from '../../engine/writes/native-write.ts'
import { KvError } from '../../errors/errors.ts'
import { parseInteger } from '../../redis-semantics/integers.ts'
import { idText, parseId, parseStart, type StreamId, tryParseId } from '../../redis-semantics/stream-id.ts'
import { oneWriteInParts } from '../../registry/direct.ts'
import { allKeys, tellsNothing } from '../../registry/notifies.ts'
import { data, FIRST_KEY } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { integer, integerFrom, word } from '../parsing/args.ts'
import { int64Or } from './streams-args.ts'
import { editGroup, streamAndGroup } from './streams-group-access.ts'
import { entryReply, openEntriesInParts } from './streams-replies.ts'

type Args = readonly Buffer[]

const group = 'stream'

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
  const { stream, group } = streamAndGroup(db, name, groupName)
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
    const edited = editGroup(db, name, groupName, claimed.length > 0 ? consumer : undefined)
    if (lastId > group.lastId) moveGroup(edited.stream, edited.group, lastId, group.entriesRead)
    if (gone.size > 0) acknowledge(edited.stream, edited.group, [...gone])
    if (claimed.length > 0) assign(edited.stream, edited.group, consumer, claimed, time, db.now)
  }
  return entries.map((entry) => claimReply(entry, justId))
}

/** As with the scans, fewer may be looked at in one call than are asked for. */
const MOST_AT_ONCE = 1_000

/** The arguments of XAUTOCLAIM after the key, with a COUNT that is no larger; a wrong one stays. */
const fewAtOnce = (args: readonly Buffer[]): BackingArg[] =>
  args.map((arg, i) => (i > 3 && word(args[i - 1]) === 'COUNT' && isMany(arg) ? MOST_AT_ONCE : arg))

function isMany(arg: Buffer): boolean {
  const count = parseInteger(arg)
  return count !== undefined && count > MOST_AT_ONCE && count <= MAX_CLAIM_COUNT
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
  const { stream, group } = streamAndGroup(db, name, groupName)
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
    const edited = editGroup(db, name, groupName, claimed.length > 0 ? consumer : undefined)
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

export const STREAM_CLAIMS = [
  data({
    name: 'xautoclaim',
    arity: -6,
    flags: 'write fast',
    notifies: tellsNothing,
    misses: allKeys,
    group,
    since: '6.2.0',
    keys: FIRST_KEY,
    syntax: 'key group consumer min-idle-time start [COUNT count] [JUSTID]',
    summary: 'Makes a consumer the owner of pending entries that were idle for long.',
    complexity: 'O(1) if COUNT is small',
    run: autoClaim,
    // Redis 6.2 answers without the list of deleted ids.
    direct: oneWriteInParts(
      ({ args }) => {
        const [, name, ...rest] = args as [Buffer, Buffer, ...Buffer[]]
        return nativeWrite('XAUTOCLAIM', name, leaves.withItsTtl, 'claimed-entries', fewAtOnce(rest))
      },
      function* (call, raw) {
        const [cursor, entries, deleted] = raw as [Buffer, Buffer[], Buffer[] | undefined]
        return [cursor, yield* openEntriesInParts(call, call.args[1]!, entries), deleted ?? []]
      },
    ),
  }),
  data({
    name: 'xclaim',
    arity: -6,
    flags: 'write fast',
    notifies: tellsNothing,
    misses: allKeys,
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax:
      'key group consumer min-idle-time id [id ...] [IDLE milliseconds] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID last-id]',
    summary: 'Makes a consumer the owner of pending entries.',
    complexity: 'O(log N) in the number of pending entries',
    run: claim,
    // LASTID moves the group on even when nothing is claimed.
    direct: oneWriteInParts(
      ({ args }) =>
        nativeWrite(
          'XCLAIM',
          args[1]!,
          leaves.withItsTtl,
          args.slice(6).some((arg) => word(arg) === 'LASTID') ? 'any-reply' : 'filled-list',
          args.slice(2),
        ),
      (call, raw) => openEntriesInParts(call, call.args[1]!, raw),
    ),
  }),
]
