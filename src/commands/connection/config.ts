import { compileGlob } from '../../redis-semantics/glob.ts'
import { connection, container } from '../../registry/row.ts'
import { MapReply, type Reply, SimpleString } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'
import { MAX_ENTRIES, SLOW_MS } from '../../session/slow-log.ts'

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
  ['notify-keyspace-events', () => ''],
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
function get(session: Session, args: readonly Buffer[]): Reply {
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
  return new MapReply([...found].flatMap(([name, shown]) => [shown, String(PARAMETERS.get(name)!(session))]))
}

const HELP = [
  'CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'GET <pattern> [<pattern> ...]',
  '    Return parameters matching the glob-like <pattern> and their values.',
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
  ],
)
