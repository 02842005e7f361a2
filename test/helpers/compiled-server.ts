import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { mintToken } from '../../src/auth/mint.ts'
import { eventually } from './eventually.ts'
import { SECRET } from './server.ts'

const MAIN = join(import.meta.dirname, '../../dist/main.js')

/** A server of compiled code in a process of its own, as the command line starts it: with compute threads. */
export interface CompiledServer {
  readonly port: number
  /** Base URL of the REST door. */
  readonly http: string
  readonly process: ChildProcess
  /** What it wrote to stderr so far. */
  errors(): string
  /** A client that is logged in; closed by `stop`, or by `disconnectAll`. */
  client(automationId: string, scope?: string): Promise<Redis>
  disconnectAll(): void
  stop(): Promise<void>
}

/** On free ports, before the Redis at `redisUrl`; `env` adds settings. */
export async function startCompiledServer(
  redisUrl: string,
  env: Record<string, string> = {},
): Promise<CompiledServer> {
  const child = spawn(process.execPath, [MAIN, 'serve'], {
    env: {
      PATH: process.env.PATH,
      REDIS_URL: redisUrl,
      AUTOMATION_KV_SECRET: SECRET,
      AUTOMATION_KV_RESP_PORT: '0',
      AUTOMATION_KV_HTTP_PORT: '0',
      AUTOMATION_KV_ADMIN_PORT: '0',
      AUTOMATION_KV_COMPUTE_THREADS: '1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [output, errors, port, http] = ['', '', 0, '']
  child.stdout!.on('data', (chunk) => (output += chunk))
  child.stderr!.on('data', (chunk) => (errors += chunk))
  await eventually(() => {
    port = Number(/127\.0\.0\.1:(\d+)|-p (\d+)/.exec(output)?.slice(1).find(Boolean) ?? 0)
    http = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] ?? ''
    return port !== 0 && http !== ''
  })
  const clients: Redis[] = []
  const disconnectAll = (): void => {
    for (const each of clients.splice(0)) each.disconnect()
  }
  return {
    port,
    http,
    process: child,
    errors: () => errors,
    disconnectAll,
    async client(automationId, scope) {
      const token = await mintToken({ secret: SECRET, automationId, runId: 'run', ttlSeconds: 600, scope })
      const made = new Redis({ port, password: token, lazyConnect: true, protocol: 2 })
      made.on('error', () => {})
      clients.push(made)
      await made.connect()
      return made
    },
    async stop() {
      disconnectAll()
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      await exit
    },
  }
}
