import type { Database } from '../../engine/plaintext/database.ts'
import { acknowledge, deliver, deliverAgain } from '../../engine/plaintext/stream-edit.ts'
import { entriesBetween, entryAt, sortedPending } from '../../engine/plaintext/stream-value.ts'
import { leaves, nativeWrite } from '../../engine/writes/native-write.ts'
import { KvError, respText } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { idText, MAX_ID, parseId } from '../../redis-semantics/stream-id.ts'
import type { RunContext } from '../../registry/context.ts'
import { type Direct, writesInParts } from '../../registry/row.ts'
import { ErrorReply, NULL_ARRAY, type Reply, StreamsReply } from '../../reply/reply.ts'
import { parseRead } from './streams-args.ts'
import { editGroup, groupIn } from './streams-group-access.ts'
import { entryReply, openStreamsInParts } from './streams-replies.ts'

type Args = readonly Buffer[]

// XREADGROUP

export function readGroup(db: Database, args: Args, { inScript }: RunContext): Reply {
  const { names, ids, count, group, consumer, noAck } = parseRead(args, 'XREADGROUP', inScript)
  const most = count === 0 ? Infinity : count
  const starts = names.map((name, i) => {
    if (groupIn(db.stream(name), group!) === undefined)
      throw new KvError('no_group_to_read', { key: name, group: group! })
    const id = ids[i]!.toString('latin1')
    if (id === '$') throw new KvError('last_id_in_group')
    // As in Redis, the highest id means `>`.
    return id === '>' ? MAX_ID : parseId(ids[i]!)
  })
  const served = names.flatMap((name, i) => {
    const start = starts[i]!
    const entries =
      start === MAX_ID
        ? newEntries(db, name, group!, consumer!, most, noAck)
        : history(db, name, group!, consumer!, start, most)
    return entries === undefined ? [] : [name, entries]
  })
  return served.length === 0 ? NULL_ARRAY : new StreamsReply(served)
}

function newEntries(
  db: Database,
  name: Buffer,
  group: Buffer,
  consumer: Buffer,
  most: number,
  noAck: boolean,
): Reply | undefined {
  const stream = db.stream(name)!
  const entries = entriesBetween(stream, groupIn(stream, group)!.lastId + 1n, MAX_ID).slice(0, most)
  if (entries.length === 0) return undefined
  const edited = editGroup(db, name, group, consumer)
  deliver(edited.stream, edited.group, consumer, entries, noAck, db.now)
  return entries.map(entryReply)
}

/** What is pending for the consumer, after an id: each time that it is read counts as a delivery. */
function history(
  db: Database,
  name: Buffer,
  group: Buffer,
  consumer: Buffer,
  after: bigint,
  most: number,
): Reply {
  const stream = db.stream(name)!
  const found = groupIn(stream, group)!
  const ids = sortedPending(found, idOf(consumer))
    .map(([id]) => id)
    .filter((id) => id > after)
    .slice(0, most)
  const entries = ids.map((id) => entryAt(stream, id))
  if (!found.consumers.has(idOf(consumer)) || entries.some((entry) => entry !== undefined)) {
    const edited = editGroup(db, name, group, consumer)
    deliverAgain(edited.stream, edited.group, consumer, ids, db.now)
  }
  return entries.map((entry, i) => (entry === undefined ? [idText(ids[i]!), NULL_ARRAY] : entryReply(entry)))
}

/** What a blocked client is told (serveClientsBlockedOnStreamKey, unblockDeletedStreamReadgroupClients). */
export const GONE = {
  group: new ErrorReply(respText('group_gone')),
  stream: new ErrorReply(respText('stream_gone')),
}

/** More keys than this in one command do not fit Lua's stack. */
const MAX_DIRECT_STREAMS = 1_000

/** One native command, since Redis checks all keys before it delivers anything. */
export const readGroupDirect: Direct = writesInParts(
  ({ args }) => {
    const { names, ids, count, group, consumer, noAck } = parseRead(args, 'XREADGROUP')
    if (names.length > MAX_DIRECT_STREAMS) return undefined
    const before = [
      'GROUP',
      group!,
      consumer!,
      ...(count === 0 ? [] : ['COUNT', count]),
      ...(noAck ? ['NOACK'] : []),
      'STREAMS',
    ]
    return [
      {
        ...nativeWrite('XREADGROUP', names[0]!, leaves.withItsTtl, 'entries-of-the-key', ids),
        before,
        more: names.slice(1),
      },
    ]
  },
  (call, raws) => openStreamsInParts(call, raws[0]!),
)

// XACK

export function ack(db: Database, args: Args): Reply {
  const [, name, groupName] = args as [Buffer, Buffer, Buffer]
  const group = groupIn(db.stream(name), groupName)
  if (group === undefined) return 0
  const ids = [...new Set(args.slice(3).map((id) => parseId(id)))].filter((id) => group.pending.has(id))
  if (ids.length === 0) return 0
  const edited = editGroup(db, name, groupName)
  acknowledge(edited.stream, edited.group, ids)
  return ids.length
}
