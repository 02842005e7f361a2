import { locations } from '../../automation/location.ts'
import type { BackingArg } from '../../backing/backing.ts'
import { Cell } from '../../engine/plaintext/cell.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { addEntry, deleteEntries, dropFirst, setLastId } from '../../engine/plaintext/stream-edit.ts'
import { ENTRY_FIELD, encodeFields } from '../../engine/plaintext/stream-entry.ts'
import { entriesBetween, entryAt, indexFrom, type StreamValue } from '../../engine/plaintext/stream-value.ts'
import { type Operation, operation } from '../../engine/writes/native-write.ts'
import { ERRORS, KvError } from '../../errors/errors.ts'
import { idText, parseEnd, parseId, parseStart } from '../../redis-semantics/stream-id.ts'
import type { Call, RunContext } from '../../registry/context.ts'
import { number, oneWrite } from '../../registry/direct.ts'
import { type Direct, data, FIRST_KEY, reads, readsInParts } from '../../registry/row.ts'
import { NULL_ARRAY, OK, type Reply, StreamsReply } from '../../reply/reply.ts'
import { int64, integer, word } from '../parsing/args.ts'
import { nextId, parseAdd, parseRead, parseTrim, readAt, STREAM_KEYS, type Trim } from './streams-args.ts'
import { STREAM_GROUPS } from './streams-groups.ts'
import { STREAM_INFO } from './streams-info.ts'
import { STREAM_PENDING } from './streams-pending.ts'
import { entryReply, openEntriesInParts, openStreams } from './streams-replies.ts'

type Args = readonly Buffer[]

function add(db: Database, args: Args): Reply {
  const name = args[1]!
  const parsed = parseAdd(args)
  const stream = db.stream(name)
  if (stream === undefined && parsed.noMkStream) return null
  const id = nextId(parsed, stream?.lastId ?? 0n, db.now)
  const edited = db.editStream(name)
  addEntry(edited, id, Cell.bytes(encodeFields(args.slice(parsed.idAt + 1))))
  if (parsed.trim !== undefined) trimStream(edited, parsed.trim)
  return idText(id)
}

function addDirect({ automation, args }: Call): Operation {
  const { idAt, noMkStream } = parseAdd(args)
  const name = args[1]!
  const sealed = automation.sealer.seal(
    locations.streamValue(name),
    encodeFields(args.slice(idAt + 1)),
    false,
  )
  return operation('XADD', name, noMkStream ? 'k' : 'K', 'n', [
    ...args.slice(2, idAt + 1),
    ENTRY_FIELD,
    sealed,
  ])
}

/** As many entries as Redis keeps in one node, as long as they are short. */
const NODE_ENTRIES = 100

/**
 * How many entries to trim from the head. Approximate trimming takes whole nodes: here of a hundred entries,
 * in the backing Redis of fewer, since there they are longer. Either way no entry goes that exact trimming
 * would have kept.
 */
function trimCount({ entries }: StreamValue, { maxLength, minId, approximate, limit }: Trim): number {
  const { length } = entries
  const exact = maxLength === undefined ? indexFrom(entries, minId) : Math.max(0, length - maxLength)
  if (!approximate) return exact
  const nodes = exact === length ? Math.ceil(length / NODE_ENTRIES) : Math.floor(exact / NODE_ENTRIES)
  const allowed =
    limit === 0 ? nodes : Math.min(nodes, limit >= length ? nodes : Math.floor(limit / NODE_ENTRIES))
  return Math.min(length, allowed * NODE_ENTRIES)
}

/** On a stream that is edited. */
function trimStream(stream: StreamValue, trim: Trim): void {
  const count = trimCount(stream, trim)
  if (count > 0) dropFirst(stream, count)
}

function trim(db: Database, args: Args): Reply {
  const wanted = parseTrim(args)
  const stream = db.stream(args[1]!)
  const count = stream === undefined ? 0 : trimCount(stream, wanted)
  if (count > 0) dropFirst(db.editStream(args[1]!), count)
  return count
}

function del(db: Database, args: Args): Reply {
  const stream = db.stream(args[1]!)
  if (stream === undefined) return 0
  const ids = [...new Set(args.slice(2).map((id) => parseId(id)))].filter(
    (id) => entryAt(stream, id) !== undefined,
  )
  if (ids.length > 0) deleteEntries(db.editStream(args[1]!), ids)
  return ids.length
}

function setId(db: Database, args: Args): Reply {
  const id = parseId(args[2]!)
  let entriesAdded: bigint | undefined
  let maxDeletedId = 0n
  for (let i = 3; i < args.length; i += 2) {
    const option = i + 1 < args.length ? word(args[i]) : ''
    if (option === 'ENTRIESADDED') {
      entriesAdded = int64(args[i + 1]!)
      if (entriesAdded < 0n) throw new KvError('entries_added')
    } else if (option === 'MAXDELETEDID') {
      maxDeletedId = parseId(args[i + 1]!)
      if (id < maxDeletedId) throw new KvError('xsetid_below_deleted')
    } else {
      throw new KvError('syntax')
    }
  }
  const stream = db.stream(args[1]!)
  if (stream === undefined) throw new KvError('no_such_key')
  const { entries } = stream
  if (entries.length > 0) {
    if (id < entries.at(-1)!.id) throw new KvError('xsetid_below_top')
    if (entriesAdded !== undefined && entriesAdded < entries.length) {
      throw new KvError('xsetid_entries_added')
    }
  }
  setLastId(db.editStream(args[1]!), id, entriesAdded, maxDeletedId)
  return OK
}

const range =
  (reverse: boolean) =>
  (db: Database, args: Args): Reply => {
    const start = parseStart(args[reverse ? 3 : 2]!)
    const end = parseEnd(args[reverse ? 2 : 3]!)
    let count = Infinity
    for (let i = 4; i < args.length; i += 2) {
      if (word(args[i]) !== 'COUNT' || i + 1 === args.length) throw new KvError('syntax')
      count = Math.max(0, integer(args[i + 1]!))
    }
    const stream = db.stream(args[1]!)
    if (stream === undefined) return []
    if (count === 0) return NULL_ARRAY
    const entries = entriesBetween(stream, start, end)
    return (reverse ? entries.reverse() : entries).slice(0, count).map(entryReply)
  }

const rangeDirect = (command: string): Direct =>
  readsInParts(
    ({ automation, args }) => [command, automation.key(args[1]!), ...args.slice(2)],
    (call, raw) => openEntriesInParts(call, call.args[1]!, raw),
  )

function read(db: Database, args: Args, { inScript }: RunContext): Reply {
  const { names, ids, count } = parseRead(args, 'XREAD', inScript)
  const streams = names.map((name, i) => {
    const stream = db.stream(name)
    const id = ids[i]!.toString('latin1')
    if (id === '>') throw new KvError('new_id_without_group')
    const after = id === '$' ? (stream?.lastId ?? 0n) : parseId(ids[i]!)
    return { name, stream, after }
  })
  const served = streams.flatMap(({ name, stream, after }) => {
    const from = stream === undefined ? 0 : indexFrom(stream.entries, after + 1n)
    const entries = stream?.entries.slice(from, count === 0 ? undefined : from + count) ?? []
    return entries.length === 0 ? [] : [name, entries.map(entryReply)]
  })
  return served.length === 0 ? NULL_ARRAY : new StreamsReply(served)
}

const readDirect: Direct = reads(({ automation, args }) => {
  const { names, ids, count } = parseRead(args, 'XREAD')
  const options: BackingArg[] = count === 0 ? [] : ['COUNT', count]
  return ['XREAD', ...options, 'STREAMS', ...names.map((name) => automation.key(name)), ...ids]
}, openStreams)

/** `$` is the last id of a stream at the moment of the call, also when it is read later on. */
async function fixLastIds({ services, automation, args }: Call): Promise<readonly Buffer[]> {
  const { names, ids } = parseRead(args, 'XREAD')
  const fixed = await Promise.all(
    ids.map(async (id, i) => {
      if (id.toString('latin1') !== '$') return id
      const snapshot = (await services.store.backing
        .call(automation, ['XINFO', 'STREAM', automation.key(names[i]!)])
        .catch(noSuchKey)) as Buffer[]
      const at = snapshot.findIndex(
        (field) => Buffer.isBuffer(field) && field.toString('latin1') === 'last-generated-id',
      )
      return snapshot[at + 1] ?? Buffer.from('0-0')
    }),
  )
  return [...args.slice(0, args.length - ids.length), ...fixed]
}

/** A stream that is not there yet has the last id 0-0. */
function noSuchKey(error: Error): [] {
  if (error.message === ERRORS.no_such_key.resp) return []
  throw error
}

const group = 'stream'

export const STREAMS = [
  ...STREAM_GROUPS,
  ...STREAM_INFO,
  ...STREAM_PENDING,
  data({
    name: 'xadd',
    arity: -5,
    flags: 'write denyoom fast',
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax:
      'key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]',
    summary: 'Appends an entry to a stream; makes the key when there is none.',
    complexity: 'O(1), and O(N) in the number of entries trimmed',
    run: add,
    direct: oneWrite(addDirect, (_call, raw) => raw as Buffer | null),
  }),
  data({
    name: 'xdel',
    arity: -3,
    flags: 'write fast',
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key id [id ...]',
    summary: 'Deletes entries of a stream.',
    complexity: 'O(1) for each id',
    run: del,
    direct: oneWrite(({ args }) => operation('XDEL', args[1]!, 'k', 'p', args.slice(2)), number),
  }),
  data({
    name: 'xlen',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key',
    summary: 'Returns the number of entries in a stream.',
    run: (db, args) => db.stream(args[1]!)?.entries.length ?? 0,
    direct: reads(({ automation, args }) => ['XLEN', automation.key(args[1]!)], number),
  }),
  data({
    name: 'xrange',
    arity: -4,
    flags: 'readonly',
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key start end [COUNT count]',
    summary: 'Returns the entries between two ids.',
    complexity: 'O(N) in the number of entries returned',
    run: range(false),
    direct: rangeDirect('XRANGE'),
  }),
  data({
    name: 'xread',
    arity: -4,
    flags: 'readonly blocking movablekeys',
    group,
    since: '5.0.0',
    keys: STREAM_KEYS,
    syntax: '[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]',
    summary: 'Returns the entries of streams after given ids.',
    complexity: 'O(N) for each stream, in the number of entries returned',
    run: read,
    direct: readDirect,
    blocking: {
      timeoutMs: (args) => parseRead(args, 'XREAD').block,
      keys: (args) => parseRead(args, 'XREAD').names,
      competition: () => undefined,
      attempt: 'direct',
      at: readAt,
      prepare: fixLastIds,
    },
  }),
  data({
    name: 'xrevrange',
    arity: -4,
    flags: 'readonly',
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key end start [COUNT count]',
    summary: 'Returns the entries between two ids, the last one first.',
    complexity: 'O(N) in the number of entries returned',
    run: range(true),
    direct: rangeDirect('XREVRANGE'),
  }),
  data({
    name: 'xsetid',
    arity: -3,
    flags: 'write denyoom fast',
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]',
    summary: 'Sets the last id of a stream, and what it counts.',
    run: setId,
    direct: oneWrite(
      ({ args }) => operation('XSETID', args[1]!, 'k', 'a', args.slice(2)),
      () => OK,
    ),
  }),
  data({
    name: 'xtrim',
    arity: -4,
    flags: 'write',
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]',
    summary: 'Deletes the first entries of a stream, down to a length or up to an id.',
    complexity: 'O(N) in the number of entries trimmed',
    run: trim,
    direct: oneWrite(({ args }) => operation('XTRIM', args[1]!, 'k', 'p', args.slice(2)), number),
  }),
]
