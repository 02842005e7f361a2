import type { Database } from '../../engine/plaintext/database.ts'
import {
  createConsumer,
  createGroup,
  deleteConsumer,
  destroyGroup,
  moveGroup,
} from '../../engine/plaintext/stream-edit.ts'
import {
  type StreamGroup,
  type StreamValue,
  sortedPending,
  UNKNOWN_READ,
} from '../../engine/plaintext/stream-value.ts'
import {
  type ChangedBy,
  creates,
  type Leaves,
  leaves,
  nativeWrite,
} from '../../engine/writes/native-write.ts'
import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { parseAnyId, parseId } from '../../redis-semantics/stream-id.ts'
import { number, oneWrite } from '../../registry/direct.ts'
import { allKeys, tells, tellsNothing } from '../../registry/notifies.ts'
import { container, type Direct, data, FIRST_KEY, type KeySpec } from '../../registry/row.ts'
import { OK, type Reply, SimpleString } from '../../reply/reply.ts'
import { int64, word } from '../parsing/args.ts'
import { parseRead, readAt, STREAM_KEYS, wrongSubcommand } from './streams-args.ts'
import { editGroup, groupIn, noGroup } from './streams-group-access.ts'
import { ack, GONE, readGroup, readGroupDirect } from './streams-group-read.ts'

type Args = readonly Buffer[]

// XGROUP subcommand key group ...

function groupOptions(args: Args): { makeStream: boolean; entriesRead: bigint } {
  const create = word(args[1]) === 'CREATE'
  let makeStream = false
  let entriesRead = UNKNOWN_READ
  for (let i = 5; i < args.length; i++) {
    const option = word(args[i])
    if (create && option === 'MKSTREAM') {
      makeStream = true
    } else if (option === 'ENTRIESREAD' && i + 1 < args.length) {
      entriesRead = int64(args[++i]!)
      if (entriesRead < UNKNOWN_READ) throw new KvError('entries_read')
    } else {
      throw wrongSubcommand('XGROUP', args[1]!)
    }
  }
  return { makeStream, entriesRead }
}

function existingStream(db: Database, name: Buffer): StreamValue {
  const stream = db.stream(name)
  if (stream === undefined) throw new KvError('xgroup_no_key')
  return stream
}

function existingGroup(db: Database, name: Buffer, group: Buffer): StreamGroup {
  const found = groupIn(existingStream(db, name), group)
  if (found === undefined) throw noGroup(name, group)
  return found
}

function create(db: Database, args: Args): Reply {
  const [, , name, group, id] = args as [Buffer, Buffer, Buffer, Buffer, Buffer]
  const { makeStream, entriesRead } = groupOptions(args)
  const stream = makeStream ? db.stream(name) : existingStream(db, name)
  if (args.length > 8) throw wrongSubcommand('XGROUP', args[1]!)
  const lastId = id.toString('latin1') === '$' ? (stream?.lastId ?? 0n) : parseId(id)
  if (groupIn(stream, group) !== undefined) throw new KvError('group_exists')
  createGroup(db.editStream(name), group, lastId, entriesRead)
  return OK
}

function setId(db: Database, args: Args): Reply {
  const [, , name, group, id] = args as [Buffer, Buffer, Buffer, Buffer, Buffer]
  const { entriesRead } = groupOptions(args)
  existingGroup(db, name, group)
  if (args.length !== 5 && args.length !== 7) throw wrongSubcommand('XGROUP', args[1]!)
  const lastId = id.toString('latin1') === '$' ? db.stream(name)!.lastId : parseAnyId(id)
  const edited = editGroup(db, name, group)
  moveGroup(edited.stream, edited.group, lastId, entriesRead)
  return OK
}

function destroy(db: Database, args: Args): Reply {
  const [, , name, group] = args as [Buffer, Buffer, Buffer, Buffer]
  if (groupIn(existingStream(db, name), group) === undefined) return 0
  const edited = editGroup(db, name, group)
  destroyGroup(edited.stream, edited.group)
  return 1
}

function addConsumer(db: Database, args: Args): Reply {
  const [, , name, group, consumer] = args as [Buffer, Buffer, Buffer, Buffer, Buffer]
  if (existingGroup(db, name, group).consumers.has(idOf(consumer))) return 0
  const edited = editGroup(db, name, group)
  createConsumer(edited.stream, edited.group, consumer, db.now)
  return 1
}

function dropConsumer(db: Database, args: Args): Reply {
  const [, , name, group, consumer] = args as [Buffer, Buffer, Buffer, Buffer, Buffer]
  const found = existingGroup(db, name, group)
  const pending = sortedPending(found, idOf(consumer)).length
  const edited = editGroup(db, name, group)
  const gone = found.consumers.get(idOf(consumer))
  if (gone !== undefined) deleteConsumer(edited.stream, edited.group, gone)
  return pending
}

/** The subcommand comes before the key. */
const groupWrite = (
  plan: (args: Args) => readonly [leaves: Leaves, changedBy: ChangedBy],
  reply: Parameters<typeof oneWrite>[1],
): Direct =>
  oneWrite(({ args }) => {
    const [left, changedBy] = plan(args)
    return { ...nativeWrite('XGROUP', args[2]!, left, changedBy, args.slice(3)), before: [args[1]!] }
  }, reply)

const KEY: KeySpec = { first: 2, last: 2, step: 1 }

const HELP = [
  'XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CREATE <key> <groupname> <id|$> [option]',
  '    Create a new consumer group. Options are:',
  '    * MKSTREAM',
  '      Create the empty stream if it does not exist.',
  '    * ENTRIESREAD entries_read',
  "      Set the group's entries_read counter (internal use).",
  'CREATECONSUMER <key> <groupname> <consumer>',
  '    Create a new consumer in the specified group.',
  'DELCONSUMER <key> <groupname> <consumer>',
  '    Remove the specified consumer.',
  'DESTROY <key> <groupname>',
  '    Remove the specified group.',
  'SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]',
  '    Set the current group ID and entries_read counter.',
  'HELP',
  '    Prints this help.',
].map((line) => new SimpleString(line))

const group = 'stream'

const XGROUP = container(
  {
    name: 'xgroup',
    arity: -2,
    flags: '',
    group,
    since: '5.0.0',
    syntax: '',
    summary: 'Manages the consumer groups of a stream.',
  },
  [
    data({
      name: 'xgroup|create',
      arity: -5,
      flags: 'write denyoom',
      notifies: tells('xgroup-create'),
      group,
      since: '5.0.0',
      keys: KEY,
      syntax: 'key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]',
      summary: 'Creates a consumer group.',
      run: create,
      direct: groupWrite(
        (args) => {
          const makesStream = args.slice(5).some((arg) => word(arg) === 'MKSTREAM')
          return [(makesStream ? creates : leaves).withItsTtl, 'any-reply']
        },
        () => OK,
      ),
    }),
    data({
      name: 'xgroup|createconsumer',
      arity: 5,
      flags: 'write denyoom',
      notifies: tells('xgroup-createconsumer'),
      group,
      since: '6.2.0',
      keys: KEY,
      syntax: 'key group consumer',
      summary: 'Creates a consumer in a consumer group.',
      run: addConsumer,
      direct: groupWrite(() => [leaves.withItsTtl, 'positive'], number),
    }),
    data({
      name: 'xgroup|delconsumer',
      arity: 5,
      flags: 'write',
      notifies: tells('xgroup-delconsumer'),
      group,
      since: '5.0.0',
      keys: KEY,
      syntax: 'key group consumer',
      summary: 'Deletes a consumer of a consumer group, with what is pending for it.',
      // A reply of 0 does not tell whether the consumer was there: both ways it counts as a write.
      run: dropConsumer,
      direct: groupWrite(() => [leaves.withItsTtl, 'any-reply'], number),
    }),
    data({
      name: 'xgroup|destroy',
      arity: 4,
      flags: 'write',
      notifies: tells('xgroup-destroy'),
      group,
      since: '5.0.0',
      keys: KEY,
      syntax: 'key group',
      summary: 'Deletes a consumer group.',
      complexity: 'O(N) in the number of its pending entries',
      run: destroy,
      direct: groupWrite(() => [leaves.withItsTtl, 'positive'], number),
    }),
    data({
      name: 'xgroup|help',
      arity: 2,
      flags: 'loading stale',
      group,
      since: '5.0.0',
      syntax: '',
      summary: 'Returns help about XGROUP.',
      run: () => HELP,
    }),
    data({
      name: 'xgroup|setid',
      arity: -5,
      flags: 'write',
      notifies: tells('xgroup-setid'),
      group,
      since: '5.0.0',
      keys: KEY,
      syntax: 'key group <id | $> [ENTRIESREAD entries-read]',
      summary: 'Sets the id of the last entry that was delivered to a consumer group.',
      run: setId,
      direct: groupWrite(
        () => [leaves.withItsTtl, 'any-reply'],
        () => OK,
      ),
    }),
  ],
)

export const STREAM_GROUPS = [
  data({
    name: 'xack',
    arity: -4,
    flags: 'write fast',
    notifies: tellsNothing,
    misses: allKeys,
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key group id [id ...]',
    summary: 'Takes entries off the pending entries list of a consumer group.',
    complexity: 'O(1) for each id',
    run: ack,
    direct: oneWrite(
      ({ args }) => nativeWrite('XACK', args[1]!, leaves.withItsTtl, 'positive', args.slice(2)),
      number,
    ),
  }),
  XGROUP,
  data({
    name: 'xreadgroup',
    arity: -7,
    flags: 'write blocking movablekeys',
    notifies: tellsNothing,
    misses: allKeys,
    group,
    since: '5.0.0',
    keys: STREAM_KEYS,
    syntax:
      'GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]',
    summary: 'Delivers new entries to a consumer of a group, or repeats those that are pending for it.',
    complexity: 'O(M) for each stream, in the number of entries returned',
    run: readGroup,
    direct: readGroupDirect,
    blocking: {
      timeoutMs: (args) => parseRead(args, 'XREADGROUP').block,
      keys: (args) => parseRead(args, 'XREADGROUP').names,
      competition: (args) => `group ${idOf(parseRead(args, 'XREADGROUP').group!)}`,
      attempt: 'direct',
      at: readAt,
      whenKeyIsGone: (db, name) => (db.type(name) === 'stream' ? GONE.group : GONE.stream),
    },
  }),
]
