import type { Automation } from '../../automation/automation.ts'
import type { InfoSections } from '../../engine/plaintext/snapshot.ts'
import { RUN_ID } from '../../lib/run-id.ts'
import { connection } from '../../registry/row.ts'
import { Verbatim } from '../../reply/reply.ts'
import type { Session, SessionContext } from '../../session/session.ts'
import { liveKeys } from '../generic/keyspace.ts'
import { integer, word } from '../parsing/args.ts'
import { COMPATIBLE_VERSION } from './handshake.ts'

/**
 * INFO is about this server and the automation's own keys: nothing in it tells of another automation or of
 * the backing Redis. All sections, or those that are `wanted`.
 */
export async function infoSections(
  context: SessionContext,
  automation: Automation,
  wanted: (name: string) => boolean = () => true,
): Promise<InfoSections> {
  const { startedAt, respPort, store, sessions } = context
  const siblings = [...sessions].filter((session) => session.automation?.id === automation.id)
  const uptime = Math.floor((Date.now() - startedAt) / 1000)
  const sections: Record<string, () => string[] | Promise<string[]>> = {
    server: () => [
      `redis_version:${COMPATIBLE_VERSION}`,
      'redis_mode:standalone',
      'server_name:automation-kv',
      'arch_bits:64',
      'multiplexing_api:libuv',
      `run_id:${RUN_ID}`,
      `tcp_port:${respPort()}`,
      `uptime_in_seconds:${uptime}`,
      `uptime_in_days:${Math.floor(uptime / 86_400)}`,
    ],
    clients: () => [
      `connected_clients:${siblings.length}`,
      `blocked_clients:${siblings.filter(({ isWaiting }) => isWaiting).length}`,
    ],
    // Nothing is evicted: clients of queues look for that.
    memory: () => ['maxmemory:0', 'maxmemory_policy:noeviction'],
    persistence: () => ['loading:0', 'async_loading:0'],
    replication: () => ['role:master', 'connected_slaves:0'],
    cluster: () => ['cluster_enabled:0'],
    automation: async () => {
      const { maxKeys, maxBytes, maxElements } = store.limits
      const { version, keys, bytes } = await store.usage(automation)
      return [
        `version:${version}`,
        `used_keys:${keys}`,
        `allowed_keys:${maxKeys}`,
        `used_bytes:${bytes}`,
        `allowed_bytes:${maxBytes}`,
        `allowed_elements_of_one_key:${maxElements}`,
        `connections_to_this_process:${siblings.length}`,
      ]
    },
    keyspace: async () => {
      const keys = await liveKeys(store, automation)
      if (keys.length === 0) return []
      const left = keys.flatMap(({ expireAt }) => (expireAt === 0 ? [] : Math.max(0, expireAt - Date.now())))
      const average = left.length === 0 ? 0 : Math.round(left.reduce((sum, ms) => sum + ms, 0) / left.length)
      return [`db0:keys=${keys.length},expires=${left.length},avg_ttl=${average}`]
    },
  }
  const made: Array<readonly [name: string, lines: readonly string[]]> = []
  for (const [name, lines] of Object.entries(sections)) if (wanted(name)) made.push([name, await lines()])
  return made
}

/** Which sections a request names. */
function wantedBy(args: readonly Buffer[]): (name: string) => boolean {
  const names = args.slice(1).map((arg) => arg.toString('latin1').toLowerCase())
  if (names.length === 0 || names.some((name) => ['all', 'default', 'everything'].includes(name)))
    return () => true
  return (name) => names.includes(name)
}

/** The reply, of those sections that the request names. */
export function infoReply(sections: InfoSections, args: readonly Buffer[]): Verbatim {
  const wanted = wantedBy(args)
  const parts = sections
    .filter(([name]) => wanted(name))
    .map(([name, lines]) => [`# ${name[0]!.toUpperCase()}${name.slice(1)}`, ...lines, ''].join('\r\n'))
  return new Verbatim('txt', parts.join('\r\n'))
}

const info = async ({ context, automation }: Session, args: readonly Buffer[]): Promise<Verbatim> =>
  infoReply(await infoSections(context, automation!, wantedBy(args)), args)

const group = 'server'

export const SERVER = [
  connection({
    // Exclusive: it counts the keys that the commands before it wrote.
    name: 'info',
    arity: -1,
    flags: 'loading stale',
    group,
    since: '1.0.0',
    exclusive: true,
    syntax: '[section [section ...]]',
    summary: "Describes this server and the automation's own part of it.",
    handle: info,
  }),
  connection({
    name: 'lolwut',
    arity: -1,
    flags: 'readonly fast',
    group,
    since: '5.0.0',
    syntax: '[VERSION version]',
    summary: 'Displays something nice, and the version.',
    handle: (_session, args) => {
      if (word(args[1]) === 'VERSION' && args.length === 3) integer(args[2]!)
      return new Verbatim(
        'txt',
        `    .--.\n   /.-. '--------.\n   \\'-' .--"--""-'   what you keep here, only you can read\n    '--'\nRedis ver. ${COMPATIBLE_VERSION}\n`,
      )
    },
  }),
  connection({
    name: 'time',
    arity: 1,
    flags: 'loading stale fast',
    group,
    since: '2.6.0',
    syntax: '',
    summary: "Returns this server's clock: seconds and microseconds.",
    handle: () => {
      const now = Date.now()
      return [String(Math.floor(now / 1000)), String((now % 1000) * 1000)]
    },
  }),
]
