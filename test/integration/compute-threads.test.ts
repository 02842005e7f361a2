import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { mintToken } from '../../src/auth/mint.ts'
import { type CompiledServer, startCompiledServer } from '../helpers/compiled-server.ts'
import { eventually } from '../helpers/eventually.ts'
import type { AnyJson } from '../helpers/json.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { SECRET } from '../helpers/server.ts'

// A thread runs compiled code, so the server is started as the command line starts it.

const LIMIT_MS = 300

let redis: TestRedis
let server: CompiledServer

const client = (automationId: string, scope?: string): Promise<Redis> => server.client(automationId, scope)

beforeAll(async () => {
  redis = await startRedis()
  server = await startCompiledServer(redis.url, {
    AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS: String(LIMIT_MS),
  })
})

afterEach(() => server.disconnectAll())

afterAll(async () => {
  await server.stop()
  await redis.stop()
})

describe('scripts', () => {
  test('read and write, directly and in transactions, and answer all kinds of replies', async () => {
    const one = await client('scripts')
    expect(await one.eval('return redis.call("SET", KEYS[1], ARGV[1])', 1, 'k', 'v')).toBe('OK')
    expect(await one.get('k')).toBe('v')
    expect(await one.eval('return {1, "two", {3, false}, redis.call("GET", KEYS[1])}', 1, 'k')).toEqual([
      1,
      'two',
      [3, null],
      'v',
    ])
    const replies = await one
      .multi()
      .incr('n')
      .eval('return redis.call("INCRBY", KEYS[1], 10)', 1, 'n')
      .ping()
      .eval('return redis.error_reply("MY own")', 0)
      .get('n')
      .exec()
    expect(replies!.map(([error, reply]) => error?.message ?? reply)).toEqual([1, 11, 'PONG', 'MY own', '11'])
  })

  test('tell of the keys that they change, and show what they call', async () => {
    const [one, listener, monitored] = [await client('told'), await client('told'), await client('told')]
    await one.config('SET', 'notify-keyspace-events', 'EA')
    const heard: string[] = []
    listener.on('pmessage', (_pattern: string, channel: string, key: string) =>
      heard.push(`${channel} ${key}`),
    )
    await listener.psubscribe('__keyevent@0__:*')
    const monitor = await monitored.monitor()
    const shown: string[] = []
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      if (source === 'lua') shown.push(args.join(' '))
    })
    const slow =
      'local n = 0 for i = 1, 200000 do n = n + i % 7 end redis.call("RPUSH", KEYS[1], n) return redis.call("LPOP", KEYS[1])'
    expect(await one.eval(slow, 1, 'list')).toBe('599997')
    await eventually(() => heard.length === 3)
    expect(heard.map((each) => each.split(':')[1])).toEqual(['rpush list', 'lpop list', 'del list'])
    await eventually(() => shown.length === 2)
    expect(shown).toEqual(['RPUSH list 599997', 'LPOP list'])
    monitor.disconnect()
  })

  test('what one reads without having declared it is fetched', async () => {
    const one = await client('undeclared')
    await one.set('other', 'found')
    expect(await one.eval('return redis.call("GET", "other")', 0)).toBe('found')
    expect(await one.eval('return redis.call("KEYS", "*")', 0)).toEqual(['other'])
  })

  test('EVALSHA knows what EVAL and SCRIPT LOAD brought, until SCRIPT FLUSH', async () => {
    const [one, other] = [await client('known'), await client('not-known')]
    const sha1 = (await one.script('LOAD', 'return 7')) as string
    for (let i = 0; i < 3; i++) expect(await one.evalsha(sha1, 0)).toBe(7)
    await expect(other.evalsha(sha1, 0)).rejects.toThrow('NOSCRIPT')
    expect(await one.script('EXISTS', sha1)).toEqual([1])
    await one.script('FLUSH')
    await expect(one.evalsha(sha1, 0)).rejects.toThrow('NOSCRIPT')
  })

  test('an endless one ends at its limit and changes nothing', async () => {
    const one = await client('endless')
    const endless = one.eval('redis.call("SET", KEYS[1], "v") while true do end', 1, 'k')
    await expect(endless).rejects.toThrow(/was killed: it ran longer than/)
    expect(await one.get('k')).toBeNull()
  })

  test('one that is quick at first and slow later gives the same answer', async () => {
    const one = await client('moody')
    const source =
      'local n = 0 for i = 1, tonumber(ARGV[1]) do n = n + i % 7 end redis.call("INCR", KEYS[1]) return n'
    const sum = (count: number): number =>
      Array.from({ length: count }, (_, i) => (i + 1) % 7).reduce((a, b) => a + b, 0)
    for (let i = 0; i < 3; i++) expect(await one.eval(source, 1, 'runs', '10')).toBe(sum(10))
    // Some tens of milliseconds: it has to move to a thread, and must not count twice.
    expect(await one.eval(source, 1, 'runs', '2000000')).toBe(sum(2_000_000))
    expect(await one.get('runs')).toBe('4')
  })

  test('a token that may only read is refused within a script as well', async () => {
    const reader = await client('reading', 'kv:read')
    const write = reader.eval('return redis.call("SET", KEYS[1], "v")', 1, 'k')
    await expect(write).rejects.toThrow(/NOPERM|read-only/)
  })

  test('WATCH ends a transaction with a script when its key was touched', async () => {
    const [one, other] = [await client('watching'), await client('watching')]
    await one.watch('k')
    await other.set('k', 'theirs')
    expect(await one.multi().eval('return redis.call("SET", "k", "mine")', 1, 'k').exec()).toBeNull()
    expect(await other.get('k')).toBe('theirs')
  })

  test('what one publishes arrives once, in order, and is counted', async () => {
    const [one, listener] = [await client('publishing'), await client('publishing')]
    const got: string[] = []
    listener.on('message', (_channel, message) => got.push(message))
    await listener.subscribe('c')
    const quick = 'return redis.call("PUBLISH", "c", ARGV[1]) + redis.call("PUBLISH", "none", "x")'
    // The first time on a thread, then here.
    for (const text of ['1', '2', '3']) expect(await one.eval(quick, 0, text)).toBe(1)
    const slow = `local n = 0 for i = 1, 200000 do n = n + i % 7 end
      redis.call("SET", KEYS[1], "v") return redis.call("PUBLISH", "c", ARGV[1])`
    for (const text of ['4', '5']) expect(await one.eval(slow, 1, 'k', text)).toBe(1)
    const replies = await one.multi().publish('c', '6').eval(slow, 1, 'k', '7').publish('c', '8').exec()
    expect(replies!.map(([, reply]) => reply)).toEqual([1, 1, 1])
    const endless = one.eval('redis.call("PUBLISH", "c", "killed") while true do end', 0)
    await expect(endless).rejects.toThrow(/was killed/)
    // More names than are told without being asked for.
    await listener.subscribe(...Array.from({ length: 500 }, (_, i) => `${'long'.repeat(20)}-${i}`))
    const readings = async (): Promise<number> => {
      const backing = new Redis(redis.url)
      const stats = await backing.info('commandstats')
      backing.disconnect()
      return Number(/cmdstat_hgetall:calls=(\d+)/.exec(stats)?.[1] ?? 0)
    }
    expect(await one.eval(`${slow} -- asks`, 1, 'k', '9')).toBe(1)
    const before = await readings()
    for (let i = 10; i < 20; i++) expect(await one.eval(`${slow} -- asks`, 1, 'k', String(i))).toBe(1)
    // No more often than a record is renewed.
    expect((await readings()) - before).toBeLessThan(5)
    await eventually(() => got.length === 19)
    expect(got).toEqual(Array.from({ length: 19 }, (_, i) => String(i + 1)))
    expect(await one.eval('return #redis.call("PUBSUB", "CHANNELS")', 0)).toBe(501)
    expect(await one.eval('return redis.call("INFO", "clients")', 0)).toContain('connected_clients:2')
  })

  test('two connections lose no update', async () => {
    const both = [await client('counting'), await client('counting')]
    const source = 'redis.call("SET", KEYS[1], (redis.call("GET", KEYS[1]) or 0) + 1)'
    await Promise.all(both.flatMap((each) => Array.from({ length: 100 }, () => each.eval(source, 1, 'n'))))
    expect(await both[0]!.get('n')).toBe('200')
  })
})

test('commands that open much are computed elsewhere, in both protocols', async () => {
  const one = await client('large')
  const numbers = Array.from({ length: 5_000 }, (_, i) => String((i * 7_919) % 5_000))
  await one.rpush('list', ...numbers)
  const sorted = [...numbers].sort((a, b) => Number(a) - Number(b))
  expect(await one.sort('list')).toEqual(sorted)
  expect(await one.lrem('list', 1, '17')).toBe(1)
  expect(await one.linsert('list', 'BEFORE', '18', 'x')).toBe(5_000)
  await one.call('HELLO', '3')
  expect(await one.sort('list', 'LIMIT', 0, 3, 'ALPHA')).toEqual([...numbers].sort().slice(0, 3))
  expect(await one.sort('list', 'ALPHA', 'STORE', 'sorted')).toBe(5_000)
  expect(await one.lindex('sorted', 0)).toBe('0')
})

test('writes of many members are sealed elsewhere, and what was there stays', async () => {
  const one = await client('many')
  await one.hset('hash', { before: 'kept' })
  const fields = Array.from({ length: 3_000 }, (_, i) => [`f${i}`, `v${i}`]).flat()
  expect(await one.hset('hash', ...fields)).toBe(3_000)
  expect(await one.hlen('hash')).toBe(3_001)
  expect(await one.hmget('hash', 'before', 'f0', 'f2999')).toEqual(['kept', 'v0', 'v2999'])
  const members = Array.from({ length: 3_000 }, (_, i) => `m${i}`)
  expect(await one.sadd('set', ...members)).toBe(3_000)
  expect(await one.sadd('set', ...members, 'new')).toBe(1)
  expect(await one.scard('set')).toBe(3_001)
})

test('REST reads large values of every type by a thread as well', async () => {
  const one = await client('rest')
  const fields = Array.from({ length: 1_500 }, (_, i) => [`f${i}`, `${i}`]).flat()
  await one.hset('hash', ...fields)
  await one.rpush('list', ...fields)
  const token = await mintToken({ secret: SECRET, automationId: 'rest', runId: 'run', ttlSeconds: 600 })
  const ask = async (path: string, body?: object): Promise<AnyJson> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
    return (await fetch(`${server.http}/api/automation/v1/kv${path}`, init)).json()
  }
  expect((await ask('/hash')).value).toEqual(
    Object.fromEntries(fields.flatMap((f, i) => (i % 2 ? [] : [[f, i / 2]]))),
  )
  expect(await ask('/list?meta=true')).toMatchObject({ type: 'list', ttl: null, version: 2 })
  const batch = await ask('/batch', {
    operations: [
      { op: 'get', key: 'list' },
      { op: 'incr', key: 'n' },
    ],
  })
  expect(batch.results[0].value).toHaveLength(3_000)
  expect([batch.version, batch.results[1].value]).toEqual([3, 1])
  const failed = await ask('/batch', {
    operations: [
      { op: 'get', key: 'list' },
      { op: 'incr', key: 'list' },
    ],
  })
  expect([failed.error, failed.operation_index]).toEqual(['operation_failed', 1])
})

test('a transaction that would answer one value thousands of times is refused, not held', async () => {
  const one = await client('multiplied')
  await one.set('large', 'x'.repeat(1_000_000))
  const many = one.multi()
  for (let i = 0; i < 500; i++) many.get('large')
  await expect(many.set('k', 'v').exec()).rejects.toThrow(/replies are larger than/)
  expect(await one.exists('k')).toBe(0)
  const few = one.multi()
  for (let i = 0; i < 20; i++) few.get('large')
  expect(await few.set('k', 'v').exec()).toHaveLength(21)
})

test('a thread that dies fails what it had, and another one goes on', async () => {
  const one = await client('dying')
  // Beyond the Lua machine's memory it is refused; beyond V8's the thread dies: neither ends the process.
  const greedy = one.eval('local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1000) .. i end', 0)
  await expect(greedy).rejects.toThrow(/was killed|too long/)
  expect(await one.eval('return 1', 0)).toBe(1)
  expect(server.process.exitCode).toBeNull()
  expect(server.errors()).not.toMatch(/internal error/)
})
