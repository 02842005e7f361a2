import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { startServer, type TestServer } from '../helpers/server.ts'
import { ALL, CLIENTS, type Client, missing } from './catalog.ts'
import { probe, type Report } from './programs.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** A server that programs can have restarted on the same port. */
class Server {
  private readonly redis: TestRedis
  private current: TestServer

  private constructor(redis: TestRedis, current: TestServer) {
    this.redis = redis
    this.current = current
  }

  static async start(): Promise<Server> {
    const redis = await startRedis()
    return new Server(redis, await startServer({}, redis))
  }

  get port(): number {
    return this.current.app.ports.resp
  }

  token(automation: string): Promise<string> {
    return this.current.token(automation)
  }

  async restart(): Promise<void> {
    const { port } = this
    await this.current.stop()
    this.current = await startServer({ AUTOMATION_KV_RESP_PORT: String(port) }, this.redis)
  }

  async stop(): Promise<void> {
    await this.current.stop()
    await this.redis.stop()
  }
}

let server: Server
const reports: Array<Report & Pick<Client, 'id' | 'name' | 'language'>> = []

const run = async ({ id, name, language, setup }: Client): Promise<Report | undefined> => {
  const folder = join(root, '.tmp/clients', id)
  mkdirSync(folder, { recursive: true })
  const argv = await setup(folder)
  if (argv === undefined) return undefined
  const env = { KV_HOST: '127.0.0.1', KV_PORT: String(server.port), KV_TOKEN: await server.token(id) }
  const report = await probe(argv, env, () => server.restart())
  reports.push({ id, name, language, ...report })
  return report
}

describe('real clients', () => {
  beforeAll(async () => {
    server = await Server.start()
  })
  afterAll(async () => {
    await server.stop()
    if (!ALL || reports.length < CLIENTS.length) return
    mkdirSync(join(root, 'docs/data'), { recursive: true })
    const run = { date: new Date().toISOString().slice(0, 10), clients: reports }
    writeFileSync(join(root, 'docs/data/clients.json'), `${JSON.stringify(run, null, 2)}\n`)
  })

  test.for(CLIENTS)('$name', { timeout: ALL ? 900_000 : 60_000 }, async (client, { skip }) => {
    const reason = missing(client)
    if (reason !== undefined) skip(`${client.name} ${reason}`)
    const report = await run(client)
    if (report === undefined) return skip(`${client.name} is not installed: npm run test:clients`)
    const failures = Object.entries(report.results).filter(([, { status }]) => status === 'fail')
    if (failures.length > 0)
      throw new Error(failures.map(([feature, { note }]) => `${feature}: ${note}`).join('\n'))
    expect(Object.keys(report.results).length).toBeGreaterThan(5)
  })
})
