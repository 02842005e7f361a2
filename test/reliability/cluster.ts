import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { mintToken } from '../../src/auth/mint.ts'
import { FaultProxy } from '../helpers/fault-proxy.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { SECRET } from '../helpers/server.ts'
import type { Random } from './random.ts'

const ROOT = join(import.meta.dirname, '../..')

/** A link that does not answer for this long is given up; short, so that a stalled one is over soon. */
export const COMMAND_TIMEOUT_MS = 500

/** One server process. */
export interface Member {
  readonly respPort: number
  readonly httpPort: number
  readonly adminPort: number
  readonly process: ChildProcess
}

/**
 * Several server processes, each behind a link of its own that can be broken, before one Redis that syncs its
 * file with every write.
 */
export class Cluster {
  readonly proxies: FaultProxy[] = []
  redis: TestRedis
  /** What a server logged that it never should. */
  readonly faults: string[] = []
  private readonly members: Array<Member | undefined> = []
  private readonly dist: string

  private constructor(redis: TestRedis, dist: string) {
    this.redis = redis
    this.dist = dist
  }

  static async start(size: number): Promise<Cluster> {
    const built = join(ROOT, 'dist')
    if (!existsSync(join(built, 'main.js'))) throw new Error('no build: run npm run build')
    mkdirSync(join(ROOT, '.tmp'), { recursive: true })
    // A build of its own: another one may replace dist during a long run.
    const dist = mkdtempSync(join(ROOT, '.tmp/reliability-'))
    cpSync(built, dist, { recursive: true })
    const cluster = new Cluster(await startDurableRedis(), dist)
    for (let i = 0; i < size; i++) cluster.proxies.push(await FaultProxy.start(cluster.redis.port!))
    await Promise.all(cluster.proxies.map((_, i) => cluster.launch(i)))
    return cluster
  }

  get size(): number {
    return this.proxies.length
  }

  member(i: number): Member | undefined {
    return this.members[i]
  }

  get living(): Member[] {
    return this.members.filter((member) => member !== undefined)
  }

  anyMember(random: Random): Member {
    const { living } = this
    if (living.length === 0) throw new Error('no server lives')
    return random.of(living)
  }

  token(automationId: string): Promise<string> {
    return mintToken({ secret: SECRET, automationId, runId: 'reliability', ttlSeconds: 3600 })
  }

  /** Starts the i-th server process. `crash` names the point at which it will end itself. */
  async launch(i: number, crash?: string): Promise<Member> {
    const env = {
      PATH: process.env.PATH,
      REDIS_URL: this.proxies[i]!.url,
      AUTOMATION_KV_SECRET: SECRET,
      AUTOMATION_KV_RESP_PORT: '0',
      AUTOMATION_KV_HTTP_PORT: '0',
      AUTOMATION_KV_ADMIN_PORT: '0',
      AUTOMATION_KV_COMMAND_TIMEOUT_MS: String(COMMAND_TIMEOUT_MS),
      AUTOMATION_KV_LOG_LEVEL: 'info',
      ...(crash === undefined ? {} : { AUTOMATION_KV_TEST_CRASH: crash }),
    }
    const child = spawn(process.execPath, [join(this.dist, 'main.js'), 'serve'], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const ports: number[] = []
    const lines: string[] = []
    const member = await new Promise<Member>((resolve, reject) => {
      child.once('exit', () => {
        if (this.members[i]?.process === child) this.members[i] = undefined
        reject(new Error(`a server ended: ${lines.join('\n')}`))
      })
      createInterface(child.stderr!).on('line', (line) => {
        if (/internal error|unforeseen|scripts could not be loaded/.test(line)) this.faults.push(line)
        if (ports.length === 3) return
        lines.push(line)
        const port = /"address":"[^"]*:(\d+)","msg":"listening for/.exec(line)?.[1]
        if (port === undefined || ports.push(Number(port)) < 3) return
        resolve({ respPort: ports[0]!, httpPort: ports[1]!, adminPort: ports[2]!, process: child })
      })
    })
    this.members[i] = member
    return member
  }

  /** `kill -9`. */
  async kill(i: number): Promise<void> {
    const { process: child } = this.members[i]!
    this.members[i] = undefined
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** A client on the Redis itself, for one piece of work. */
  async onRedis<T>(work: (client: Redis) => Promise<T>, redis: TestRedis = this.redis): Promise<T> {
    const client = new Redis(redis.url, { protocol: 2, lazyConnect: true, retryStrategy: () => null })
    client.on('error', () => {})
    try {
      await client.connect()
      return await work(client)
    } finally {
      client.disconnect()
    }
  }

  /** A second Redis that follows the first, at `port`, and has all that it has. */
  async follow(port = this.redis.port!): Promise<TestRedis> {
    const replica = await startDurableRedis()
    // Not as an argument of its process, which would make it a replica again at every restart.
    await this.onRedis(async (client) => {
      await client.replicaof('127.0.0.1', port)
      while (!/master_link_status:up/.test(await client.info('replication'))) await delay(10)
    }, replica)
    return replica
  }

  /** The former replica takes the place of the Redis, which is gone. */
  async promote(replica: TestRedis): Promise<void> {
    await this.onRedis((client) => client.replicaof('NO', 'ONE'), replica)
    for (const proxy of this.proxies) proxy.retarget(replica.port!)
    const old = this.redis
    this.redis = replica
    await old.stop()
  }

  async stop(): Promise<void> {
    for (const [i, member] of this.members.entries()) if (member !== undefined) await this.kill(i)
    for (const proxy of this.proxies) await proxy.close()
    await this.redis.stop()
    rmSync(this.dist, { recursive: true, force: true })
  }
}

const startDurableRedis = (): Promise<TestRedis> =>
  startRedis({
    port: 'free',
    aof: true,
    args: ['--maxmemory-policy', 'noeviction', '--repl-diskless-sync-delay', '0'],
  })
