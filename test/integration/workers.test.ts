import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { mintToken } from '../../src/auth/mint.ts'
import { eventually } from '../helpers/eventually.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { RespClient } from '../helpers/resp-client.ts'
import { SECRET } from '../helpers/server.ts'

const MAIN = join(import.meta.dirname, '../../dist/main.js')

interface Line {
  readonly level: string
  readonly msg: string
  readonly worker?: number
  readonly pid?: number
  readonly address?: string
  readonly reason?: string
}

/** A server of several processes, as the command line starts it. */
class Served {
  readonly child: ChildProcess
  output = ''
  errors = ''
  readonly exit: Promise<number | null>

  constructor(env: Record<string, string>) {
    const ports = {
      AUTOMATION_KV_RESP_PORT: '0',
      AUTOMATION_KV_HTTP_PORT: '0',
      AUTOMATION_KV_ADMIN_PORT: '0',
    }
    const settings = { AUTOMATION_KV_SECRET: SECRET, AUTOMATION_KV_WORKERS: '2', ...ports, ...env }
    this.child = spawn(process.execPath, [MAIN, 'serve'], {
      env: { PATH: process.env.PATH, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout!.on('data', (chunk) => (this.output += chunk))
    this.child.stderr!.on('data', (chunk) => (this.errors += chunk))
    this.exit = once(this.child, 'close').then(([code]) => code as number | null)
  }

  get lines(): Line[] {
    return this.errors
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line)
  }

  /** Process ids of the workers that came to listen, the latest last. */
  get pids(): number[] {
    return this.lines.filter(({ msg }) => msg === 'worker is listening').map(({ pid }) => pid!)
  }

  async ready(): Promise<this> {
    await Promise.race([eventually(() => this.output.includes('Ctrl-C stops the server'), 25_000), this.exit])
    if (this.child.exitCode !== null) throw new Error(this.errors)
    return this
  }

  port(door: 'Redis clients' | 'REST' | 'the operator'): number {
    return Number(
      this.lines
        .find(({ msg }) => msg === `listening for ${door}`)!
        .address!.split(':')
        .at(-1),
    )
  }

  async readyz(): Promise<number> {
    return (await fetch(`http://127.0.0.1:${this.port('the operator')}/readyz`)).status
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

// `npm test` builds first; a test run by hand may find no build.
describe.skipIf(!existsSync(MAIN))('two workers', () => {
  let redis: TestRedis
  let cleanups: Array<() => unknown>
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())
  beforeEach(() => {
    cleanups = []
  })
  afterEach(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup()
  })

  const serve = (env: Record<string, string> = {}): Served => {
    const served = new Served({ REDIS_URL: redis.url, ...env })
    cleanups.push(async () => {
      served.child.kill('SIGKILL')
      await served.exit
    })
    return served
  }

  const tokenOf = (automationId: string): Promise<string> =>
    mintToken({ secret: SECRET, automationId, runId: 'r', ttlSeconds: 600 })

  const login = async (served: Served, automationId = 'shared'): Promise<RespClient> => {
    const client = await RespClient.connect(served.port('Redis clients'))
    cleanups.push(() => client.destroy())
    expect(await client.text('AUTH', await tokenOf(automationId))).toBe('OK')
    return client
  }

  /** Names the process that serves the connection. */
  const runOf = async (client: RespClient): Promise<string> =>
    /run_id:(\w+)/.exec(await client.text('INFO', 'server'))![1]!

  /** Connections on two workers. */
  const pair = async (served: Served, automationId?: string): Promise<[RespClient, RespClient]> => {
    const first = await login(served, automationId)
    const run = await runOf(first)
    for (let attempt = 0; attempt < 20; attempt++) {
      const second = await login(served, automationId)
      if ((await runOf(second)) !== run) return [first, second]
    }
    throw new Error('all connections came to the same worker')
  }

  test('serve one store behind the same ports, and the banner comes once, when both listen', async () => {
    const served = await serve().ready()
    expect(served.output.split('automation-kv is running.')).toHaveLength(2)
    expect(served.pids).toHaveLength(2)
    expect(
      new Set(served.lines.filter(({ msg }) => msg === 'backing Redis: link up').map(({ worker }) => worker)),
    ).toEqual(new Set([1, 2]))
    expect(served.lines.filter(({ msg }) => msg === 'listening for Redis clients')).toHaveLength(1)
    expect(await served.readyz()).toBe(200)

    const [left, right] = await pair(served)
    expect(await left.text('SET', 'shared', 'value')).toBe('OK')
    expect(await right.text('GET', 'shared')).toBe('value')
    const headers = { authorization: `Bearer ${await tokenOf('shared')}`, connection: 'close' }
    for (let i = 0; i < 4; i++) {
      const answer = await fetch(`http://127.0.0.1:${served.port('REST')}/api/automation/v1/kv/shared`, {
        headers,
      })
      expect(await answer.json()).toEqual({ key: 'shared', value: 'value' })
    }

    // A transaction sees what another process changed.
    expect(await left.text('WATCH', 'watched')).toBe('OK')
    expect(await right.text('SET', 'watched', '1')).toBe('OK')
    expect(await left.text('MULTI')).toBe('OK')
    expect(await left.text('INCR', 'watched')).toBe('QUEUED')
    expect(await left.text('EXEC')).toBe('(nil)')
    expect(await right.text('GET', 'watched')).toBe('1')
    await Promise.all(
      [left, right].map(async (client) => {
        for (let i = 0; i < 20; i++) await client.call('INCR', 'both')
      }),
    )
    expect(await left.text('GET', 'both')).toBe('40')

    // Waiting and listening reach over processes too.
    const backing = new Redis(redis.url)
    cleanups.push(() => backing.disconnect())
    const popped = left.text('BLPOP', 'queue', '20')
    await eventually(async () => (await backing.exists('kv:{shared}:b')) === 1)
    expect(await right.text('RPUSH', 'queue', 'job')).toBe('1')
    expect(await popped).toBe('[queue, job]')
    expect(await left.text('SUBSCRIBE', 'news')).toBe('[subscribe, news, 1]')
    expect(await right.text('PUBLISH', 'news', 'hello')).toBe('1')
    expect(((await left.reply()) as Buffer[]).map(String)).toEqual(['message', 'news', 'hello'])
  })

  test('one that is killed has a successor, and the other goes on meanwhile', async () => {
    const served = await serve().ready()
    const [left, right] = await pair(served, 'killed')
    const victim = served.pids[0]!
    process.kill(victim, 'SIGKILL')
    await eventually(() => left.closed || right.closed)
    const survivor = left.closed ? right : left
    expect(await survivor.text('SET', 'k', 'v')).toBe('OK')
    // New connections come to the survivor until the new one listens.
    expect(await (await login(served, 'killed')).text('GET', 'k')).toBe('v')
    await eventually(() => served.pids.length === 3, 25_000)
    expect(served.lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        reason: 'SIGKILL',
        msg: 'worker ended; starting another one',
      }),
    )
    expect(survivor.closed).toBe(false)
    const [one, other] = await pair(served, 'killed')
    expect(await one.text('APPEND', 'k', 'w')).toBe('2')
    expect(await other.text('GET', 'k')).toBe('vw')
    expect(await served.readyz()).toBe(200)
  })

  test('one that keeps dying ends the server with the reason, and no process is left', async () => {
    const served = await serve().ready()
    const first = served.pids[0]!
    const killed = new Set<number>()
    const reaper = setInterval(() => {
      for (const { worker, pid, msg } of served.lines) {
        if (
          msg !== 'worker is listening' ||
          worker !== served.lines.find((line) => line.pid === first)!.worker ||
          killed.has(pid!)
        )
          continue
        killed.add(pid!)
        if (isAlive(pid!)) process.kill(pid!, 'SIGKILL')
      }
    }, 5)
    cleanups.push(() => clearInterval(reaper))
    expect(await served.exit).toBe(1)
    clearInterval(reaper)
    expect(killed.size).toBe(5)
    const words = served.lines.filter(({ msg }) => msg === 'cannot go on')
    expect(words).toHaveLength(1)
    expect(words[0]!.reason).toMatch(
      /^worker \d ended 5 times in a row within 10 s \(the last time: SIGKILL\)$/,
    )
    expect(served.pids.filter(isAlive)).toEqual([])
  }, 60_000)

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s lets both finish, with exit code 0 and no process left',
    async (signal) => {
      const served = await serve().ready()
      const [left, right] = await pair(served, 'drained')
      // What was received is answered, in both processes, before the connections end.
      const commands = Array.from({ length: 200 }, (_, i) => `SET k${i} v\r\n`).join('')
      const answered = [left, right].map(async (client) => {
        const { bytesRead } = client.socket
        const replies = client.write(commands).replies(200)
        await eventually(() => client.socket.bytesRead > bytesRead)
        return { replies }
      })
      const pending = await Promise.all(answered)
      served.child.kill(signal)
      for (const { replies } of pending) expect((await replies).map(String)).toEqual(Array(200).fill('OK'))
      expect(await served.exit).toBe(0)
      expect(served.pids.filter(isAlive)).toEqual([])
      expect(served.lines.at(-1)).toMatchObject({ msg: 'stopped' })
    },
  )

  test('a worker that is asked to stop is replaced; killing the primary ends all', async () => {
    const served = await serve().ready()
    process.kill(served.pids[1]!, 'SIGTERM')
    await eventually(() => served.pids.length === 3, 25_000)
    expect(served.lines).toContainEqual(
      expect.objectContaining({
        level: 'info',
        worker: expect.any(Number),
        msg: 'worker was stopped; starting another one',
      }),
    )
    served.child.kill('SIGKILL')
    await served.exit
    await eventually(() => !served.pids.some(isAlive))
  })

  test.each(['RESP', 'HTTP', 'ADMIN'])(
    'a %s port that is in use is told once, with exit code 1',
    async (door) => {
      const squatter = createServer()
      squatter.listen(0, '127.0.0.1')
      await once(squatter, 'listening')
      cleanups.push(() => squatter.close())
      const { port } = squatter.address() as { port: number }
      const served = serve({ [`AUTOMATION_KV_${door}_PORT`]: String(port), AUTOMATION_KV_LOG_LEVEL: 'error' })
      expect(await served.exit).toBe(1)
      expect(served.errors).toBe(
        `automation-kv: port ${port} is in use. Stop what listens there, or set AUTOMATION_KV_${door}_PORT to another port (0 picks a free one).\n`,
      )
      expect(served.output).toBe('')
    },
  )

  test('a Redis that is not there and a wrong setting are told once, with exit code 1', async () => {
    const away = serve({
      REDIS_URL: join(tmpdir(), 'akv-nobody-listens.sock'),
      AUTOMATION_KV_LOG_LEVEL: 'error',
    })
    const wrong = serve({ AUTOMATION_KV_WORKERS: 'many' })
    expect(await away.exit).toBe(1)
    expect(away.errors).toMatch(/^automation-kv: cannot reach the backing Redis: [^\n]+\n$/)
    expect(await wrong.exit).toBe(1)
    expect(wrong.errors).toBe(
      'automation-kv: AUTOMATION_KV_WORKERS: must be auto or a whole number from 1 to 256, not "many"; for example AUTOMATION_KV_WORKERS=1\n',
    )
  })

  test('readiness follows the Redis, and the embedded one belongs to the primary', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'akv-workers-'))
    cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }))
    const own = serve({ REDIS_URL: '', AUTOMATION_KV_DATA_DIR: dataDir, AUTOMATION_KV_SECRET: '' })
    const fragile = await startRedis()
    cleanups.push(() => fragile.stop())
    const served = await serve({ REDIS_URL: fragile.url }).ready()
    await fragile.kill()
    await eventually(async () => (await served.readyz()) === 503)
    await fragile.restart()
    await eventually(async () => (await served.readyz()) === 200)

    await own.ready()
    const [pid] = own.lines.filter(({ msg }) => msg === 'embedded Redis is ready').map((line) => line.pid!)
    process.kill(own.pids[0]!, 'SIGKILL')
    await eventually(() => own.pids.length === 3, 25_000)
    expect(isAlive(pid!)).toBe(true)
    own.child.kill('SIGTERM')
    expect(await own.exit).toBe(0)
    expect([pid!, ...own.pids].filter(isAlive)).toEqual([])
  }, 60_000)
})
