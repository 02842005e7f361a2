import { TokenVerifier } from '../auth/tokens.ts'
import { Automations } from '../automation/automation.ts'
import { Keyring } from '../automation/keyring.ts'
import { SingleNode } from '../backing/single-node.ts'
import { SingleNodeBus } from '../backing/single-node-bus.ts'
import { Scripts } from '../commands/scripting/scripts.ts'
import { COMMANDS } from '../commands/table.ts'
import type { Config } from '../config/load.ts'
import { PubSub } from '../engine/messaging/pubsub.ts'
import { Store } from '../engine/store.ts'
import { BlockedClients } from '../engine/waiting/blocked-clients.ts'
import { HeldBytes } from '../fair-share/held-bytes.ts'
import { SharedBacking } from '../fair-share/shared-backing.ts'
import { Turns } from '../fair-share/turns.ts'
import { Gate } from '../gate/gate.ts'
import { errorLog } from '../observability/error-log.ts'
import type { Log } from '../observability/log.ts'
import type { FrameLimits } from '../protocol/framer.ts'
import type { Reply } from '../reply/reply.ts'
import { TcpServer } from '../servers/resp/resp-server.ts'
import { createHttpServer } from '../servers/rest/rest-server.ts'
import { type Bootstrapped, bootstrap, type Undo, undoAll } from './bootstrap.ts'
import { closed, listening, portOf, startAdmin } from './listeners.ts'

/** proto-max-bulk-len of Redis: a longer bulk ends the connection, as it does there. */
const HARD_BULK_BYTES = 512 * 1024 * 1024
/** To the backing Redis: an automation that asks for much holds up those on one of them. */
const LINKS = 4
/** Requests that are decoded and started together, before others may have their turn. */
const FRAMES_A_SLICE = 64
/** Most arguments of one request, as in Redis. */
const MAX_ARGS = 1024 * 1024

export interface Ports {
  readonly resp: number
  readonly http: number
  readonly admin: number
}

/** A running server: the only place where its parts are joined. */
export interface App {
  readonly ports: Ports
  /** The secret in use, also when it was generated: what `token mint` and the banner sign with. */
  readonly secret: string
  /** Where the data is: a URL of the setting's form, or undefined for the embedded Redis. */
  readonly embedded: boolean
  /** Rejects new work, finishes what has begun, stops the embedded Redis. */
  stop(): Promise<void>
}

/** Both doors of one process, and all that is behind them. */
export interface Servers {
  readonly ports: Omit<Ports, 'admin'>
  /** Whether the link to the backing Redis is up. */
  ready(): boolean
  /** Rejects new work and finishes what has begun. */
  stop(): Promise<void>
}

/**
 * Starts everything, or nothing: on an error what has been started is stopped again. `fatal` is called when
 * the server cannot go on. Throws an Error with a text for the operator.
 */
export async function startApp(
  config: Config,
  log: Log,
  fatal: (reason: string) => void = () => {},
): Promise<App> {
  const undo: Undo = []
  try {
    const bootstrapped = await bootstrap(config, log, undo, fatal)
    let doors: Servers | undefined
    // Started first, so stopped last: the operator sees that the server drains.
    const admin = await startAdmin(config, () => doors?.ready() === true)
    undo.push(admin.close)
    const opened = await startServers(config, bootstrapped, log)
    doors = opened
    undo.push(() => {
      doors = undefined
      return opened.stop()
    })
    return {
      ports: { ...opened.ports, admin: admin.port },
      secret: bootstrapped.secret,
      embedded: config.redisUrl === undefined,
      stop: () => undoAll(undo),
    }
  } catch (error) {
    await undoAll(undo)
    throw error
  }
}

/** Starts RESP and REST in this process, or nothing. Throws an Error with a text for the operator. */
export async function startServers(
  config: Config,
  { redisUrl, secret }: Bootstrapped,
  log: Log,
): Promise<Servers> {
  const undo: Undo = []
  try {
    const startedAt = Date.now()
    const report = errorLog(log)
    const turns = new Turns(report)
    const node = { url: redisUrl, commandTimeoutMs: config.commandTimeoutMs, log, onFault: report }
    const links = Array.from({ length: LINKS }, () => new SingleNode(node))
    const backing = new SharedBacking(links, turns)
    undo.push(() => backing.close())
    // The doors are made meanwhile; the error is thrown where it is awaited.
    const connected = backing.connect()
    connected.catch(() => {})

    const gate = new Gate(config)
    const scripts = new Scripts(COMMANDS, gate, {
      timeLimitMs: config.scriptTimeLimitMs,
      memoryLimitBytes: config.scriptMemoryLimit,
    })
    const automations = new Automations(
      Keyring.fromSettings({ encryptionKeys: config.encryptionKeys, secret }),
    )
    const store = new Store(backing, config, report, turns)
    const verifier = new TokenVerifier({
      secret,
      issuer: config.tokenIssuer,
      audience: config.tokenAudience,
      jwks: config.jwks,
    })

    const bus = new SingleNodeBus({ url: redisUrl, commandTimeoutMs: config.commandTimeoutMs, log })
    const pubsub = new PubSub(backing, bus, log)
    const blockedClients = new BlockedClients<Reply>(store, bus)
    undo.push(async () => {
      await pubsub.close()
      blockedClients.close()
      bus.close()
    })

    const ports = { resp: 0, http: 0 }
    const tcp = new TcpServer({
      context: {
        store,
        scripts,
        report,
        gate,
        automations,
        pubsub,
        blockedClients,
        verifier,
        sessions: new Set(),
        startedAt,
        respPort: () => ports.resp,
      },
      log,
      turns,
      room: backing,
      held: new HeldBytes(config),
      limits: frameLimits(config),
      loginTimeoutMs: config.loginTimeoutMs,
      maxBacklogBytes: config.maxBacklogBytes,
      maxConnections: config.maxConnections,
      maxUnauthenticated: config.maxUnauthenticated,
    })
    const http = createHttpServer({
      store,
      automations,
      verifier,
      gate,
      log,
      maxValueSize: config.maxValueSize,
    })
    await Promise.all([connected, http.ready()])

    ports.resp = await listening(
      'AUTOMATION_KV_RESP_PORT',
      config.respPort,
      tcp.listen(config.respPort, config.respHost),
    )
    undo.push(() => tcp.close(config.drainTimeoutMs))
    undo.push(() => closed(http, config.drainTimeoutMs))
    await listening(
      'AUTOMATION_KV_HTTP_PORT',
      config.httpPort,
      http.listen({ port: config.httpPort, host: config.httpHost }),
    )
    ports.http = portOf(http.server)
    return { ports, ready: () => backing.ready, stop: () => undoAll(undo) }
  } catch (error) {
    await undoAll(undo)
    throw error
  }
}

const frameLimits = (config: Config): FrameLimits => ({
  maxArgs: MAX_ARGS,
  maxBulkBytes: config.maxValueSize,
  hardBulkBytes: HARD_BULK_BYTES,
  maxFrameBytes: config.maxRequestSize,
  maxInlineBytes: 64 * 1024,
  maxFramesPerEvent: FRAMES_A_SLICE,
  authenticated: true,
})
