import type { Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { TokenVerifier } from './auth/tokens.ts'
import { type EmbeddedRedis, ensureSecret, startEmbedded } from './backing/embedded.ts'
import { Backing } from './backing/redis.ts'
import { Subscriber } from './backing/subscriber.ts'
import { limitScripts } from './commands/scripting.ts'
import { limitStrings } from './commands/strings.ts'
import type { Config } from './config.ts'
import { onError } from './core/execute.ts'
import { Waiters } from './core/blocking.ts'
import { PubSub } from './core/pubsub.ts'
import { Store } from './core/store.ts'
import { limitStreams } from './core/stream-changes.ts'
import { Tenants } from './core/tenant.ts'
import { Keyring } from './crypto/keyring.ts'
import { errorLog } from './error-log.ts'
import { createAdminServer } from './http/admin.ts'
import { createHttpServer } from './http/server.ts'
import type { Log } from './log.ts'
import { TcpServer } from './net/tcp-server.ts'
import type { FrameLimits } from './resp/framer.ts'

/** proto-max-bulk-len of Redis: a longer bulk ends the connection, as it does there. */
const HARD_BULK_BYTES = 512 * 1024 * 1024
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

/**
 * Starts everything, or nothing: on an error what has been started is stopped again. `fatal` is called when the server cannot go on.
 * Throws an Error with a text for the operator.
 */
export async function startApp(config: Config, log: Log, fatal: (reason: string) => void = () => {}): Promise<App> {
  const undo: Array<() => Promise<void>> = []
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const startedAt = Date.now()
    const redisUrl = config.redisUrl ?? (await startOwnRedis(config, log, undo, fatal))
    const secret = config.secret ?? ensureSecret(config.dataDir)

    const backing = new Backing({ url: redisUrl, commandTimeoutMs: config.commandTimeoutMs, log, onFault: errorLog(log) })
    undo.push(() => backing.close())
    await backing.connect()

    onError(errorLog(log))
    limitStrings(config.maxValueSize)
    limitStreams(backing.version)
    limitScripts({ timeLimitMs: config.scriptTimeLimitMs, memoryLimitBytes: config.scriptMemoryLimit })
    const tenants = new Tenants(Keyring.fromSettings({ encryptionKeys: config.encryptionKeys, secret }))
    const store = new Store(backing, config)
    const verifier = new TokenVerifier({ secret, issuer: config.tokenIssuer, audience: config.tokenAudience, jwks: config.jwks })

    const subscriber = new Subscriber({ url: redisUrl, commandTimeoutMs: config.commandTimeoutMs, log })
    const pubsub = new PubSub(backing, subscriber, log)
    const waiters = new Waiters(store, subscriber)
    undo.push(async () => {
      await pubsub.close()
      waiters.close()
      subscriber.close()
    })

    // Started first, so stopped last: the operator sees that the server drains.
    const ports = { resp: 0, http: 0, admin: 0 }
    let draining = false
    const admin = createAdminServer({ ready: () => backing.ready && !draining })
    undo.push(() => closed(admin, config.drainTimeoutMs))
    await listening('AUTOMATION_KV_ADMIN_PORT', config.adminPort, admin.listen({ port: config.adminPort, host: config.adminHost }))
    ports.admin = portOf(admin.server)

    const tcp = new TcpServer({
      context: { store, tenants, pubsub, waiters, verifier, sessions: new Set(), startedAt, respPort: () => ports.resp },
      log,
      limits: frameLimits(config),
      loginTimeoutMs: config.loginTimeoutMs,
      maxBacklogBytes: config.maxBacklogBytes,
      maxConnections: config.maxConnections,
      maxUnauthenticated: config.maxUnauthenticated,
    })
    ports.resp = await listening('AUTOMATION_KV_RESP_PORT', config.respPort, tcp.listen(config.respPort, config.respHost))
    undo.push(() => tcp.close(config.drainTimeoutMs))

    const http = createHttpServer({ store, tenants, verifier, log, maxKeyLength: config.maxKeyLength, maxValueSize: config.maxValueSize })
    undo.push(() => closed(http, config.drainTimeoutMs))
    await listening('AUTOMATION_KV_HTTP_PORT', config.httpPort, http.listen({ port: config.httpPort, host: config.httpHost }))
    ports.http = portOf(http.server)

    undo.push(async () => {
      draining = true
    })
    return { ports, secret, embedded: config.redisUrl === undefined, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startOwnRedis(config: Config, log: Log, undo: Array<() => Promise<void>>, fatal: (reason: string) => void): Promise<string> {
  const embedded: EmbeddedRedis = await startEmbedded({ dataDir: config.dataDir, log })
  undo.push(() => embedded.stop())
  embedded.onExit(({ restarting }) => {
    if (!restarting) fatal('the embedded Redis keeps dying; its log is in the data directory')
  })
  return embedded.url
}

const frameLimits = (config: Config): FrameLimits => ({
  maxArgs: MAX_ARGS,
  maxBulkBytes: config.maxValueSize,
  hardBulkBytes: HARD_BULK_BYTES,
  maxFrameBytes: config.maxRequestSize,
  maxInlineBytes: 64 * 1024,
  authenticated: true,
})

/** Turns a listener's error into a text that names the setting. */
async function listening<T>(setting: string, port: number, listen: Promise<T>): Promise<T> {
  try {
    return await listen
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') throw new Error(`port ${port} is in use. Stop what listens there, or set ${setting} to another port (0 picks a free one).`)
    if (code === 'EACCES') throw new Error(`port ${port} needs more rights. Set ${setting} to a port above 1023.`)
    if (code === 'EADDRNOTAVAIL') throw new Error(`the address is not one of this machine. Check ${setting.replace('_PORT', '_HOST')}.`)
    throw error
  }
}

/** Lets open requests finish, and cuts those that take longer than `timeoutMs`. */
async function closed(server: FastifyInstance, timeoutMs: number): Promise<void> {
  const deadline = setTimeout(() => server.server.closeAllConnections(), timeoutMs)
  await server.close()
  clearTimeout(deadline)
}

const portOf = (server: Server): number => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
