import { arch, type as operatingSystem } from 'node:os'
import type { Automation } from '../../automation/automation.ts'
import type { InfoSections } from '../../engine/plaintext/snapshot.ts'
import type { Usage } from '../../engine/writes/quota.ts'
import { RUN_ID } from '../../lib/run-id.ts'
import { type Session, type SessionContext, sessionsOf } from '../../session/session.ts'
import { liveKeys } from '../generic/keyspace.ts'
import { COMPATIBLE_VERSION } from './handshake.ts'

/** Of whom it tells. */
interface About {
  readonly context: SessionContext
  readonly automation: Automation
  /** The automation's connections to this process. */
  readonly siblings: readonly Session[]
  /** Asked for once, however many sections tell of it. */
  readonly usage: () => Promise<Usage>
}

type Fields = Readonly<Record<string, string | number>>

/** As Redis's bytesToHuman. */
function humanBytes(bytes: number): string {
  if (bytes < 1_024) return `${bytes}B`
  const unit = Math.min(4, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1_024 ** unit).toFixed(2)}${'KMGT'[unit - 1]}`
}

function server({ context: { startedAt, respPort } }: About): Fields {
  const now = Date.now()
  const uptime = Math.floor((now - startedAt) / 1_000)
  return {
    redis_version: COMPATIBLE_VERSION,
    redis_mode: 'standalone',
    server_name: 'automation-kv',
    os: `${operatingSystem()} ${arch()}`,
    arch_bits: 64,
    multiplexing_api: 'libuv',
    run_id: RUN_ID,
    tcp_port: respPort(),
    server_time_usec: now * 1_000,
    uptime_in_seconds: uptime,
    uptime_in_days: Math.floor(uptime / 86_400),
  }
}

function clients({ siblings, context }: About): Fields {
  return {
    connected_clients: siblings.length,
    cluster_connections: 0,
    maxclients: context.gate.connections.allowed,
    blocked_clients: siblings.filter(({ isWaiting }) => isWaiting).length,
    tracking_clients: siblings.filter(({ tracking }) => tracking !== undefined).length,
  }
}

/** The automation's bytes in the backing Redis, and its limit. Nothing is evicted: queues look for that. */
async function memory({ context, usage }: About): Promise<Fields> {
  const { bytes } = await usage()
  const { maxBytes } = context.store.limits
  return {
    used_memory: bytes,
    used_memory_human: humanBytes(bytes),
    used_memory_rss: bytes,
    used_memory_rss_human: humanBytes(bytes),
    // What it once was is not kept.
    used_memory_peak: bytes,
    used_memory_peak_human: humanBytes(bytes),
    used_memory_dataset: bytes,
    total_system_memory: maxBytes,
    total_system_memory_human: humanBytes(maxBytes),
    used_memory_lua: 0,
    used_memory_lua_human: humanBytes(0),
    maxmemory: maxBytes,
    maxmemory_human: humanBytes(maxBytes),
    maxmemory_policy: 'noeviction',
    mem_fragmentation_ratio: '1.00',
  }
}

/** Files are the business of the backing Redis. */
const persistence = (): Fields => ({
  loading: 0,
  async_loading: 0,
  rdb_changes_since_last_save: 0,
  rdb_bgsave_in_progress: 0,
  rdb_last_bgsave_status: 'ok',
  aof_enabled: 0,
  aof_rewrite_in_progress: 0,
  aof_last_bgrewrite_status: 'ok',
  aof_last_write_status: 'ok',
})

/** Of the automation's connections to this process. */
function stats({ context, automation, siblings }: About): Fields {
  const activity = context.activities.of(automation.id)
  const listening = (kind: 'channel' | 'pattern' | 'shard'): number =>
    new Set(siblings.flatMap(({ subscriptions }) => [...subscriptions[kind].keys()])).size
  return {
    total_connections_received: activity.connections,
    total_commands_processed: activity.commands,
    instantaneous_ops_per_sec: activity.perSecond(Date.now()),
    total_net_input_bytes: activity.receivedBytes,
    total_net_output_bytes: activity.sentBytes,
    rejected_connections: activity.refusedConnections,
    evicted_keys: 0,
    pubsub_channels: listening('channel'),
    pubsub_patterns: listening('pattern'),
    pubsubshard_channels: listening('shard'),
    total_error_replies: activity.errorReplies,
  }
}

async function quota({ context, siblings, usage }: About): Promise<Fields> {
  const { maxKeys, maxBytes, maxElements } = context.store.limits
  const { version, keys, bytes } = await usage()
  return {
    version,
    used_keys: keys,
    allowed_keys: maxKeys,
    used_bytes: bytes,
    allowed_bytes: maxBytes,
    allowed_elements_of_one_key: maxElements,
    connections_to_this_process: siblings.length,
  }
}

async function keyspace({ context: { store }, automation }: About): Promise<Fields> {
  const keys = await liveKeys(store, automation)
  if (keys.length === 0) return {}
  const left = keys.flatMap(({ expireAt }) => (expireAt === 0 ? [] : Math.max(0, expireAt - Date.now())))
  const average = left.length === 0 ? 0 : Math.round(left.reduce((sum, ms) => sum + ms, 0) / left.length)
  return { db0: `keys=${keys.length},expires=${left.length},avg_ttl=${average}` }
}

const SECTIONS: Readonly<Record<string, (about: About) => Fields | Promise<Fields>>> = {
  server,
  clients,
  memory,
  persistence,
  stats,
  replication: () => ({ role: 'master', connected_slaves: 0, master_repl_offset: 0 }),
  cluster: () => ({ cluster_enabled: 0 }),
  automation: quota,
  keyspace,
}

/**
 * INFO is about this server and the automation's own part of it: nothing in it tells of another automation or
 * of the backing Redis. All sections, or those that are `wanted`.
 */
export async function infoSections(
  context: SessionContext,
  automation: Automation,
  wanted: (name: string) => boolean = () => true,
): Promise<InfoSections> {
  let asked: Promise<Usage> | undefined
  const about: About = {
    context,
    automation,
    siblings: sessionsOf(context, automation.id),
    usage: () => (asked ??= context.store.usage(automation)),
  }
  const made: Array<readonly [name: string, lines: readonly string[]]> = []
  for (const [name, fieldsOf] of Object.entries(SECTIONS)) {
    if (!wanted(name)) continue
    const fields = Object.entries(await fieldsOf(about))
    made.push([name, fields.map(([field, value]) => `${field}:${value}`)])
  }
  return made
}
