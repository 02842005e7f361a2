import { locations } from '../../automation/location.ts'
import { Cell } from '../../engine/plaintext/cell.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { addEntry, deleteEntries, dropFirst, setLastId } from '../../engine/plaintext/stream-edit.ts'
import { ENTRY_FIELD, encodeFields } from '../../engine/plaintext/stream-entry.ts'
import { entryAt, indexFrom, type StreamValue } from '../../engine/plaintext/stream-value.ts'
import { creates, leaves, type NativeWrite, nativeWrite } from '../../engine/writes/native-write.ts'
import { KvError } from '../../errors/errors.ts'
import { idText, parseId } from '../../redis-semantics/stream-id.ts'
import type { Call } from '../../registry/context.ts'
import { number, oneWrite } from '../../registry/direct.ts'
import { tells } from '../../registry/notifies.ts'
import { data, FIRST_KEY, reads, TAIL } from '../../registry/row.ts'
import { OK, type Reply } from '../../reply/reply.ts'
import { int64, word } from '../parsing/args.ts'
import { trimmedNodes } from './stream-nodes.ts'
import { nextId, parseAdd, parseTrim, type Trim } from './streams-args.ts'
import { STREAM_GROUPS } from './streams-groups.ts'
import { STREAM_INFO } from './streams-info.ts'
import { STREAM_PENDING } from './streams-pending.ts'
import { STREAM_READS } from './streams-reads.ts'

type Args = readonly Buffer[]

const group = 'stream'

function add(db: Database, args: Args): Reply {
  const name = args[1]!
  const parsed = parseAdd(args)
  const stream = db.stream(name)
  if (stream === undefined && parsed.noMkStream) return null
  const id = nextId(parsed, stream?.lastId ?? 0n, db.now)
  const edited = db.editStream(name)
  addEntry(edited, id, Cell.bytes(encodeFields(args.slice(parsed.idAt + 1))))
  if (parsed.trim !== undefined && trimStream(edited, parsed.trim) > 0) db.events?.further('t', 'xtrim', name)
  return idText(id)
}

function addDirect({ automation, args }: Call): NativeWrite {
  const { idAt, noMkStream } = parseAdd(args)
  const name = args[1]!
  const sealed = automation.sealer.seal(
    locations.streamValue(name),
    encodeFields(args.slice(idAt + 1)),
    false,
  )
  return nativeWrite('XADD', name, (noMkStream ? leaves : creates).withItsTtl, 'not-null', [
    ...args.slice(2, idAt + 1),
    ENTRY_FIELD,
    sealed,
  ])
}

/**
 * How many entries to trim from the head. Approximate trimming takes whole nodes: here those that Redis would
 * have of the plaintext, in the backing Redis shorter ones, since there entries are longer. Either way no
 * entry goes that exact trimming would have kept.
 */
function trimCount({ entries }: StreamValue, { maxLength, minId, approximate, limit }: Trim): number {
  const { length } = entries
  const exact = maxLength === undefined ? indexFrom(entries, minId) : Math.max(0, length - maxLength)
  return approximate ? trimmedNodes(entries, exact, limit) : exact
}

/** On a stream that is edited; how many entries went. */
function trimStream(stream: StreamValue, trim: Trim): number {
  const count = trimCount(stream, trim)
  if (count > 0) dropFirst(stream, count)
  return count
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

export const STREAMS = [
  ...STREAM_READS,
  ...STREAM_GROUPS,
  ...STREAM_INFO,
  ...STREAM_PENDING,
  data({
    name: 'xadd',
    arity: -5,
    flags: 'write denyoom fast',
    notifies: tells('xadd'),
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    extent: TAIL,
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
    notifies: tells('xdel'),
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key id [id ...]',
    summary: 'Deletes entries of a stream.',
    complexity: 'O(1) for each id',
    run: del,
    direct: oneWrite(
      ({ args }) => nativeWrite('XDEL', args[1]!, leaves.withItsTtl, 'positive', args.slice(2)),
      number,
    ),
  }),
  data({
    name: 'xlen',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    extent: TAIL,
    syntax: 'key',
    summary: 'Returns the number of entries in a stream.',
    run: (db, args) => db.stream(args[1]!)?.entries.length ?? 0,
    direct: reads(({ automation, args }) => ['XLEN', automation.key(args[1]!)], number),
  }),
  data({
    name: 'xsetid',
    arity: -3,
    flags: 'write denyoom fast',
    notifies: tells('xsetid'),
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]',
    summary: 'Sets the last id of a stream, and what it counts.',
    run: setId,
    direct: oneWrite(
      ({ args }) => nativeWrite('XSETID', args[1]!, leaves.withItsTtl, 'any-reply', args.slice(2)),
      () => OK,
    ),
  }),
  data({
    name: 'xtrim',
    arity: -4,
    flags: 'write',
    notifies: tells('xtrim'),
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    extent: TAIL,
    syntax: 'key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]',
    summary: 'Deletes the first entries of a stream, down to a length or up to an id.',
    complexity: 'O(N) in the number of entries trimmed',
    run: trim,
    direct: oneWrite(
      ({ args }) => nativeWrite('XTRIM', args[1]!, leaves.withItsTtl, 'positive', args.slice(2)),
      number,
    ),
  }),
]
