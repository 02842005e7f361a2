import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type App, startApp } from '../../src/app/app.ts'
import { mintToken } from '../../src/auth/mint.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createLog } from '../../src/observability/log.ts'
import { eventually } from '../helpers/eventually.ts'
import { RespClient } from '../helpers/resp-client.ts'
import { SECRET } from '../helpers/server.ts'

const PORTS = { AUTOMATION_KV_RESP_PORT: '0', AUTOMATION_KV_HTTP_PORT: '0', AUTOMATION_KV_ADMIN_PORT: '0' }

let dataDir: string
let cleanups: Array<() => unknown>

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'akv-restart-'))
  cleanups = [() => rmSync(dataDir, { recursive: true, force: true })]
})
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

const tokenOf = (secret: string): Promise<string> =>
  mintToken({ secret, automationId: 'lasting', runId: 'r', ttlSeconds: 600 })

const login = async (port: number, secret: string): Promise<RespClient> => {
  const client = await RespClient.connect(port)
  cleanups.push(() => client.destroy())
  expect(await client.text('AUTH', await tokenOf(secret))).toBe('OK')
  return client
}

describe('the embedded Redis', () => {
  const start = async (): Promise<App> => {
    const app = await startApp(loadConfig({ AUTOMATION_KV_DATA_DIR: dataDir, ...PORTS }), createLog('silent'))
    cleanups.push(() => app.stop())
    return app
  }

  const rest = async (
    app: App,
    method: string,
    path: string,
    body?: string,
  ): Promise<Record<string, unknown>> => {
    const headers = {
      authorization: `Bearer ${await tokenOf(app.secret)}`,
      'content-type': 'application/json',
    }
    const response = await fetch(`http://127.0.0.1:${app.ports.http}/api/automation/v1/kv${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    })
    expect(response.status).toBeLessThan(300)
    return (await response.json()) as Record<string, unknown>
  }

  test('keeps data, types, TTLs, versions and the secret over a stop and a start', async () => {
    const first = await start()
    expect(first.embedded).toBe(true)
    const before = await login(first.ports.resp, first.secret)
    await before.call('SET', 'bytes', Buffer.from([0, 255, 13, 10]))
    await before.call('RPUSH', 'list', 'a', 'b')
    await before.call('HSET', 'hash', 'f', 'v')
    await before.call('SET', 'with ttl', 'x', 'EX', '1000')
    await before.call('INCRBY', 'counter', '41')
    await rest(first, 'PUT', '/doc', '{"big":12345678901234567890,"list":[1]}')
    const { version } = await rest(first, 'GET', '/doc?meta=true')
    await first.stop()

    const second = await start()
    expect(second.secret).toBe(first.secret)
    const after = await login(second.ports.resp, second.secret)
    expect(((await after.call('GET', 'bytes')) as Buffer).toString('hex')).toBe('00ff0d0a')
    expect(await after.text('LRANGE', 'list', '0', '-1')).toBe('[a, b]')
    expect(await after.text('HGETALL', 'hash')).toBe('[f, v]')
    expect(Number(await after.call('TTL', 'with ttl'))).toBeGreaterThan(900)
    expect(await after.text('INCR', 'counter')).toBe('42')
    expect(await after.text('GET', 'doc')).toBe('{"big":12345678901234567890,"list":[1]}')
    expect(await after.text('DBSIZE')).toBe('6')
    expect((await rest(second, 'GET', '/doc?meta=true')).version).toBe((version as number) + 1)
  })
})

const MAIN = join(import.meta.dirname, '../../dist/main.js')

// `npm test` builds first; a test run by hand may find no build.
describe.skipIf(!existsSync(MAIN))('the command line, killed with SIGKILL while it writes', () => {
  const serve = async (): Promise<{ child: ChildProcess; port: number }> => {
    const env = {
      PATH: process.env.PATH,
      AUTOMATION_KV_DATA_DIR: dataDir,
      AUTOMATION_KV_SECRET: SECRET,
      ...PORTS,
    }
    const child = spawn(process.execPath, [MAIN, 'serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    cleanups.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    })
    const lines: string[] = []
    for await (const line of createInterface(child.stderr!)) {
      lines.push(line)
      const port = /"address":"[^"]*:(\d+)","msg":"listening for Redis clients"/.exec(line)?.[1]
      if (port === undefined) continue
      child.stderr!.resume()
      return { child, port: Number(port) }
    }
    throw new Error(`the server ended: ${lines.join('\n')}`)
  }

  test('every acknowledged write is there after the restart, and no half of one', async () => {
    const { child, port } = await serve()
    const writers = await Promise.all(Array.from({ length: 8 }, () => login(port, SECRET)))
    const acknowledged = writers.map(() => ({ rounds: 0, increments: 0, pushes: 0, appends: 0 }))
    const writing = writers.map(async (client, i) => {
      const mine = acknowledged[i]!
      for (;;) {
        const round = mine.rounds + 1
        expect(await client.text('MSET', `left-${i}`, round, `right-${i}`, round)).toBe('OK')
        mine.rounds = round
        mine.increments = Number(await client.call('INCR', `count-${i}`))
        mine.pushes = Number(await client.call('RPUSH', `list-${i}`, round))
        mine.appends = Number(await client.call('APPEND', `text-${i}`, 'x'))
      }
    })
    const ended = Promise.allSettled(writing)
    await eventually(() => acknowledged.every(({ rounds }) => rounds > 30))
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await Promise.all([exited, ended])

    const { port: again } = await serve()
    const reader = await login(again, SECRET)
    for (const [i, { rounds, increments, pushes, appends }] of acknowledged.entries()) {
      // One more of each may have been on its way.
      const [left, right] = ((await reader.call('MGET', `left-${i}`, `right-${i}`)) as Buffer[]).map(Number)
      expect([rounds, rounds + 1]).toContain(left)
      expect(right).toBe(left)
      expect([increments, increments + 1]).toContain(Number(await reader.text('GET', `count-${i}`)))
      const list = (await reader.call('LRANGE', `list-${i}`, '0', '-1')) as Buffer[]
      expect([pushes, pushes + 1]).toContain(list.length)
      expect(list.map(Number)).toEqual(list.map((_, n) => n + 1))
      expect([appends, appends + 1]).toContain(Number(await reader.call('STRLEN', `text-${i}`)))
    }
    expect(await reader.text('DBSIZE')).toBe(String(writers.length * 5))
  })
})
