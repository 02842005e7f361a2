import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mintToken } from '../../src/auth/mint.ts'
import { TokenVerifier } from '../../src/auth/tokens.ts'
import { Automations } from '../../src/automation/automation.ts'
import { Keyring } from '../../src/automation/keyring.ts'
import type { BackingArg, BackingReply } from '../../src/backing/backing.ts'
import { SingleNode } from '../../src/backing/single-node.ts'
import { errorReply } from '../../src/commands/execution/error-reply.ts'
import { execute } from '../../src/commands/execution/execute.ts'
import { Scripts } from '../../src/commands/scripting/scripts.ts'
import { STRINGS } from '../../src/commands/strings/strings.ts'
import { COMMANDS } from '../../src/commands/table.ts'
import type { Database } from '../../src/engine/plaintext/database.ts'
import { Store, type StoreLimits } from '../../src/engine/store.ts'
import { Turns } from '../../src/fair-share/turns.ts'
import { Gate } from '../../src/gate/gate.ts'
import type { Log, LogFields } from '../../src/observability/log.ts'
import type { Reply } from '../../src/reply/reply.ts'
import { createHttpServer } from '../../src/servers/rest/rest-server.ts'
import { reportFaults } from './engine.ts'
import type { AnyJson } from './json.ts'
import { startRedis, type TestRedis } from './redis.ts'

export const SECRET = 'a secret of the tests that is long enough'
export const KV = '/api/automation/v1/kv'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The body exactly as sent. */
  readonly text: string
  readonly json: AnyJson
}

export interface CallOptions {
  /** Sent as it is. */
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
  /** Undefined: the client's own; null: none. */
  readonly token?: string | null
}

/** One automation's view of the REST door. */
export interface RestClient {
  readonly automation: string
  readonly token: string
  /** `path` is sent exactly as given: no client normalizes it. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  get(path: string): Promise<Answer>
  put(path: string, body: string): Promise<Answer>
  patch(path: string, body: string): Promise<Answer>
  post(path: string, body?: string): Promise<Answer>
  delete(path: string): Promise<Answer>
  /** What `GET ?meta=true` of any key would tell. */
  version(): Promise<number>
  /** A string command as a RESP client would send it. */
  resp(name: string, ...args: (string | Buffer)[]): Promise<Reply>
  /** Writes any type as RESP commands do: bytes, not documents. */
  plain<T>(key: string, run: (db: Database, name: Buffer) => T): Promise<T>
}

export interface RestServer {
  readonly url: string
  readonly redis: TestRedis
  /** A command to the backing Redis itself. */
  command(words: readonly BackingArg[]): Promise<BackingReply>
  readonly store: Store
  readonly lines: { readonly level: string; readonly fields: LogFields; readonly message: string }[]
  client(scope?: string): Promise<RestClient>
  stop(): Promise<void>
}

export interface RestOptions extends Partial<StoreLimits> {
  readonly redis?: TestRedis
}

/** A REST server on a free port, before a Redis of its own (or the given one). */
export async function startRest(options: RestOptions = {}): Promise<RestServer> {
  const redis = options.redis ?? (await startRedis())
  const lines: RestServer['lines'] = []
  const at =
    (level: string) =>
    (fields: LogFields, message: string): void =>
      void lines.push({ level, fields, message })
  const log: Log = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    enabled: () => true,
  }
  const backing = new SingleNode({ url: redis.url, commandTimeoutMs: 5_000, log })
  await backing.connect()
  const limits = {
    maxKeys: 1_000,
    maxBytes: 2 ** 30,
    maxElements: 1_000_000,
    maxValueSize: 1_048_576,
    lockTimeoutMs: 5_000,
    ...options,
  }
  const store = new Store(backing, limits, reportFaults)
  const gate = new Gate({ maxKeyLength: 255, maxKeysPerCommand: 4_096, maxValueSize: limits.maxValueSize })
  const scripts = new Scripts(COMMANDS, gate, { timeLimitMs: 200, memoryLimitBytes: 32 * 1024 * 1024 })
  const automations = new Automations(Keyring.fromSettings({ secret: SECRET }))
  const app = createHttpServer({
    store,
    automations,
    verifier: new TokenVerifier({ secret: SECRET }),
    gate,
    turns: new Turns(reportFaults),
    log,
    maxValueSize: limits.maxValueSize,
    maxRequestSize: 64 * 1024 * 1024,
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true })
  let clients = 0

  const client = async (scope?: string): Promise<RestClient> => {
    const id = `auto-${process.pid}-${++clients}`
    const token = await mintToken({
      secret: SECRET,
      automationId: id,
      runId: 'run-1',
      ttlSeconds: 3_600,
      scope,
    })
    const automation = automations.get(id)
    const call: RestClient['call'] = (method, path, { body, headers = {}, token: other } = {}) =>
      send(agent, port, method, path, body, {
        ...(other === null ? {} : { authorization: `Bearer ${other ?? token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      })
    const under = (path: string): string => `${KV}/${path}`
    return {
      automation: id,
      token,
      call,
      get: (path) => call('GET', under(path)),
      put: (path, body) => call('PUT', under(path), { body }),
      patch: (path, body) => call('PATCH', under(path), { body }),
      post: (path, body) => call('POST', under(path), body === undefined ? {} : { body }),
      delete: (path) => call('DELETE', under(path)),
      version: async () => Number((await backing.call(automation, ['GET', automation.versionKey])) ?? 0),
      resp: (name, ...args) =>
        new Promise((resolve) => {
          const row = STRINGS.find((candidate) => candidate.name === name)!
          const identity = {
            automationId: id,
            runId: undefined,
            expiresAt: Infinity,
            issuedAt: undefined,
            readOnly: false,
          }
          const call = {
            args: [name, ...args].map((arg) => Buffer.from(arg)),
            identity,
            automation,
            services: { store, scripts, report: reportFaults, info: () => Promise.resolve([]) },
          }
          execute(row, call, (error, reply) =>
            resolve(error === null ? reply : errorReply(error, reportFaults)),
          )
        }),
      plain: (key, run) =>
        new Promise((resolve, reject) => {
          const name = Buffer.from(key)
          store.compute(automation, {
            needs: [{ name, extent: 'all' }],
            run: (db) => run(db, name),
            done: (error, result) => (error === null ? resolve(result!) : reject(error)),
          })
        }),
    }
  }

  return {
    url: `http://127.0.0.1:${port}`,
    redis,
    command: (words) => backing.call(automations.get('tests'), words),
    store,
    lines,
    client,
    stop: async () => {
      agent.destroy()
      await app.close()
      await backing.close()
      if (options.redis === undefined) await redis.stop()
    },
  }
}

type Body = string | Buffer | undefined

const send = (
  agent: Agent,
  port: number,
  method: string,
  path: string,
  body: Body,
  headers: Record<string, string>,
) =>
  new Promise<Answer>((resolve, reject) => {
    const call = request({ agent, host: '127.0.0.1', port, method, path, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const isJson = String(response.headers['content-type']).startsWith('application/json')
        const json: unknown = isJson && text !== '' ? JSON.parse(text) : undefined
        resolve({ status: response.statusCode!, headers: response.headers, text, json })
      })
    })
    call.on('error', reject)
    // Node names no length with methods that seldom have a body, and what follows would be no request.
    if (body !== undefined && !call.hasHeader('transfer-encoding') && !call.hasHeader('content-length'))
      call.setHeader('content-length', Buffer.byteLength(body))
    call.end(body)
  })
