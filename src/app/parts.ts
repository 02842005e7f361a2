import type { FastifyInstance } from 'fastify'
import { TokenVerifier } from '../auth/tokens.ts'
import { Automations } from '../automation/automation.ts'
import { Keyring, type RootKey, rootsOf } from '../automation/keyring.ts'
import { SingleNode } from '../backing/single-node.ts'
import { SingleNodeBus } from '../backing/single-node-bus.ts'
import { infoSections } from '../commands/connection/info-sections.ts'
import { Scripts } from '../commands/scripting/scripts.ts'
import { COMMANDS } from '../commands/table.ts'
import { FlatRequests } from '../compute/flat-requests.ts'
import { ComputePool } from '../compute/pool.ts'
import type { Config } from '../config/load.ts'
import { ListenerRecords } from '../engine/messaging/listener-records.ts'
import { PubSub } from '../engine/messaging/pubsub.ts'
import { Store } from '../engine/store.ts'
import { KeyTracking } from '../engine/tracking/key-tracking.ts'
import { BlockedClients } from '../engine/waiting/blocked-clients.ts'
import { HeldBytes } from '../fair-share/held-bytes.ts'
import { SharedBacking } from '../fair-share/shared-backing.ts'
import { Turns } from '../fair-share/turns.ts'
import { Gate } from '../gate/gate.ts'
import { errorLog } from '../observability/error-log.ts'
import type { Log } from '../observability/log.ts'
import type { FrameLimits } from '../protocol/limits.ts'
import type { Reply } from '../reply/reply.ts'
import { TcpServer } from '../servers/resp/resp-server.ts'
import { createHttpServer } from '../servers/rest/rest-server.ts'
import { Activities } from '../session/activity.ts'
import { Monitors } from '../session/monitors.ts'
import { Pauses } from '../session/pauses.ts'
import { NO_OTHER_THREAD } from '../session/services.ts'
import type { SessionContext } from '../session/session.ts'
import { SlowLogs } from '../session/slow-log.ts'
import type { Bootstrapped, Undo } from './bootstrap.ts'

/** proto-max-bulk-len of Redis: a longer bulk ends the connection, as it does there. */
const HARD_BULK_BYTES = 512 * 1024 * 1024
/** To the backing Redis: an automation that asks for much holds up those on one of them. */
const LINKS = 4
/** Requests that are decoded and started together, before others may have their turn. */
const FRAMES_A_SLICE = 64
/** Most arguments of one request, so that a hash of 100,000 fields is one; in Redis 1,048,576. */
const MAX_ARGS = 256 * 1024

/** What both doors share in one process. */
export interface Parts {
  readonly report: (error: Error) => void
  readonly turns: Turns
  readonly backing: SharedBacking
  readonly held: HeldBytes
  readonly gate: Gate
  readonly scripts: Scripts
  readonly automations: Automations
  readonly pool: ComputePool | undefined
  readonly store: Store
  readonly verifier: TokenVerifier
  readonly pubsub: PubSub
  readonly blockedClients: BlockedClients<Reply>
  readonly keyTracking: KeyTracking
  readonly monitors: Monitors
}

/** Makes and joins them; nothing is connected yet. `undo` closes them. */
export function joinParts(config: Config, { redisUrl, secret }: Bootstrapped, log: Log, undo: Undo): Parts {
  const report = errorLog(log)
  const turns = new Turns(report)
  const node = { url: redisUrl, commandTimeoutMs: config.commandTimeoutMs, log, onFault: report }
  const links = Array.from({ length: LINKS }, () => new SingleNode(node))
  const backing = new SharedBacking(links, turns)
  undo.push(() => backing.close())
  const held = new HeldBytes(config)
  const gate = new Gate(config)
  const scripts = scriptsOf(config, gate)
  const roots = rootsOf({ encryptionKeys: config.encryptionKeys, secret })
  const automations = new Automations(new Keyring(roots))
  const pool = computePool(config, roots, scripts, log)
  undo.push(async () => pool?.close())
  const listeners = new ListenerRecords(backing)
  const remote = pool && new FlatRequests(pool, turns)
  const store = new Store(backing, config, report, { turns, remote, listeners })
  const bus = new SingleNodeBus({ url: redisUrl, commandTimeoutMs: config.commandTimeoutMs, log })
  const pubsub = new PubSub(backing, bus, listeners, turns, log)
  const blockedClients = new BlockedClients<Reply>(store, bus)
  const keyTracking = new KeyTracking(backing, bus, held, turns, report)
  undo.push(async () => {
    await pubsub.close()
    blockedClients.close()
    keyTracking.close()
    bus.close()
  })
  const verifier = verifierOf(config, secret)
  return {
    report,
    turns,
    backing,
    held,
    gate,
    scripts,
    automations,
    pool,
    store,
    verifier,
    pubsub,
    blockedClients,
    keyTracking,
    monitors: new Monitors(),
  }
}

export function respServer(config: Config, parts: Parts, log: Log, respPort: () => number): TcpServer {
  const context: SessionContext = {
    ...parts,
    sessions: new Set(),
    activities: new Activities(),
    pauses: new Pauses(),
    slowLogs: new SlowLogs(),
    clock: parts.turns,
    startedAt: Date.now(),
    respPort,
    runningScripts: parts.pool ?? NO_OTHER_THREAD,
    info: (automation) => infoSections(context, automation),
  }
  return new TcpServer({
    context,
    log,
    turns: parts.turns,
    room: parts.backing,
    held: parts.held,
    limits: frameLimits(config),
    loginTimeoutMs: config.loginTimeoutMs,
    maxBacklogBytes: config.maxBacklogBytes,
    maxConnections: config.maxConnections,
    maxUnauthenticated: config.maxUnauthenticated,
  })
}

export const restServer = (
  config: Config,
  { store, automations, verifier, gate, turns, monitors }: Parts,
  log: Log,
): FastifyInstance =>
  createHttpServer({
    store,
    automations,
    verifier,
    gate,
    turns,
    monitors,
    log,
    maxValueSize: config.maxValueSize,
    maxRequestSize: config.maxRequestSize,
    limits: config,
  })

/** Undefined: everything is computed on this thread. */
function computePool(
  config: Config,
  roots: readonly RootKey[],
  scripts: Scripts,
  log: Log,
): ComputePool | undefined {
  const {
    computeThreads,
    maxKeyLength,
    maxKeysPerCommand,
    maxValueSize,
    scriptTimeLimitMs,
    scriptMemoryLimit,
  } = config
  if (computeThreads === 0) return undefined
  const limits = { timeLimitMs: scriptTimeLimitMs, memoryLimitBytes: scriptMemoryLimit }
  const settings = { roots, maxKeyLength, maxKeysPerCommand, maxValueSize, scripts: limits }
  return new ComputePool({ threads: computeThreads, settings, scripts, log, report: errorLog(log) })
}

const verifierOf = (config: Config, secret: string): TokenVerifier =>
  new TokenVerifier({
    secret,
    issuer: config.tokenIssuer,
    audience: config.tokenAudience,
    jwks: config.jwks,
  })

const scriptsOf = (config: Config, gate: Gate): Scripts =>
  new Scripts(
    COMMANDS,
    gate,
    { timeLimitMs: config.scriptTimeLimitMs, memoryLimitBytes: config.scriptMemoryLimit },
    config.computeThreads === 0 ? 'everything' : 'sockets',
  )

const frameLimits = (config: Config): FrameLimits => ({
  maxArgs: MAX_ARGS,
  maxBulkBytes: config.maxValueSize,
  hardBulkBytes: HARD_BULK_BYTES,
  maxFrameBytes: config.maxRequestSize,
  maxInlineBytes: 64 * 1024,
  maxFramesPerEvent: FRAMES_A_SLICE,
  authenticated: true,
})
