import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CompiledServer, startCompiledServer } from '../helpers/compiled-server.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

const LENGTH = 2_000
/** Of what all these keys hold it is a small part. */
const MOST_BYTES = 100_000

/** What a queue does with long keys, and one that it is given and leaves alone. */
const SCRIPT = `
redis.call('ZADD', KEYS[1], 1, ARGV[1])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', 10000, '*', 'job', ARGV[1])
redis.call('LPUSH', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[4], ARGV[1], '1')
return { redis.call('ZCARD', KEYS[1]), redis.call('LLEN', KEYS[3]), redis.call('HLEN', KEYS[4]), redis.call('XLEN', KEYS[2]) }
`
const KEYS = ['zset', 'stream', 'list', 'hash', 'untouched']

let backing: TestRedis
let compiled: CompiledServer
let server: TestServer

beforeAll(async () => {
  backing = await startRedis()
  const env = { AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS: '10000' }
  ;[compiled, server] = await Promise.all([startCompiledServer(backing.url, env), startServer(env, backing)])
})
afterAll(async () => {
  await Promise.all([compiled?.stop(), server?.stop()])
  await backing?.stop()
})

async function fill(client: Redis): Promise<void> {
  const numbers = Array.from({ length: LENGTH }, (_, i) => i)
  const pipeline = client.pipeline()
  for (const name of ['zset', 'untouched']) pipeline.zadd(name, ...numbers.flatMap((i) => [i, `member ${i}`]))
  pipeline.rpush('list', ...numbers)
  pipeline.hset('hash', Object.fromEntries(numbers.map((i) => [`field ${i}`, i])))
  for (const i of numbers) pipeline.xadd('stream', '*', 'field', `value ${i}`)
  await pipeline.exec()
}

const sentByRedis = async (): Promise<number> =>
  Number(/total_net_output_bytes:(\d+)/.exec(await server.backing().info('stats'))![1])

describe.for([
  ['on the thread of the sockets', () => server.client('here')],
  ['on a compute thread', () => compiled.client('there')],
] as const)('a script on long keys, %s', ([, connect]) => {
  test('that was run before reads the parts that it looks at', async () => {
    const client = await connect()
    await fill(client)
    const run = (id: string): Promise<unknown> => client.eval(SCRIPT, KEYS.length, ...KEYS, id)
    expect(await run('job 1')).toEqual([LENGTH + 1, LENGTH + 1, LENGTH + 1, LENGTH + 1])
    const before = await sentByRedis()
    expect(await run('job 2')).toEqual([LENGTH + 2, LENGTH + 2, LENGTH + 2, LENGTH + 2])
    expect((await sentByRedis()) - before).toBeLessThan(MOST_BYTES)
    expect(await client.zscore('zset', 'job 2')).toBe('1')
    expect(await client.zcard('zset')).toBe(LENGTH + 2)
    expect(await client.hlen('hash')).toBe(LENGTH + 2)
  })

  test('that runs on many names, one after the other, reads each before it asks', async () => {
    const client = await connect()
    const script = `
local id = redis.call('INCR', KEYS[1])
redis.call('HSET', 'job:' .. id, 'state', 'new')
return redis.call('HGETALL', 'job:' .. id)`
    for (let i = 0; i < 20; i++) expect(await client.eval(script, 1, 'id')).toEqual(['state', 'new'])
    const calls = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await server.backing().info('commandstats'))![1])
    const before = await calls()
    for (let i = 0; i < 20; i++) await client.eval(script, 1, 'id')
    // A snapshot and a commit for each, and nothing in between.
    expect((await calls()) - before).toBeLessThanOrEqual(42)
    expect(await client.get('id')).toBe('40')
  })
})
