import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, readFileSync, renameSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Log } from '../../observability/log.ts'
import { lockDataDir, prepareDataDir, socketPath } from './data-directory.ts'

export { ensureSecret } from './data-directory.ts'

export interface ChildExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** False when it ended too often: the data is out of reach until the server is started anew. */
  readonly restarting: boolean
}

export interface EmbeddedRedis {
  /** The absolute path of its unix socket: a form that REDIS_URL and ioredis both take. */
  readonly url: string
  /** Calls the listener whenever the Redis ended without being asked to. */
  onExit(listener: (exit: ChildExit) => void): void
  /** SIGTERM, so that Redis syncs its file, and waits. A call with `force`, for a second signal, kills it. */
  stop(force?: boolean): Promise<void>
}

type EmbeddedLog = Pick<Log, 'info' | 'warn' | 'error'>

const DEFAULT_MAX_MEMORY = 1_073_741_824
const MAX_RESTARTS = 5
const RESTART_WINDOW_MS = 60_000
const POLL_MS = 20
const SHUTDOWN_TIMEOUT_MS = 30_000

/**
 * Runs a Redis of our own on a unix socket in the data directory, append-only file on. Throws when no binary
 * is found, when another server uses the directory, or when Redis does not start; the message says what to
 * do.
 */
export async function startEmbedded({
  dataDir,
  maxMemory = DEFAULT_MAX_MEMORY,
  log,
}: {
  dataDir: string
  /** Bytes; 0 for no limit. */
  maxMemory?: number
  log: EmbeddedLog
}): Promise<EmbeddedRedis> {
  const binary = findRedisServer()
  const folder = prepareDataDir(dataDir)
  const lock = await lockDataDir(folder)
  try {
    const socket = socketPath(folder, 'redis.sock')
    await stopOrphan(socket, folder, log)
    return await supervise({ binary, folder, socket, maxMemory, log, release: lock.release })
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** The absolute path of the `redis-server` or `valkey-server` on PATH. */
export function findRedisServer(path = process.env.PATH ?? ''): string {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of path.split(delimiter).filter((entry) => entry !== '')) {
      try {
        accessSync(join(folder, name), constants.X_OK)
        return join(folder, name)
      } catch {
        // not here
      }
    }
  }
  const command = process.platform === 'darwin' ? 'brew install redis' : 'sudo apt-get install redis-server'
  throw new Error(
    `no redis-server or valkey-server on PATH: install one with '${command}', or set REDIS_URL to a Redis that you have`,
  )
}

interface Setup {
  readonly binary: string
  readonly folder: string
  readonly socket: string
  readonly maxMemory: number
  readonly log: EmbeddedLog
  release(): Promise<void>
}

const supervise = async ({
  binary,
  folder,
  socket,
  maxMemory,
  log,
  release,
}: Setup): Promise<EmbeddedRedis> => {
  const listeners: Array<(exit: ChildExit) => void> = []
  const started: number[] = []
  let child: ChildProcess
  let stopping: Promise<void> | undefined
  const cancel = new AbortController()

  const launch = async (): Promise<void> => {
    keepLog(folder)
    const running = spawn(binary, argumentsOf(folder, socket, maxMemory), { stdio: 'ignore', detached: true })
    child = running
    started.push(Date.now())
    await untilReady(running, socket, folder)
    running.once('exit', (code, signal) => {
      if (stopping === undefined) void recover(code, signal)
    })
    if (hasEnded(running) && stopping === undefined) throw failure(folder)
    log.info({ pid: running.pid ?? 0, path: socket }, 'embedded Redis is ready')
  }

  const recover = async (code: number | null, signal: NodeJS.Signals | null): Promise<void> => {
    for (;;) {
      const recent = started.filter((at) => Date.now() - at < RESTART_WINDOW_MS).length
      const restarting = recent <= MAX_RESTARTS
      log.error(
        { reason: signal ?? `code ${code}`, count: recent },
        restarting ? 'embedded Redis ended; starting it again' : 'embedded Redis keeps ending; giving up',
      )
      for (const listener of listeners) listener({ code, signal, restarting })
      if (!restarting) return
      try {
        await delay(2 ** recent * 25, undefined, { signal: cancel.signal })
        return stopping === undefined ? await launch() : undefined
      } catch {
        if (stopping !== undefined) return
      }
    }
  }

  // A crash of this process takes the Redis along; after kill -9 the next start finds it by its socket.
  const onProcessExit = (): void => void child.kill('SIGTERM')
  process.once('exit', onProcessExit)

  const end = async (): Promise<void> => {
    cancel.abort()
    if (!hasEnded(child)) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    }
    process.removeListener('exit', onProcessExit)
    await release()
  }

  try {
    await launch()
  } catch (error) {
    process.removeListener('exit', onProcessExit)
    throw error
  }
  return {
    url: socket,
    onExit: (listener) => void listeners.push(listener),
    stop: (force = false) => {
      stopping ??= end()
      if (force) child.kill('SIGKILL')
      return stopping
    },
  }
}

/**
 * Keeps hashes of up to 128 fields in the order in which these were added, as Redis keeps small ones: a
 * sealed field or value of 64 bytes has 216. The names are those that 6.2 knows as well.
 */
export const ORDERED_HASHES: readonly string[] = [
  '--hash-max-ziplist-entries',
  '128',
  '--hash-max-ziplist-value',
  '256',
]

/**
 * At most a second is lost, and only with the machine:
 * https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
 */
const argumentsOf = (folder: string, socket: string, maxMemory: number): string[] => [
  '--port',
  '0',
  '--unixsocket',
  socket,
  '--unixsocketperm',
  '600',
  '--dir',
  folder,
  '--appendonly',
  'yes',
  '--appendfsync',
  'everysec',
  '--save',
  '',
  '--maxmemory',
  String(maxMemory),
  '--maxmemory-policy',
  'noeviction',
  ...ORDERED_HASHES,
  '--daemonize',
  'no',
  '--logfile',
  join(folder, 'redis.log'),
  '--loglevel',
  'notice',
]

/** A child without pid could not even be started. */
const hasEnded = (child: ChildProcess): boolean =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null

/** Redis's log starts anew with each run and the one before is kept, so it cannot grow for ever. */
const keepLog = (folder: string): void => {
  try {
    renameSync(join(folder, 'redis.log'), join(folder, 'redis.previous.log'))
  } catch {
    // the first start
  }
}

const failure = (folder: string): Error => {
  const path = join(folder, 'redis.log')
  let lines = ''
  try {
    lines = readFileSync(path, 'utf8').trim().split('\n').slice(-5).join('\n')
  } catch {
    // it ended before it wrote anything
  }
  return new Error(`the embedded Redis did not start; ${path} says:\n${lines}`)
}

/** One short-lived connection; answers `undefined` when nobody listens on the socket. */
const ask = async <T>(socket: string, question: (redis: Redis) => Promise<T>): Promise<T | undefined> => {
  const redis = new Redis({
    path: socket,
    lazyConnect: true,
    retryStrategy: () => null,
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2,
    commandTimeout: SHUTDOWN_TIMEOUT_MS,
  })
  redis.on('error', () => {})
  try {
    await redis.connect()
  } catch {
    return undefined
  }
  try {
    return await question(redis)
  } finally {
    redis.disconnect()
  }
}

/** Resolves once it answers PING, however long it loads; rejects when it ends before. */
const untilReady = async (child: ChildProcess, socket: string, folder: string): Promise<void> => {
  child.once('error', () => {})
  while (!hasEnded(child)) {
    const answer = await ask(socket, (redis) => redis.ping().catch(() => undefined))
    if (answer === 'PONG') return
    await delay(POLL_MS)
  }
  throw failure(folder)
}

/**
 * Ends the Redis of a server that was killed before it could; its file is synced first, so nothing is lost.
 */
const stopOrphan = async (socket: string, folder: string, log: EmbeddedLog): Promise<void> => {
  await ask(socket, async (redis) => {
    const [, dir] = (await redis.call('CONFIG', 'GET', 'dir')) as string[]
    if (dir !== folder)
      throw new Error(`the Redis on ${socket} belongs to ${dir}, not to ${folder}: stop it first`)
    const pid = Number(/^process_id:(\d+)/m.exec(await redis.info('server'))?.[1])
    log.warn({ pid, path: socket }, 'an earlier server left its Redis running; stopping it')
    // SHUTDOWN is answered only when it fails; else the kernel closes the connection, as the last thing, when
    // the process ends.
    const closed = new Promise<'closed'>((resolve) => redis.once('close', () => resolve('closed')))
    const outcome = await Promise.race([
      closed,
      redis.shutdown().then(
        () => closed,
        (error: Error) => refusal(error) ?? closed,
      ),
    ])
    if (outcome !== 'closed')
      throw new Error(`the Redis that an earlier server left (pid ${pid}) cannot be stopped: ${outcome}`)
  })
}

const refusal = ({ name, message }: Error): string | undefined =>
  name === 'ReplyError' || message === 'Command timed out' ? message : undefined
