import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type EmbeddedRedis,
  ensureSecret,
  findRedisServer,
  startEmbedded,
} from '../../src/backing/embedded/embedded-redis.ts'
import { startRedis } from '../helpers/redis.ts'

const log = { info: () => {}, warn: vi.fn(), error: () => {} }

let dataDir: string
let cleanups: Array<() => unknown>

beforeEach(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), 'akv-embedded-')), 'data')
  cleanups = [() => rmSync(join(dataDir, '..'), { recursive: true })]
  log.warn.mockClear()
})

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

const start = async (folder = dataDir): Promise<EmbeddedRedis> => {
  const embedded = await startEmbedded({ dataDir: folder, log })
  cleanups.push(() => embedded.stop())
  return embedded
}

const client = (url: string): Redis => {
  const redis = new Redis(url)
  redis.on('error', () => {})
  cleanups.push(() => redis.disconnect())
  return redis
}

const pidOf = async (redis: Redis): Promise<number> =>
  Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1])

/**
 * The module as plain JavaScript, which is what another process of Node 20 can run; compiled in the project,
 * so that it finds ioredis.
 */
const compile = (): string => {
  const root = join(import.meta.dirname, '../..')
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const out = mkdtempSync(join(root, '.tmp/embedded-'))
  const options = {
    extends: '../../tsconfig.json',
    compilerOptions: { rootDir: '../../src', outDir: out },
    include: ['../../src/backing/embedded/embedded-redis.ts'],
  }
  writeFileSync(join(out, 'tsconfig.json'), JSON.stringify(options))
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', out], {
    stdio: 'inherit',
  })
  return out
}

let compiled: string | undefined
afterAll(() => {
  if (compiled !== undefined) rmSync(compiled, { recursive: true })
})

/** Another process that runs the embedded Redis until it is killed; SIGUSR2 makes it exit on its own. */
const startElsewhere = async (): Promise<ChildProcess> => {
  compiled ??= compile()
  const script = join(compiled, 'server.mjs')
  writeFileSync(
    script,
    `
    import { startEmbedded } from './backing/embedded/embedded-redis.js'
    const log = { info() {}, warn() {}, error() {} }
    process.on('SIGUSR2', () => process.exit(3))
    await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, log })
    process.stdout.write('ready')
    setInterval(() => {}, 1000)
  `,
  )
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  cleanups.push(() => child.kill('SIGKILL'))
  const outcome = await Promise.race([
    once(child.stdout, 'data').then(String),
    once(child, 'exit').then(() => 'it ended'),
  ])
  expect(outcome).toBe('ready')
  return child
}

describe('embedded Redis', () => {
  test('keeps the data from one run to the next', async () => {
    const first = await start()
    expect(await client(first.url).set('k', 'v')).toBe('OK')
    await first.stop()
    await first.stop()
    expect(await client((await start()).url).get('k')).toBe('v')
  })

  test('is private to the user and durable', async () => {
    const { url } = await start()
    const redis = client(url)
    const settings = await redis.config(
      'GET',
      'appendonly',
      'appendfsync',
      'maxmemory',
      'maxmemory-policy',
      'port',
      'save',
    )
    expect(
      Object.fromEntries(Array.from({ length: 6 }, (_, i) => (settings as string[]).slice(2 * i, 2 * i + 2))),
    ).toEqual({
      appendonly: 'yes',
      appendfsync: 'everysec',
      maxmemory: '1073741824',
      'maxmemory-policy': 'noeviction',
      port: '0',
      save: '',
    })
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    expect(statSync(url).mode & 0o777).toBe(0o600)
  })

  test('a second server on the directory is told who holds it; after the stop it may start', async () => {
    const first = await start()
    await expect(startEmbedded({ dataDir, log })).rejects.toThrow(
      `another automation-kv server (pid ${process.pid}) uses the data directory`,
    )
    expect(await client(first.url).ping()).toBe('PONG')
    await first.stop()
    await start()
    expect(readdirSync(dataDir).filter((name) => name.startsWith('lock'))).toEqual(['lock'])
  })

  test('of many that start at once, one gets the directory', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => start()))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('after kill -9 of the server its Redis is stopped cleanly and nothing is lost', async () => {
    const server = await startElsewhere()
    const orphan = client(join(dataDir, 'redis.sock'))
    const pid = await pidOf(orphan)
    await orphan.set('k', 'written before the kill')
    server.kill('SIGKILL')
    await once(server, 'exit')
    expect(await orphan.set('l', 'written to the orphan')).toBe('OK')

    const redis = client((await start()).url)
    expect(await pidOf(redis)).not.toBe(pid)
    expect(await redis.mget('k', 'l')).toEqual(['written before the kill', 'written to the orphan'])
    expect(log.warn).toHaveBeenCalledWith(
      expect.objectContaining({ pid }),
      expect.stringContaining('left its Redis running'),
    )
  })

  test('a server that exits takes its Redis along', async () => {
    const server = await startElsewhere()
    const redis = client(join(dataDir, 'redis.sock'))
    await redis.ping()
    const closed = once(redis, 'close')
    const exited = once(server, 'exit')
    server.kill('SIGUSR2')
    await Promise.all([closed, exited])
    expect(await client((await start()).url).ping()).toBe('PONG')
    expect(log.warn).not.toHaveBeenCalled()
  })

  test('comes back with its data when it dies, and says so', async () => {
    const embedded = await start()
    const redis = client(embedded.url)
    const pid = await pidOf(redis)
    await redis.set('k', 'v')
    const exit = new Promise((resolve) => embedded.onExit(resolve))
    process.kill(pid, 'SIGKILL')
    expect(await exit).toEqual({ code: null, signal: 'SIGKILL', restarting: true })
    expect(await redis.get('k')).toBe('v')
    expect(await pidOf(redis)).not.toBe(pid)
  })

  test('gives up when it keeps dying', async () => {
    const embedded = await start()
    const exits: boolean[] = []
    const gaveUp = new Promise<void>((resolve) => {
      embedded.onExit(({ restarting }) => {
        exits.push(restarting)
        if (!restarting) resolve()
      })
    })
    const redis = client(embedded.url)
    redis.on(
      'ready',
      () =>
        void pidOf(redis).then(
          (pid) => process.kill(pid, 'SIGKILL'),
          () => {},
        ),
    )
    await gaveUp
    expect(exits).toEqual([true, true, true, true, true, false])
    await embedded.stop()
  })

  test('a directory with a long path has its sockets elsewhere', async () => {
    const folder = join(dataDir, 'x'.repeat(120))
    const embedded = await start(folder)
    cleanups.push(() => rmSync(join(embedded.url, '..'), { recursive: true }))
    expect(embedded.url.startsWith(tmpdir())).toBe(true)
    expect(await client(embedded.url).ping()).toBe('PONG')
    await expect(startEmbedded({ dataDir: folder, log })).rejects.toThrow('another automation-kv server')
  })

  test('a start that fails shows what Redis said, and frees the directory', async () => {
    mkdirSync(join(dataDir, 'appendonlydir'), { recursive: true })
    writeFileSync(join(dataDir, 'appendonlydir/appendonly.aof.manifest'), 'no manifest\n')
    await expect(startEmbedded({ dataDir, log })).rejects.toThrow(
      /did not start; .*redis\.log says:\n[^]*manifest/,
    )
    rmSync(join(dataDir, 'appendonlydir'), { recursive: true })
    await start()
  })

  test('a missing binary names the command that installs it', () => {
    expect(() => findRedisServer('/nonexistent')).toThrow(/install one with '.*install redis/)
  })
})

describe('secret', () => {
  test('is made once and kept privately', () => {
    const secret = ensureSecret(dataDir)
    expect(Buffer.from(secret, 'base64url')).toHaveLength(48)
    expect(ensureSecret(dataDir)).toBe(secret)
    expect(statSync(join(dataDir, 'secret')).mode & 0o777).toBe(0o600)
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    expect(readdirSync(dataDir)).toEqual(['secret'])
  })

  test('is narrowed when its mode was widened, and refused when damaged', () => {
    const secret = ensureSecret(dataDir)
    chmodSync(join(dataDir, 'secret'), 0o644)
    expect(ensureSecret(dataDir)).toBe(secret)
    expect(statSync(join(dataDir, 'secret')).mode & 0o777).toBe(0o600)
    writeFileSync(join(dataDir, 'secret'), '')
    expect(() => ensureSecret(dataDir)).toThrow('is damaged')
    expect(readFileSync(join(dataDir, 'secret'), 'utf8')).toBe('')
  })

  test('a directory with foreign files keeps its mode', () => {
    mkdirSync(dataDir, { mode: 0o755 })
    writeFileSync(join(dataDir, 'foreign'), '')
    ensureSecret(dataDir)
    expect(statSync(dataDir).mode & 0o777).toBe(0o755)
  })
})

describe('the Redis of the tests', () => {
  test('keeps address and data over a kill', async () => {
    const server = await startRedis({ port: 'free', aof: true, password: 'p@ss' })
    cleanups.push(() => server.stop())
    const redis = client(server.url)
    await redis.set('k', 'v')
    await server.kill()
    await server.restart()
    expect(await redis.get('k')).toBe('v')
  })

  test('on a socket by default, and gone after stop', async () => {
    const server = await startRedis()
    expect(await client(server.url).ping()).toBe('PONG')
    await server.stop()
    expect(() => statSync(server.dataDir)).toThrow('ENOENT')
  })
})
