import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type CompiledServer, startCompiledServer } from '../helpers/compiled-server.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'

// Keys of many elements that are computed with: they are read by native commands, one after the other, so
// that no script holds up the Redis for long.

const MANY = 3_000

let redis: TestRedis
let server: CompiledServer
let backing: Redis

beforeAll(async () => {
  redis = await startRedis()
  server = await startCompiledServer(redis.url)
  backing = new Redis(redis.url)
})
afterEach(() => server.disconnectAll())
afterAll(async () => {
  await server.stop()
  backing.disconnect()
  await redis.stop()
})

const members = (prefix: string): string[] => Array.from({ length: MANY }, (_, i) => `${prefix}${i}`)

test('each type is read whole, and by no script', async () => {
  const client = await server.client('types')
  await client.sadd('set', ...members('m'))
  await client.rpush('list', ...members('e'))
  await client.hset('hash', Object.fromEntries(members('f').map((field) => [field, `of ${field}`])))
  await client.zadd('zset', ...members('z').flatMap((member, i) => [i, member]))
  await backing.config('RESETSTAT')

  expect(await client.sinterstore('s', 'set')).toBe(MANY)
  expect(await client.zunionstore('z', 2, 'zset', 'set')).toBe(2 * MANY)
  expect(await client.sort('list', 'LIMIT', 0, 3, 'ALPHA')).toEqual(['e0', 'e1', 'e10'])
  expect(await client.copy('hash', 'h')).toBe(1)
  expect(await client.hget('h', `f${MANY - 1}`)).toBe(`of f${MANY - 1}`)

  const stats = await backing.info('commandstats')
  for (const command of ['smembers', 'zrange', 'lrange', 'hgetall'])
    expect(stats).toContain(`cmdstat_${command}:`)
})

test('what is read in several steps was so at one moment, whoever writes meanwhile', async () => {
  const [reader, writer] = [await server.client('moment'), await server.client('moment')]
  await reader.sadd('a', ...members('m'))
  await reader.sadd('b', ...members('n'))
  let writes = 0
  let isOver = false
  // One member is in one of the sets at any moment.
  await reader.sadd('a', 'wanderer')
  const writing = (async () => {
    while (!isOver) {
      const [from, to] = writes % 2 === 0 ? ['a', 'b'] : ['b', 'a']
      await writer.multi().srem(from, 'wanderer').sadd(to, 'wanderer').exec()
      writes++
    }
  })()
  for (let i = 0; i < 12; i++) {
    expect(await reader.sunionstore('all', 'a', 'b')).toBe(2 * MANY + 1)
    expect(await reader.sinterstore('both', 'a', 'b')).toBe(0)
  }
  isOver = true
  await writing
  expect(writes).toBeGreaterThan(12)
})
