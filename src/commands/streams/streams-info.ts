import type { BackingReply } from '../../backing/backing.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import {
  type Consumer,
  lagOf,
  type Pending,
  type StreamEntry,
  type StreamGroup,
  type StreamValue,
  sortedConsumers,
  sortedGroups,
  sortedPending,
  UNKNOWN_READ,
} from '../../engine/plaintext/stream-value.ts'
import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { idText, type StreamId } from '../../redis-semantics/stream-id.ts'
import type { Call } from '../../registry/context.ts'
import { container, type Direct, data, type KeySpec, reads } from '../../registry/row.ts'
import { MapReply, type Reply, SimpleString } from '../../reply/reply.ts'
import { integer, word } from '../parsing/args.ts'
import { wrongSubcommand } from './streams-args.ts'
import { groupIn, noGroup } from './streams-group-access.ts'
import { entryReply, openEntries, openEntry, plainReply } from './streams-replies.ts'

type Args = readonly Buffer[]

function existing(db: Database, name: Buffer): StreamValue {
  const stream = db.stream(name)
  if (stream === undefined) throw new KvError('no_such_key')
  return stream
}

/**
 * Entries that Redis keeps in one node, as long as they are short. How its tree looks is only known to the
 * Redis that has it.
 */
const NODE_ENTRIES = 100

/** Most entries and pending entries to show, 0 for all; undefined without FULL. */
function fullCount(args: Args): number | undefined {
  const options = args.slice(3)
  if (options.length === 0) return undefined
  if (word(options[0]) !== 'FULL' || (options.length !== 1 && options.length !== 3))
    throw wrongSubcommand('XINFO', args[1]!)
  if (options.length === 1) return 10
  if (word(options[1]) !== 'COUNT') throw wrongSubcommand('XINFO', args[1]!)
  const count = integer(options[2]!)
  return count < 0 ? 10 : count
}

function streamInfo(db: Database, args: Args): Reply {
  const stream = existing(db, args[2]!)
  const count = fullCount(args)
  const { entries, groups, lastId, maxDeletedId, entriesAdded } = stream
  const nodes = Math.ceil(entries.length / NODE_ENTRIES)
  const facts: Reply[] = [
    'length',
    entries.length,
    'radix-tree-keys',
    nodes,
    'radix-tree-nodes',
    nodes + 1,
    'last-generated-id',
    idText(lastId),
    'max-deleted-entry-id',
    idText(maxDeletedId),
    'entries-added',
    entriesAdded,
    'recorded-first-entry-id',
    idText(entries[0]?.id ?? 0n),
  ]
  if (count === undefined) {
    const shownEntry = (entry: StreamEntry | undefined): Reply =>
      entry === undefined ? null : entryReply(entry)
    facts.push(
      'groups',
      groups.size,
      'first-entry',
      shownEntry(entries[0]),
      'last-entry',
      shownEntry(entries.at(-1)),
    )
  } else {
    const most = count === 0 ? Infinity : count
    const all = sortedGroups(stream).map((group) => fullGroup(stream, group, most))
    facts.push('entries', entries.slice(0, most).map(entryReply), 'groups', all)
  }
  return new MapReply(facts)
}

const readCount = ({ entriesRead }: StreamGroup): Reply => (entriesRead === UNKNOWN_READ ? null : entriesRead)

function fullGroup(stream: StreamValue, group: StreamGroup, most: number): Reply {
  const owned = (consumer: string): Buffer => (group.consumers.get(consumer) as Consumer).name
  const pending = sortedPending(group).slice(0, most)
  return new MapReply([
    'name',
    group.name,
    'last-delivered-id',
    idText(group.lastId),
    'entries-read',
    readCount(group),
    'lag',
    lagOf(stream, group),
    'pel-count',
    group.pending.size,
    'pending',
    pending.map(([id, { consumer, time, count }]) => [idText(id), owned(consumer), time, count]),
    'consumers',
    sortedConsumers(group).map((consumer) =>
      fullConsumer(consumer, sortedPending(group, idOf(consumer.name)), most),
    ),
  ])
}

const fullConsumer = (
  { name, seenTime }: Consumer,
  pending: readonly [StreamId, Pending][],
  most: number,
): Reply =>
  new MapReply([
    'name',
    name,
    'seen-time',
    seenTime,
    'pel-count',
    pending.length,
    'pending',
    pending.slice(0, most).map(([id, { time, count }]) => [idText(id), time, count]),
  ])

function groupsInfo(db: Database, args: Args): Reply {
  const stream = existing(db, args[2]!)
  return sortedGroups(stream).map(
    (group) =>
      new MapReply([
        'name',
        group.name,
        'consumers',
        group.consumers.size,
        'pending',
        group.pending.size,
        'last-delivered-id',
        idText(group.lastId),
        'entries-read',
        readCount(group),
        'lag',
        lagOf(stream, group),
      ]),
  )
}

function consumersInfo(db: Database, args: Args): Reply {
  const group = groupIn(existing(db, args[2]!), args[3]!)
  if (group === undefined) throw noGroup(args[2]!, args[3]!)
  return sortedConsumers(group).map(
    ({ name, seenTime }) =>
      new MapReply([
        'name',
        name,
        'pending',
        sortedPending(group, idOf(name)).length,
        'idle',
        Math.max(0, db.now - seenTime),
      ]),
  )
}

/** A flat reply of names and values; `open` is for the values that are not plain. */
function restored(
  raw: BackingReply,
  open: Readonly<Record<string, (value: BackingReply) => Reply>> = {},
): Reply {
  const flat = raw as BackingReply[]
  return new MapReply(
    flat.map((value, i) =>
      i % 2 === 0 ? (value as Buffer) : (open[String(flat[i - 1])] ?? plainReply)(value),
    ),
  )
}

const restoredList =
  (open?: Parameters<typeof restored>[1]) =>
  (raw: BackingReply): Reply =>
    (raw as BackingReply[]).map((item) => restored(item, open))

function restoredStream(call: Call, raw: BackingReply): Reply {
  const entry = (value: BackingReply): Reply => openEntry(call, call.args[2]!, value)
  const entries = (value: BackingReply): Reply => openEntries(call, call.args[2]!, value)
  const full = { entries, groups: restoredList({ consumers: restoredList() }) }
  return restored(raw, { 'first-entry': entry, 'last-entry': entry, ...(call.args.length > 3 ? full : {}) })
}

const asked = (reply: (call: Call, raw: BackingReply) => Reply): Direct =>
  reads(({ automation, args }) => ['XINFO', args[1]!, automation.key(args[2]!), ...args.slice(3)], reply)

const KEY: KeySpec = { first: 2, last: 2, step: 1 }

const HELP = [
  'XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CONSUMERS <key> <groupname>',
  '    Show consumers of <groupname>.',
  'GROUPS <key>',
  '    Show the stream consumer groups.',
  'STREAM <key> [FULL [COUNT <count>]',
  '    Show information about the stream.',
  'HELP',
  '    Prints this help.',
].map((line) => new SimpleString(line))

const group = 'stream'

const XINFO = container(
  {
    name: 'xinfo',
    arity: -2,
    flags: '',
    group,
    since: '5.0.0',
    syntax: '',
    summary: 'Describes streams and their consumer groups.',
  },
  [
    data({
      name: 'xinfo|consumers',
      arity: 4,
      flags: 'readonly',
      group,
      since: '5.0.0',
      keys: KEY,
      syntax: 'key group',
      summary: 'Lists the consumers of a consumer group.',
      run: consumersInfo,
      direct: asked((_call, raw) => restoredList()(raw)),
    }),
    data({
      name: 'xinfo|groups',
      arity: 3,
      flags: 'readonly',
      group,
      since: '5.0.0',
      keys: KEY,
      syntax: 'key',
      summary: 'Lists the consumer groups of a stream.',
      run: groupsInfo,
      direct: asked((_call, raw) => restoredList()(raw)),
    }),
    data({
      name: 'xinfo|help',
      arity: 2,
      flags: 'loading stale',
      group,
      since: '5.0.0',
      syntax: '',
      summary: 'Returns help about XINFO.',
      run: () => HELP,
    }),
    data({
      name: 'xinfo|stream',
      arity: -3,
      flags: 'readonly',
      group,
      since: '5.0.0',
      keys: KEY,
      syntax: 'key [FULL [COUNT count]]',
      summary: 'Describes a stream.',
      run: streamInfo,
      direct: asked(restoredStream),
    }),
  ],
)

export const STREAM_INFO = [XINFO]
