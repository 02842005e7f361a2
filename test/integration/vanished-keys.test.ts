import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Double, SimpleString } from '../../src/reply/reply.ts'
import { type Engine, startEngine } from '../helpers/engine.ts'
import { type RestServer, startRest } from '../helpers/http.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'

// A key that the backing Redis evicted, or that somebody deleted there by hand, is absent, though the index
// still knows it: whatever writes it next makes it anew, at once.

type Command = readonly string[]

interface Scene {
  readonly make: Command
  /** Each with its reply on a key that is absent. */
  readonly writes: ReadonlyArray<readonly [command: Command, reply: unknown]>
}

const SCENES: Readonly<Record<string, Scene>> = {
  string: {
    make: ['SET', 'k', '41'],
    writes: [
      [['INCR', 'k'], 1],
      [['APPEND', 'k', 'ab'], 2],
      [['INCRBYFLOAT', 'k', '1.5'], '1.5'],
      [['SETRANGE', 'k', '2', 'x'], 3],
      [['SETBIT', 'k', '7', '1'], 0],
      [['SET', 'k', 'new'], 'OK'],
      [['GETSET', 'k', 'new'], null],
      [['SETNX', 'k', 'new'], 1],
      [['SET', 'k', 'new', 'XX'], null],
      [['GETDEL', 'k'], null],
      [['PERSIST', 'k'], 0],
      [['PFADD', 'k', 'a'], 1],
    ],
  },
  list: {
    make: ['RPUSH', 'k', 'a', 'b', 'c'],
    writes: [
      [['RPUSH', 'k', 'x'], 1],
      [['LPUSHX', 'k', 'x'], 0],
      [['LREM', 'k', '0', 'a'], 0],
      [['LINSERT', 'k', 'BEFORE', 'b', 'x'], 0],
      [['LPOP', 'k'], null],
      [['LMOVE', 'k', 'other', 'LEFT', 'RIGHT'], null],
      [['INCR', 'k'], 1],
    ],
  },
  hash: {
    make: ['HSET', 'k', 'f', '41'],
    writes: [
      [['HSET', 'k', 'f', 'x'], 1],
      [['HINCRBY', 'k', 'f', '1'], 1],
      [['HINCRBYFLOAT', 'k', 'f', '1.5'], '1.5'],
      [['HSETNX', 'k', 'f', 'x'], 1],
      [['HDEL', 'k', 'f'], 0],
    ],
  },
  set: {
    make: ['SADD', 'k', 'a', 'b'],
    writes: [
      [['SADD', 'k', 'a'], 1],
      [['SPOP', 'k'], null],
      [['SMOVE', 'k', 'other', 'a'], 0],
      [['SUNIONSTORE', 'k', 'k', 'other'], 0],
      [['SREM', 'k', 'a'], 0],
    ],
  },
  zset: {
    make: ['ZADD', 'k', '1', 'a', '2', 'b'],
    writes: [
      [['ZADD', 'k', '1', 'a'], 1],
      [['ZINCRBY', 'k', '1.5', 'a'], '1.5'],
      [['ZPOPMIN', 'k'], []],
      [['ZREMRANGEBYLEX', 'k', '-', '+'], 0],
      [['ZUNIONSTORE', 'k', '1', 'k'], 0],
    ],
  },
  stream: {
    make: ['XADD', 'k', '5-1', 'f', 'v'],
    writes: [
      [['XADD', 'k', '1-1', 'f', 'v'], '1-1'],
      [['XTRIM', 'k', 'MAXLEN', '0'], 0],
      [['XDEL', 'k', '5-1'], 0],
      [['XGROUP', 'CREATE', 'k', 'g', '$', 'MKSTREAM'], 'OK'],
    ],
  },
}

const PLACES = [
  ['directly', { computed: false }],
  ['computed', { computed: true }],
] as const

let redis: TestRedis
let engine: Engine
let rest: RestServer
beforeAll(async () => {
  redis = await startRedis()
  // A conflict without end would show as TRYAGAIN after this time.
  engine = await startEngine(redis.url, { lockTimeoutMs: 500 })
  rest = await startRest({ redis, lockTimeoutMs: 500 })
})
afterAll(async () => {
  await engine.close()
  await rest.stop()
  await redis.stop()
})

const shown = (reply: unknown): unknown => {
  if (Buffer.isBuffer(reply)) return reply.toString()
  if (Array.isArray(reply)) return reply.map(shown)
  if (typeof reply === 'bigint') return Number(reply)
  return reply instanceof SimpleString || reply instanceof Double ? reply.text : reply
}

let automations = 0
const automation = (): string => `vanished-${++automations}`
const physical = (automationId: string, name = 'k'): Buffer =>
  engine.automation(automationId).key(Buffer.from(name)).toBuffer()
const take = (automationId: string): Promise<number> => engine.redis.del(physical(automationId))

describe.each(Object.entries(SCENES))('a %s', (_type, { make, writes }) => {
  describe.each(PLACES)('%s', (_way, options) => {
    test.each(writes.map(([command, reply]) => [command.join(' '), command, reply] as const))(
      '%s',
      async (_text, command, reply) => {
        for (const ttl of [false, true]) {
          const id = automation()
          await engine.run(id, make, options)
          if (ttl) await engine.run(id, ['PEXPIRE', 'k', '60000'], options)
          expect(await take(id)).toBe(1)
          expect(shown(await engine.run(id, command, options))).toEqual(reply)
          // What is there now is no heir of what vanished.
          const there = Number(await engine.run(id, ['EXISTS', 'k']))
          expect(await engine.run(id, ['PTTL', 'k'], { computed: true })).toBe(there === 1 ? -1 : -2)
          const entry = await engine.redis.hget(engine.automation(id).indexKey, 'k')
          if (there === 1) {
            const [created, updated, , expires] = entry!.split(':')
            expect({ created, expires }).toEqual({ created: updated, expires: '0' })
          }
        }
      },
    )
  })
})

test('a counter that this process has in memory begins anew', async () => {
  const id = automation()
  expect(shown(await engine.run(id, ['INCR', 'k']))).toBe(1)
  expect(shown(await engine.run(id, ['INCR', 'k']))).toBe(2)
  await take(id)
  expect(shown(await engine.run(id, ['INCR', 'k']))).toBe(1)
  expect(shown(await engine.run(id, ['INCR', 'k']))).toBe(2)
})

test('several keys of one command, one of them gone', async () => {
  const id = automation()
  await engine.run(id, ['MSET', 'k', '1', 'j', '2'])
  await take(id)
  expect(await engine.run(id, ['MSETNX', 'k', '3', 'i', '4'])).toBe(1)
  expect(shown(await engine.run(id, ['MGET', 'k', 'j', 'i']))).toEqual(['3', '2', '4'])
  await take(id)
  expect(await engine.run(id, ['COPY', 'j', 'k'])).toBe(1)
})

test('it is in no list of keys, and in no count', async () => {
  const id = automation()
  await engine.run(id, ['MSET', 'k', '1', 'j', '2'])
  await take(id)
  expect(shown(await engine.run(id, ['SCAN', '0']))).toEqual(['0', ['j']])
  await engine.run(id, ['SET', 'k', '1'])
  await take(id)
  expect(shown(await engine.run(id, ['KEYS', '*']))).toEqual(['j'])
  expect(await engine.run(id, ['DBSIZE'])).toBe(1)
})

test('over REST', async () => {
  const client = await rest.client()
  const own = (name: string): string => `kv:{${client.automation}}:k:${name}`
  await client.put('doc', '{"a":{"b":1}}')
  await engine.redis.del(own('doc'))
  expect((await client.get('doc')).status).toBe(404)
  expect((await client.put('doc', '{"a":2}')).status).toBe(201)
  expect((await client.get('doc')).json.value).toEqual({ a: 2 })
  await engine.redis.del(own('doc'))
  expect((await client.delete('doc')).json.deleted).toBe(false)
  await client.put('count', '5')
  await client.post('count/incr', '{"by":1}')
  await engine.redis.del(own('count'))
  const counted = await client.post('count/incr', '{"by":1}')
  expect(counted.json.value).toBe(1)
})
