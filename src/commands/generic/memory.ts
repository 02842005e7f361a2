import type { BackingReply } from '../../backing/backing.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { sizeOf, type Value } from '../../engine/plaintext/values.ts'
import { KvError } from '../../errors/errors.ts'
import type { Call } from '../../registry/context.ts'
import { noKeys } from '../../registry/notifies.ts'
import { connection, container, data, type KeySpec, META, reads } from '../../registry/row.ts'
import { Double, MapReply, type Reply, SimpleString, Verbatim } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'
import { integer, word } from '../parsing/args.ts'

const KEY: KeySpec = { first: 2, last: 2, step: 1 }

/** Redis looks at so many elements, unless it is told otherwise: here never at more, since others wait. */
const SAMPLES = 5
/** What the index keeps of a key, beside its name. */
const INDEX_ENTRY_BYTES = 128
/** What a seal adds to a value, beside a third of its length. */
const SEAL_BYTES = 130

/** Throws what Redis says to wrong options; answers how many elements to look at. */
function samplesOf(args: readonly Buffer[]): number {
  let samples = SAMPLES
  for (let i = 3; i < args.length; i += 2) {
    if (word(args[i]) !== 'SAMPLES' || i + 1 >= args.length) throw new KvError('syntax')
    samples = integer(args[i + 1]!)
    if (samples < 0) throw new KvError('syntax')
    // All of them.
    if (samples === 0) samples = SAMPLES
  }
  return Math.min(samples, SAMPLES)
}

const withIndex = (name: Buffer, bytes: number): number => bytes + INDEX_ENTRY_BYTES + name.length

const sealedBytes = (length: number): number => Math.ceil((length * 4) / 3) + SEAL_BYTES

function* partsOf(value: Value): Generator<number> {
  switch (value.type) {
    case 'string':
      yield value.cell.bytes.length
      break
    case 'list':
      for (const { bytes } of value.cells) yield bytes.length
      break
    case 'hash':
      for (const { name, cell } of value.fields.values()) yield name.length + cell.bytes.length
      break
    case 'set':
      for (const { length } of value.members.values()) yield length
      break
    case 'zset':
      for (const { member } of value.members.values()) yield member.length
      break
    case 'stream':
      for (const { cell } of value.entries) yield cell.bytes.length
  }
}

/** What a value that is not stored yet will take, by some of its parts. */
function estimate(value: Value, samples: number): number {
  const seen: number[] = []
  for (const length of partsOf(value)) {
    seen.push(sealedBytes(length))
    if (seen.length === samples) break
  }
  const parts = value.type === 'string' ? 1 : sizeOf(value)
  return Math.ceil((seen.reduce((sum, bytes) => sum + bytes, 0) / Math.max(1, seen.length)) * parts)
}

/** In a transaction or a script: what the key was charged with, as long as nothing has changed it there. */
function usage(db: Database, args: readonly Buffer[]): Reply {
  const samples = samplesOf(args)
  const name = args[2]!
  if (!db.has(name)) return null
  const { version, charge } = db.stored(name)
  const isAsStored = db.untouchedSince(name, { version })
  return isAsStored && charge !== undefined ? charge : withIndex(name, estimate(db.value(name)!, samples))
}

const usageDirect = {
  read: ({ automation, args }: Call) => [
    'MEMORY',
    'USAGE',
    automation.key(args[2]!),
    'SAMPLES',
    // With 0 the Redis would look at all of them.
    Math.max(1, samplesOf(args)),
  ],
  reply: ({ args }: Call, raw: BackingReply): Reply =>
    raw === null ? null : withIndex(args[2]!, raw as number),
}

async function stats({ context: { store }, automation }: Session): Promise<Reply> {
  const { keys, bytes } = await store.usage(automation!)
  return new MapReply([
    'peak.allocated',
    bytes,
    'total.allocated',
    bytes,
    'startup.allocated',
    0,
    'replication.backlog',
    0,
    'clients.slaves',
    0,
    'clients.normal',
    0,
    'aof.buffer',
    0,
    'overhead.total',
    0,
    'keys.count',
    keys,
    'keys.bytes-per-key',
    keys === 0 ? 0 : Math.floor(bytes / keys),
    'dataset.bytes',
    bytes,
    'dataset.percentage',
    new Double(bytes === 0 ? '0' : '100'),
    'peak.percentage',
    new Double('100'),
    'fragmentation',
    new Double('1'),
  ])
}

async function doctor({ context: { store }, automation }: Session): Promise<Reply> {
  const { bytes } = await store.usage(automation!)
  const { maxBytes } = store.limits
  const advice =
    bytes > 0.9 * maxBytes
      ? 'Writes are refused when there is no room left: delete keys, or give them a TTL.'
      : 'There is nothing to worry about.'
  return new Verbatim('txt', `This automation uses ${bytes} of ${maxBytes} bytes. ${advice}\n`)
}

const HELP = [
  'MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'DOCTOR',
  '    Return whether the automation has room left.',
  'STATS',
  '    Return information about the memory usage of the automation.',
  'USAGE <key> [SAMPLES <count>]',
  '    Return memory in bytes used by <key> and its value in the backing Redis.',
  `    Nested values are sampled up to <count> times, at most ${SAMPLES} times.`,
  'HELP',
  '    Print this help.',
].map((line) => new SimpleString(line))

const group = 'server'

export const MEMORY = container(
  {
    name: 'memory',
    arity: -2,
    flags: '',
    group,
    since: '4.0.0',
    syntax: '',
    summary: 'A container for commands on what the automation takes.',
  },
  [
    connection({
      name: 'memory|doctor',
      arity: 2,
      flags: '',
      group,
      since: '4.0.0',
      exclusive: true,
      syntax: '',
      summary: 'Tells whether the automation has room left.',
      handle: doctor,
    }),
    connection({
      name: 'memory|help',
      arity: 2,
      flags: 'loading stale',
      group,
      since: '4.0.0',
      syntax: '',
      summary: 'Returns help about MEMORY.',
      handle: () => HELP,
    }),
    connection({
      name: 'memory|stats',
      arity: 2,
      flags: '',
      group,
      since: '4.0.0',
      exclusive: true,
      syntax: '',
      summary: 'Returns what the automation takes, in the fields of Redis.',
      handle: stats,
    }),
    data({
      name: 'memory|usage',
      arity: -3,
      flags: 'readonly',
      misses: noKeys,
      group,
      since: '4.0.0',
      keys: KEY,
      extent: META,
      syntax: 'key [SAMPLES count]',
      summary: 'Estimates the bytes that a key takes in the backing Redis.',
      complexity: `O(1): at most ${SAMPLES} elements are looked at`,
      run: usage,
      direct: reads(usageDirect.read, usageDirect.reply),
    }),
  ],
)
