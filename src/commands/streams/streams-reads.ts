import type { BackingArg } from '../../backing/backing.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { entriesBetween, indexFrom } from '../../engine/plaintext/stream-value.ts'
import { ERRORS, KvError } from '../../errors/errors.ts'
import { parseEnd, parseId, parseStart } from '../../redis-semantics/stream-id.ts'
import type { Call, RunContext } from '../../registry/context.ts'
import { type Direct, data, FIRST_KEY, readsInParts } from '../../registry/row.ts'
import { NULL_ARRAY, type Reply, StreamsReply } from '../../reply/reply.ts'
import { integer, word } from '../parsing/args.ts'
import { parseRead, readAt, STREAM_KEYS } from './streams-args.ts'
import { entryReply, openEntriesInParts, openStreamsInParts } from './streams-replies.ts'

type Args = readonly Buffer[]

const group = 'stream'

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

const readDirect: Direct = readsInParts(({ automation, args }) => {
  const { names, ids, count } = parseRead(args, 'XREAD')
  const options: BackingArg[] = count === 0 ? [] : ['COUNT', count]
  return ['XREAD', ...options, 'STREAMS', ...names.map((name) => automation.key(name)), ...ids]
}, openStreamsInParts)

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

export const STREAM_READS = [
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
]
