import { PassThrough } from 'node:stream'
import { Redis } from 'ioredis'
import { type App, startApp } from '../../src/app/app.ts'
import { mintToken } from '../../src/auth/mint.ts'
import { type Config, loadConfig } from '../../src/config/load.ts'
import { createLog } from '../../src/observability/log.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { RespClient } from './resp-client.ts'

export const SECRET = 'a-secret-for-tests-only-of-at-least-32-bytes'

/**
 * The lifetime of a token that a test sees expire: long enough to log in with on a machine that stalls, as
 * `exp` is in whole seconds.
 */
export const SHORT_LIFE_SECONDS = 4

/** A whole server in this process, on free ports, before a Redis of its own. */
export interface TestServer {
  readonly app: App
  readonly redis: TestRedis
  readonly config: Config
  /** Everything that it logged so far. */
  logged(): string
  token(
    automationId: string,
    options?: { scope?: string; ttlSeconds?: number; runId?: string },
  ): Promise<string>
  /** An ioredis client that is logged in; closed by `stop`. */
  client(automationId: string, options?: Record<string, unknown>): Promise<Redis>
  /** A client that adds nothing of its own, not logged in; closed by `stop`. */
  respClient(): Promise<RespClient>
  /** A client on the backing Redis itself. */
  backing(): Redis
  /** Base URL of the REST door. */
  readonly api: string
  fetch(
    automationId: string,
    method: string,
    path: string,
    body?: string,
  ): Promise<{ status: number; text: string; headers: Headers }>
  stop(): Promise<void>
}

/**
 * `env` adds settings; `redis` puts the server before a Redis that others use too (it is then not stopped
 * with the server).
 */
export async function startServer(env: Record<string, string> = {}, shared?: TestRedis): Promise<TestServer> {
  const redis = shared ?? (await startRedis())
  const config = loadConfig({
    REDIS_URL: redis.url,
    AUTOMATION_KV_SECRET: SECRET,
    AUTOMATION_KV_RESP_PORT: '0',
    AUTOMATION_KV_HTTP_PORT: '0',
    AUTOMATION_KV_ADMIN_PORT: '0',
    AUTOMATION_KV_LOG_LEVEL: 'debug',
    // A thread runs compiled code, and this server is not: compute-threads.test.ts starts one that is.
    AUTOMATION_KV_COMPUTE_THREADS: '0',
    ...env,
  })
  const chunks: Buffer[] = []
  const sink = new PassThrough()
  sink.on('data', (chunk: Buffer) => chunks.push(chunk))
  const app = await startApp(config, createLog(config.logLevel, sink))
  const clients: Redis[] = []
  const respClients: RespClient[] = []
  const token: TestServer['token'] = (automationId, { scope, ttlSeconds = 3600, runId = 'run-1' } = {}) =>
    mintToken({ secret: SECRET, automationId, runId, ttlSeconds, scope })
  const api = `http://127.0.0.1:${app.ports.http}/api/automation/v1`
  return {
    app,
    redis,
    config,
    api,
    token,
    logged: () => Buffer.concat(chunks).toString(),
    async client(automationId, options = {}) {
      const client = new Redis({
        port: app.ports.resp,
        password: await token(automationId),
        lazyConnect: true,
        protocol: 2,
        ...options,
      })
      client.on('error', () => {})
      clients.push(client)
      await client.connect()
      return client
    },
    async respClient() {
      const client = await RespClient.connect(app.ports.resp)
      respClients.push(client)
      return client
    },
    backing() {
      const client = new Redis(redis.url, { protocol: 2 })
      clients.push(client)
      return client
    },
    async fetch(automationId, method, path, body) {
      const response = await fetch(`${api}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${await token(automationId)}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body }),
      })
      return { status: response.status, text: await response.text(), headers: response.headers }
    },
    async stop() {
      for (const client of clients) client.disconnect()
      for (const client of respClients) client.destroy()
      await app.stop()
      if (shared === undefined) await redis.stop()
    },
  }
}
