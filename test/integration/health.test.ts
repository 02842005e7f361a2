import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { RespClient } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
let redis: TestRedis | undefined
const started: TestServer[] = []
afterEach(async () => {
  for (const each of started.splice(0)) await each.stop()
  await redis?.stop()
  redis = undefined
})

const start = async (env: Record<string, string> = {}, shared?: TestRedis): Promise<void> => {
  server = await startServer(env, shared)
  started.push(server)
}

type Answer = Readonly<Record<string, unknown>>

const ask = async (path: string, method = 'GET'): Promise<{ status: number; json: Answer }> => {
  const response = await fetch(`http://127.0.0.1:${server.app.ports.admin}${path}`, { method })
  return { status: response.status, json: JSON.parse(await response.text()) }
}

describe('the listener for the operator', () => {
  test('/livez, /healthz and /readyz say that all is well', async () => {
    await start()
    expect(await ask('/livez')).toEqual({ status: 200, json: { status: 'ok' } })
    expect(await ask('/healthz')).toEqual({ status: 200, json: { status: 'ok' } })
    expect(await ask('/readyz')).toEqual({ status: 200, json: { status: 'ready' } })
    expect((await ask('/readyz?verbose')).json).toEqual({
      status: 'ready',
      checks: [
        { name: 'main thread', ok: true },
        { name: 'running', ok: true },
        { name: 'backing Redis', ok: true },
      ],
    })
    expect((await ask('/nothing')).status).toBe(404)
    expect((await ask('/livez', 'POST')).status).toBe(405)
  })

  test('a port that is taken is told with its setting', async () => {
    await start()
    await expect(
      startServer({ AUTOMATION_KV_ADMIN_PORT: String(server.app.ports.admin) }, server.redis),
    ).rejects.toThrow(/AUTOMATION_KV_ADMIN_PORT/)
  })

  test('a Redis that is full, read-only or forbids writes: not ready, with the true reason', async () => {
    redis = await startRedis()
    await start({}, redis)
    const admin = await RespClient.connect(redis.url)
    const reason = async (): Promise<string> => String((await ask('/readyz')).json.reason)
    const ready = async (): Promise<boolean> => (await ask('/readyz')).status === 200
    expect(await admin.text('CONFIG', 'SET', 'maxmemory', '1')).toBe('OK')
    await eventually(async () => /\(OOM\)/.test(await reason()))
    expect((await ask('/livez')).status).toBe(200)
    await admin.text('CONFIG', 'SET', 'maxmemory', '0')
    await eventually(ready)
    await admin.text('REPLICAOF', '127.0.0.1', '1')
    await eventually(async () => /READONLY|not reachable/.test(await reason()))
    await admin.text('REPLICAOF', 'NO', 'ONE')
    await eventually(ready)
    await admin.text('ACL', 'SETUSER', 'default', '-set')
    await eventually(async () => /\(NOPERM\)/.test(await reason()))
    await admin.text('ACL', 'SETUSER', 'default', '+set')
    await eventually(ready)
    admin.destroy()
  })

  test('a Redis that has stopped answering: not ready within seconds, though the link is open', async () => {
    redis = await startRedis()
    await start({}, redis)
    await redis.kill('SIGSTOP')
    await eventually(async () => (await ask('/readyz')).status === 503)
    expect((await ask('/readyz')).json.reason).toMatch(/has not taken a write for \d+ ms/)
    await redis.kill('SIGCONT')
    await eventually(async () => (await ask('/readyz')).status === 200)
  })

  test('while the server stops it is not ready, and still answers', async () => {
    await start({ AUTOMATION_KV_DRAIN_TIMEOUT_MS: '2000' })
    const slow = connect(server.app.ports.http, '127.0.0.1')
    const token = await server.token('a')
    // The server says when it waits for the body.
    slow.write(
      `PUT /api/automation/v1/kv/k HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n` +
        'content-type: application/json\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n',
    )
    await once(slow, 'data')
    const stopped = server.app.stop()
    const answer = await ask('/readyz')
    expect([answer.status, answer.json.reason]).toEqual([503, 'the server is stopping'])
    expect((await ask('/livez')).status).toBe(200)
    slow.write('"x"')
    expect(String((await once(slow, 'data'))[0])).toContain('HTTP/1.1 201')
    slow.destroy()
    await stopped
  })
})
