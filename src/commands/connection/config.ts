import { EVENT_CLASSES, readEvents, showEvents } from '../../engine/notifications/event-classes.ts'
import { KvError } from '../../errors/errors.ts'
import { compileGlob } from '../../redis-semantics/glob.ts'
import { connection, container } from '../../registry/row.ts'
import { MapReply, OK, type Reply, SimpleString } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'
import { MAX_ENTRIES, SLOW_MS } from '../../session/slow-log.ts'

const EVENTS = 'notify-keyspace-events'

/**
 * Parameters that clients ask for, with what holds for the automation. Nothing of the backing Redis, and
 * nothing of the server's own settings but limits that every caller may meet.
 */
const PARAMETERS: ReadonlyMap<string, (session: Session) => string | number> = new Map<
  string,
  (session: Session) => string | number
>([
  ['appendfsync', () => 'everysec'],
  ['appendonly', () => 'no'],
  ['cluster-enabled', () => 'no'],
  ['databases', () => 1],
  ['hash-max-listpack-entries', () => 512],
  ['hash-max-listpack-value', () => 64],
  ['latency-monitor-threshold', () => 0],
  ['list-max-listpack-size', () => -2],
  ['maxclients', ({ context }) => context.gate.connections.allowed],
  ['maxmemory', ({ context }) => context.store.limits.maxBytes],
  ['maxmemory-policy', () => 'noeviction'],
  // Read when it is asked for.
  [EVENTS, () => ''],
  ['proto-max-bulk-len', ({ context }) => context.store.limits.maxValueSize],
  ['replica-read-only', () => 'yes'],
  ['save', () => ''],
  ['set-max-intset-entries', () => 512],
  ['slowlog-log-slower-than', () => SLOW_MS * 1_000],
  ['slowlog-max-len', () => MAX_ENTRIES],
  ['stream-node-max-bytes', () => 4_096],
  ['stream-node-max-entries', () => 100],
  ['timeout', () => 0],
  ['zset-max-listpack-entries', () => 128],
  ['zset-max-listpack-value', () => 64],
])

const isPattern = (text: string): boolean => /[*?[]/.test(text)

/** A name stands in the answer as it was given, one that a pattern found in small letters; each once. */
async function get(session: Session, args: readonly Buffer[]): Promise<Reply> {
  const found = new Map<string, string>()
  for (const arg of args.slice(2)) {
    const text = arg.toString('latin1')
    if (!isPattern(text)) {
      const name = text.toLowerCase()
      if (PARAMETERS.has(name) && !found.has(name)) found.set(name, text)
      continue
    }
    const matches = compileGlob(arg, true)
    for (const name of PARAMETERS.keys())
      if (!found.has(name) && matches(Buffer.from(name))) found.set(name, name)
  }
  const { automation, context } = session
  const events = found.has(EVENTS) ? showEvents(await context.store.events.load(automation!)) : ''
  return new MapReply(
    [...found].flatMap(([name, shown]) => [
      shown,
      name === EVENTS ? events : String(PARAMETERS.get(name)!(session)),
    ]),
  )
}

/** Of all parameters only this one is the automation's own; nothing is set unless all may be. */
async function set({ automation, context }: Session, args: readonly Buffer[]): Promise<Reply> {
  if (args.length % 2 === 1) throw new KvError('syntax')
  const given: Buffer[] = []
  for (let at = 2; at < args.length; at += 2) {
    const name = args[at]!.toString('latin1').toLowerCase()
    if (name !== EVENTS)
      throw new KvError('not_offered', {
        command: 'config|set',
        reason: 'server administration belongs to the operator',
      })
    if (given.length > 0)
      throw new KvError('config_refused', { parameter: args[at]!, reason: 'duplicate parameter' })
    given.push(args[at]!, args[at + 1]!)
  }
  const events = readEvents(given[1]!.toString('latin1'))
  if (events === undefined)
    throw new KvError('config_refused', {
      parameter: given[0]!,
      reason: `Invalid event class character. Use '${EVENT_CLASSES}'.`,
    })
  await context.store.events.save(automation!, events)
  context.pubsub.watch(automation!)
  return OK
}

const HELP = [
  'CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'GET <pattern> [<pattern> ...]',
  '    Return parameters matching the glob-like <pattern> and their values.',
  'SET <directive> <value>',
  '    Set the configuration <directive> to <value>.',
  'HELP',
  '    Print this help.',
].map((line) => new SimpleString(line))

const group = 'server'

export const CONFIG = container(
  {
    name: 'config',
    arity: -2,
    flags: '',
    group,
    since: '2.0.0',
    syntax: '',
    summary: 'A container for commands on parameters.',
  },
  [
    connection({
      name: 'config|get',
      arity: -3,
      flags: 'admin noscript loading stale',
      group,
      since: '2.0.0',
      syntax: 'parameter [parameter ...]',
      summary: 'Returns parameters that clients ask for, as they hold for the automation.',
      complexity: 'O(N) in the number of patterns',
      handle: get,
    }),
    connection({
      name: 'config|help',
      arity: 2,
      flags: 'loading stale',
      group,
      since: '5.0.0',
      syntax: '',
      summary: 'Returns help about CONFIG.',
      handle: () => HELP,
    }),
    connection({
      name: 'config|set',
      arity: -4,
      flags: 'admin noscript loading stale',
      group,
      right: 'kv:write',
      since: '2.0.0',
      // What follows is done as it says.
      exclusive: true,
      syntax: 'parameter value [parameter value ...]',
      summary: 'Sets notify-keyspace-events, for the automation in all processes; nothing else can be set.',
      complexity: 'O(N) in the number of parameters',
      handle: set,
    }),
  ],
)
