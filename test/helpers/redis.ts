import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findRedisServer } from '../../src/backing/embedded/embedded-redis.ts'
import { RespClient, show } from './resp-client.ts'

export interface RedisOptions {
  /** `'free'`: on a TCP port of 127.0.0.1. Without it, on a unix socket only (in a container always TCP). */
  port?: 'free'
  /** Append-only file, synced with every write, so that data survives `kill` and `restart`. */
  aof?: boolean
  password?: string
  /** More arguments of redis-server, such as `['--maxmemory', '10mb']`. */
  args?: readonly string[]
}

export interface TestRedis {
  /**
   * What REDIS_URL and `new Redis(...)` of ioredis both take: `redis://...`, or the absolute path of the unix
   * socket.
   */
  readonly url: string
  readonly socketPath?: string
  readonly port?: number
  readonly dataDir: string
  /** Sends a signal (default SIGKILL) and waits for the end, unless the signal only pauses or continues. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again, on the same address and data; ends it first if it still runs. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/**
 * A fresh real Redis: in a container when a Docker engine answers, else the `redis-server` or `valkey-server`
 * on PATH.
 */
export const startRedis = async (options: RedisOptions = {}): Promise<TestRedis> =>
  (await dockerAnswers()) ? startContainer(options) : startLocal(options)

const argumentsOf = ({ aof = false, password, args = [] }: RedisOptions, dataDir: string): string[] => [
  '--dir',
  dataDir,
  '--save',
  '',
  '--appendonly',
  aof ? 'yes' : 'no',
  '--appendfsync',
  aof ? 'always' : 'no',
  ...(password === undefined ? [] : ['--requirepass', password]),
  ...args,
]

const urlOf = (port: number, password: string | undefined): string =>
  `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`

// A redis-server of our own

type Address = { port: number } | { path: string }

const startLocal = async (options: RedisOptions): Promise<TestRedis> => {
  const binary = findRedisServer()
  const dataDir = mkdtempSync(join(tmpdir(), 'akv-redis-'))
  let address: Address = { path: join(dataDir, 'redis.sock') }
  let child: ChildProcess

  const launch = async (): Promise<void> => {
    const listen =
      'port' in address
        ? ['--port', `${address.port}`, '--bind', '127.0.0.1']
        : ['--port', '0', '--unixsocket', address.path]
    const running = spawn(binary, [...argumentsOf(options, dataDir), ...listen], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = running
    let output = ''
    for (const stream of [running.stdout, running.stderr])
      stream.on('data', (chunk: Buffer) => {
        output = (output + chunk).slice(-4096)
      })
    endWithUs(running, dataDir)
    while (!(await answers(address, options.password, running.pid))) {
      if (hasEnded(running)) throw new Error(`redis-server did not start:\n${output}`)
      await delay(10)
    }
    // A test that forgets stop() must not keep its process from ending.
    for (const handle of [running, running.stdout, running.stderr])
      (handle as unknown as { unref(): void }).unref()
  }

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (hasEnded(child)) return
    child.ref()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return
    await ended
  }

  for (let attempt = 1; ; attempt++) {
    if (options.port === 'free') address = { port: await freePort() }
    try {
      await launch()
      break
    } catch (error) {
      // Another process may have taken the port between the look and the start.
      if (options.port === undefined || attempt === 10) {
        rmSync(dataDir, { recursive: true, force: true })
        throw error
      }
    }
  }

  return {
    ...('port' in address
      ? { url: urlOf(address.port, options.password), port: address.port }
      : { url: address.path, socketPath: address.path }),
    dataDir,
    kill: (signal = 'SIGKILL') => end(signal),
    restart: async () => {
      child.kill('SIGCONT')
      await end('SIGTERM')
      await launch()
    },
    stop: async () => {
      await end('SIGKILL')
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

const hasEnded = (child: ChildProcess): boolean =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null

/**
 * A shell that waits on a pipe of ours ends the Redis when this process is gone, however it went; no exit
 * handler sees a SIGKILL.
 */
const endWithUs = (child: ChildProcess, dataDir: string): void => {
  const script = 'read -r _; kill -9 "$1"; rm -rf "$2"'
  const guard = spawn('/bin/sh', ['-c', script, 'sh', `${child.pid}`, dataDir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.unref()
  ;(guard.stdin as unknown as { unref(): void }).unref()
  child.once('exit', () => guard.kill('SIGKILL'))
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

/** Whether a Redis that finished loading answers there; with `pid`, only that very process counts. */
const answers = async (
  address: Address,
  password: string | undefined,
  pid: number | undefined,
): Promise<boolean> => {
  let client: RespClient
  try {
    client = await RespClient.connect('port' in address ? address.port : address.path)
  } catch {
    // Nothing listens there yet.
    return false
  }
  const timer = setTimeout(() => client.destroy(), 1000)
  try {
    if (password !== undefined) client.send('AUTH', password)
    const replies = await client
      .send('INFO', 'server')
      .send('PING')
      .replies(password === undefined ? 2 : 3)
    const [info, pong] = replies.slice(-2).map(show)
    return pong === 'PONG' && (pid === undefined || info!.includes(`\r\nprocess_id:${pid}\r\n`))
  } catch {
    // It hung up or said nothing in time.
    return false
  } finally {
    clearTimeout(timer)
    client.destroy()
  }
}

// In a container

const IMAGE = 'redis:7.0.15-alpine'

const startContainer = async (options: RedisOptions): Promise<TestRedis> => {
  const { GenericContainer, getContainerRuntimeClient } = await import('testcontainers')
  const dataDir = mkdtempSync(join(tmpdir(), 'akv-redis-'))
  const port = await freePort()
  const address = { port }
  const untilReady = async (): Promise<void> => {
    while (!(await answers(address, options.password, undefined))) await delay(20)
  }
  const container = await new GenericContainer(IMAGE)
    .withExposedPorts({ container: 6379, host: port })
    .withBindMounts([{ source: dataDir, target: '/data' }])
    .withUser(`${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`)
    .withCommand(['redis-server', ...argumentsOf(options, '/data')])
    .start()
  await untilReady()
  const handle = (await getContainerRuntimeClient()).container.getById(container.getId())
  return {
    url: urlOf(port, options.password),
    port,
    dataDir,
    kill: async (signal = 'SIGKILL') => {
      await handle.kill({ signal })
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await handle.wait()
    },
    restart: async () => {
      await container.restart()
      await untilReady()
    },
    stop: async () => {
      await container.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

let docker: Promise<boolean> | undefined

/**
 * Looks before it asks, because a client without an engine takes seconds to say so.
 * `AUTOMATION_KV_TEST_REDIS=local` says no.
 */
const dockerAnswers = (): Promise<boolean> => {
  docker ??= process.env.AUTOMATION_KV_TEST_REDIS === 'local' ? Promise.resolve(false) : pingDocker()
  return docker
}

const pingDocker = (): Promise<boolean> => {
  const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock'
  const url = URL.canParse(host) ? new URL(host) : undefined
  if (url?.protocol !== 'tcp:' && (url?.protocol !== 'unix:' || !existsSync(url.pathname)))
    return Promise.resolve(false)
  const place =
    url.protocol === 'unix:' ? { socketPath: url.pathname } : { host: url.hostname, port: url.port || 2375 }
  return new Promise((resolve) => {
    const call = request({ ...place, path: '/_ping', timeout: 1000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    call.on('timeout', () => call.destroy())
    call.on('error', () => resolve(false))
    call.end()
  })
}
