import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { FaultProxy } from '../helpers/fault-proxy.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { RespClient } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

process.env.AUTOMATION_KV_TEST_REDIS ??= 'local'

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const redisFor = async (...args: string[]): Promise<TestRedis> => {
  const redis = await startRedis({ port: 'free', args })
  cleanups.push(() => redis.stop())
  return redis
}

const behindProxy = async (redis: TestRedis): Promise<{ proxy: FaultProxy; server: TestServer }> => {
  const proxy = await FaultProxy.start(redis.port!)
  cleanups.push(() => proxy.close())
  const server = await startServer({ REDIS_URL: proxy.url, AUTOMATION_KV_COMMAND_TIMEOUT_MS: '400' }, redis)
  cleanups.push(() => server.stop())
  return { proxy, server }
}

const login = async (server: TestServer): Promise<RespClient> => {
  const client = await RespClient.connect(server.app.ports.resp)
  cleanups.push(() => client.destroy())
  expect(await client.text('AUTH', await server.token('links'))).toBe('OK')
  return client
}

const ready = async (server: TestServer): Promise<boolean> =>
  (await fetch(`http://127.0.0.1:${server.app.ports.admin}/readyz`)).status === 200

describe('a link that dies without a sign', () => {
  test('while commands are on their way: they are answered, and a new link is made', async () => {
    const { proxy, server } = await behindProxy(await redisFor())
    const client = await login(server)
    expect(await client.text('SET', 'k', '1')).toBe('OK')
    proxy.blackhole()
    const startedAt = performance.now()
    expect(await client.text('INCR', 'k')).toMatch(/^-TRYAGAIN/)
    await eventually(async () => (await client.text('INCR', 'k')) === '2')
    expect(performance.now() - startedAt).toBeLessThan(8_000)
  })

  test('while it is idle: the server notices by itself', async () => {
    const { proxy, server } = await behindProxy(await redisFor())
    const client = await login(server)
    proxy.stall('both')
    await eventually(async () => !(await ready(server)))
    proxy.restore()
    await eventually(() => ready(server))
    expect(await client.text('SET', 'k', '1')).toBe('OK')
  })

  test('while it is being made: the server tries again', async () => {
    const { proxy, server } = await behindProxy(await redisFor())
    const client = await login(server)
    proxy.stall('both')
    proxy.cut(false)
    await eventually(async () => !(await ready(server)))
    await eventually(() => proxy.open > 0)
    proxy.blackhole()
    proxy.restore()
    await eventually(async () => (await client.text('SET', 'k', '1')) === 'OK', 5_000)
  })

  test('while clients wait: they are served by what comes later', async () => {
    const redis = await redisFor()
    const { proxy, server } = await behindProxy(redis)
    const other = await startServer({}, redis)
    cleanups.push(() => other.stop())
    const [waiting, pushing] = [await login(server), await login(other)]
    const popped = waiting.text('BLPOP', 'queue', '0')
    await eventually(async () => (await blockedClients(redis)) > 0)
    // Its first try is on the same link, before these.
    const bystander = await login(server)
    for (let i = 0; i < 3; i++) expect(await bystander.text('GET', 'nothing')).toBe('(nil)')
    proxy.blackhole()
    expect(await pushing.text('RPUSH', 'queue', 'element')).toBe('1')
    expect(await popped).toBe('[queue, element]')
  })
})

/** Keys that blocked clients wait for. */
const blockedClients = async (redis: TestRedis): Promise<number> => {
  const client = await RespClient.connect(redis.port!)
  const count = Number(await client.text('ZCARD', 'kv:{links}:b'))
  client.destroy()
  return count
}

describe('a primary that became a replica', () => {
  test.each([
    ['a direct write', ['SET', 'k', '2']],
    ['a computed write', ['APPEND', 'k', '2']],
  ])('%s finds the new primary, though the old link stays open', async (_what, command) => {
    const [old, next] = [await redisFor(), await redisFor()]
    const { proxy, server } = await behindProxy(old)
    const client = await login(server)
    expect(await client.text('SET', 'k', '1')).toBe('OK')
    const admin = await RespClient.connect(old.port!)
    cleanups.push(() => admin.destroy())
    proxy.retarget(next.port!)
    expect(await admin.text('REPLICAOF', '127.0.0.1', String(next.port))).toBe('OK')
    expect(await client.text(...command)).toBe(
      '-TRYAGAIN the backing Redis refused the command (READONLY); nothing was written',
    )
    await eventually(async () => !(await client.text(...command)).startsWith('-'), 3_000)
  })
})

describe('a note that somebody waits, refused by a full Redis', () => {
  test('is made later, and what came meanwhile is noticed', async () => {
    const redis = await redisFor('--maxmemory-policy', 'noeviction')
    const servers = [await startServer({}, redis), await startServer({}, redis)] as const
    for (const server of servers) cleanups.push(() => server.stop())
    const [waiting, pushing] = [await login(servers[0]), await login(servers[1])]
    const admin = await RespClient.connect(redis.port!)
    cleanups.push(() => admin.destroy())
    expect(await admin.text('CONFIG', 'SET', 'maxmemory', '1')).toBe('OK')
    const popped = waiting.text('BLPOP', 'queue', '8')
    await eventually(async () =>
      /cmdstat_zadd:.*(?:rejected_calls|failed_calls)=[1-9]/.test(await admin.text('INFO', 'commandstats')),
    )
    expect(await admin.text('CONFIG', 'SET', 'maxmemory', '0')).toBe('OK')
    expect(await pushing.text('RPUSH', 'queue', 'element')).toBe('1')
    expect(await popped).toBe('[queue, element]')
  })
})
