import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type CompiledServer, startCompiledServer } from '../helpers/compiled-server.ts'
import { eventually } from '../helpers/eventually.ts'
import { FaultProxy } from '../helpers/fault-proxy.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

// Scripts that touch keys which they did not declare in KEYS: they wait for them on a compute thread.

/** Calls of the backing Redis besides one for each undeclared key: first snapshot, commit, and a few more. */
const MORE_CALLS = 8

let redis: TestRedis
let server: CompiledServer
let backing: Redis
/** A plain Redis, which says what is right. */
let plain: Redis

beforeAll(async () => {
  redis = await startRedis()
  server = await startCompiledServer(redis.url)
  backing = new Redis(redis.url, { protocol: 2 })
  plain = new Redis(redis.url, { protocol: 2, db: 1 })
})

afterEach(async () => {
  server.disconnectAll()
  await plain.flushdb()
})

afterAll(async () => {
  await server.stop()
  backing.disconnect()
  plain.disconnect()
  await redis.stop()
})

async function callsOf(redisClient: Redis): Promise<number> {
  const info = await redisClient.info('commandstats')
  return [...info.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)].reduce((sum, [, n]) => sum + Number(n), 0)
}

/** What the backing Redis was called and sent for `work`. */
async function costOf(work: () => Promise<unknown>): Promise<{ calls: number; bytes: number }> {
  const look = async (): Promise<{ calls: number; bytes: number }> => {
    const calls = await callsOf(backing)
    const bytes = Number(/total_net_input_bytes:(\d+)/.exec(await backing.info('stats'))![1])
    return { calls, bytes }
  }
  const before = await look()
  await work()
  const after = await look()
  return { calls: after.calls - before.calls, bytes: after.bytes - before.bytes }
}

const SET_ALL = `for i = 1, tonumber(ARGV[1]) do redis.call('SET', 'k' .. i, i) end return 1`
const SUM_ALL = `local n = 0 for i = 1, tonumber(ARGV[1]) do n = n + redis.call('GET', 'k' .. i) end return n`
const COUNT_MEMBERS = `
  local n = 0
  for _, member in ipairs(redis.call('SMEMBERS', KEYS[1])) do n = n + redis.call('EXISTS', member) end
  return n`

describe('what they answer and write is what a Redis does', () => {
  type Words = readonly (string | number)[]
  const CASES: readonly [
    what: string,
    before: readonly Words[],
    transaction: boolean,
    script: readonly Words[],
  ][] = [
    [
      'writes and reads',
      [],
      false,
      [
        ['EVAL', SET_ALL, 0, 50],
        ['EVAL', SUM_ALL, 0, 50],
      ],
    ],
    [
      'members that are names',
      [
        ['SADD', 's', 'a', 'b', 'c', 'd'],
        ['SET', 'b', 1],
        ['LPUSH', 'd', 1],
      ],
      false,
      [['EVAL', COUNT_MEMBERS, 1, 's']],
    ],
    [
      'every type, read, changed and read again',
      [
        ['HSET', 'h', 'f', 1, 'g', 2],
        ['RPUSH', 'l', 1, 2, 3],
        ['SADD', 's', 'm'],
        ['ZADD', 'z', 1, 'm'],
        ['XADD', 'x', '1-1', 'f', 'v'],
        ['SET', 't', 'v', 'EX', 1000],
      ],
      false,
      [
        [
          'EVAL',
          `redis.call('HSET', 'h', 'f', 5) redis.call('LSET', 'l', 1, 'x') redis.call('SADD', 's', 'n')
         redis.call('ZINCRBY', 'z', 2, 'm') redis.call('XADD', 'x', '2-1', 'f', 'w') redis.call('APPEND', 't', 'w')
         redis.call('RENAME', 'l', 'l2') redis.call('DEL', 'none') redis.call('EXPIRE', 'z', 100)
         return {redis.call('HMGET', 'h', 'f', 'g'), redis.call('LRANGE', 'l2', 0, -1), redis.call('SCARD', 's'), redis.call('ZSCORE', 'z', 'm'),
           redis.call('XLEN', 'x'), redis.call('GET', 't'), redis.call('EXISTS', 'l'), redis.call('TTL', 't') > 900}`,
          0,
        ],
      ],
    ],
    [
      'an error that is caught takes nothing back',
      [['RPUSH', 'l', 1]],
      false,
      [
        [
          'EVAL',
          `redis.call('SET', 'a', 1) local e = redis.pcall('INCR', 'l') redis.call('SET', 'b', 2) return e.err`,
          0,
        ],
      ],
    ],
    [
      'all names, then what is behind each',
      [
        ['MSET', 'a', 1, 'b', 2, 'c', 3],
        ['EXPIRE', 'b', 1000],
      ],
      false,
      [
        [
          'EVAL',
          `local n = 0 for _, k in ipairs(redis.call('KEYS', '*')) do n = n + redis.call('INCR', k) end return n`,
          0,
        ],
      ],
    ],
    [
      'a key of which the transaction around it needs only a part',
      [
        ['HSET', 'h', 'f', 1, 'g', 2],
        ['RPUSH', 'l', ...Array.from({ length: 100 }, (_, i) => i)],
      ],
      true,
      [
        ['HGET', 'h', 'f'],
        ['LPUSH', 'l', 'first'],
        ['HINCRBY', 'h', 'f', 10],
        [
          'EVAL',
          `return {#redis.call('HGETALL', 'h'), redis.call('HGET', 'h', 'f'), redis.call('LINDEX', 'l', 50)}`,
          0,
        ],
        ['EXPIRE', 'l', 1000],
        [
          'EVAL',
          `return {redis.call('LREM', 'l', 0, 50), redis.call('HDEL', 'h', 'g'), redis.call('LLEN', 'l')}`,
          0,
        ],
        ['HLEN', 'h'],
      ],
    ],
    [
      'scripts in a transaction, with a key that one of them makes and another reads',
      [],
      true,
      [
        ['EVAL', `return redis.call('SET', 'new', 1)`, 0],
        ['EVAL', `return redis.call('INCR', 'new')`, 0],
        ['GET', 'new'],
      ],
    ],
    [
      'a costly pattern, for which a script starts again, before and after',
      [['MSET', 'k1', 1, 'k2', 2, 'k3', 3]],
      false,
      [
        [
          'EVAL',
          `local n = redis.call('INCR', 'n')
         for _ in ("key=value "):rep(1000):gmatch("(%w+)=%w+") do n = n + 1 end
         return {n, redis.call('GET', 'k1') + redis.call('GET', 'k2') + redis.call('GET', 'k3')}`,
          0,
        ],
      ],
    ],
  ]
  const SHOW = `
    local all = redis.call('KEYS', '*') table.sort(all)
    local shown = {}
    for _, k in ipairs(all) do
      local t = redis.call('TYPE', k).ok
      local read = {string = {'GET', k}, list = {'LRANGE', k, 0, -1}, hash = {'HGETALL', k}, set = {'SMEMBERS', k},
        zset = {'ZRANGE', k, 0, -1, 'WITHSCORES'}, stream = {'XRANGE', k, '-', '+'}}
      local value = redis.call(unpack(read[t]))
      if t == 'set' or t == 'hash' then table.sort(value) end
      shown[#shown + 1] = {k, t, value, redis.call('TTL', k) > 0}
    end
    return shown`

  test.each(CASES)('%s', async (what, before, transaction, script) => {
    const ours = await server.client(`case-${what.replaceAll(/\W+/g, '-').slice(0, 50)}`)
    const run = async (client: Redis): Promise<unknown[]> => {
      const send = ([name, ...args]: Words): Promise<unknown> => client.call(name as string, ...args)
      for (const words of before) await send(words)
      if (!transaction) return [await Promise.all(script.map(send)), await send(['EVAL', SHOW, 0])]
      await send(['MULTI'])
      for (const words of script) await send(words)
      return [await send(['EXEC']), await send(['EVAL', SHOW, 0])]
    }
    const [mine, theirs] = [await run(ours), await run(plain)]
    expect(mine).toEqual(theirs)
  })

  test.each([1, 2, 8, 9, 10, 30])(
    'a script that is quick, and touches %i keys now and then',
    async (count) => {
      const one = await server.client(`quick-${count}`)
      const source = `
      local n = 0
      for i = 1, tonumber(ARGV[1]) do n = n + redis.call('INCR', 'k' .. i) end
      return n`
      for (let i = 0; i < 5; i++) expect(await one.eval(source, 0, 0)).toBe(0)
      for (let i = 1; i <= 5; i++) {
        const { calls } = await costOf(async () => expect(await one.eval(source, 0, count)).toBe(i * count))
        expect(calls).toBeLessThanOrEqual(count + MORE_CALLS)
      }
    },
  )

  test('many quick scripts of one pipeline, each with a key of its own', async () => {
    const one = await server.client('pipelined')
    const source = `return redis.call('INCR', ARGV[1])`
    for (let i = 0; i < 3; i++) await one.eval(source, 0, 'k')
    const pipeline = one.pipeline()
    for (let i = 0; i < 200; i++) pipeline.eval(source, 0, `k${i % 100}`)
    const { calls } = await costOf(async () => {
      const replies = await pipeline.exec()
      expect(replies!.map(([, n]) => n)).toEqual(Array.from({ length: 200 }, (_, i) => (i < 100 ? 1 : 2)))
    })
    // Of each batch, which has one script at least: a snapshot, a commit, and its further reads.
    expect(calls).toBeLessThanOrEqual(200 * 3 + MORE_CALLS)
  })
})

describe('an undeclared key costs the backing Redis one call', () => {
  test.each([
    ['writes', SET_ALL, [], 1],
    ['reads', SUM_ALL, [['EVAL', SET_ALL, 0, 600]], 180_300],
  ] as const)('%s', async (what, source, before, answer) => {
    const one = await server.client(`linear-${what}`)
    for (const [name, ...args] of before) await one.call(name, ...args)
    const whole = await costOf(async () => expect(await one.eval(source, 0, 600)).toBe(answer))
    expect(whole.calls).toBeLessThanOrEqual(600 + MORE_CALLS)
    expect(whole.calls).toBeGreaterThan(500)
    const half = await costOf(() => one.eval(source, 0, 300))
    expect(whole.bytes).toBeLessThan(half.bytes * 2.5)
  })

  test('members of a set that are names', async () => {
    const one = await server.client('linear-members')
    await one.sadd('s', ...Array.from({ length: 600 }, (_, i) => `m${i}`))
    const { calls } = await costOf(async () => expect(await one.eval(COUNT_MEMBERS, 1, 's')).toBe(0))
    expect(calls).toBeLessThanOrEqual(600 + MORE_CALLS)
  })

  test('those of one command are read by one call', async () => {
    const one = await server.client('together')
    const source = `
      local names = {} for i = 1, 500 do names[i] = 'k' .. i end
      return redis.call('EXISTS', unpack(names)) + redis.call('DEL', unpack(names))`
    const { calls } = await costOf(async () => expect(await one.eval(source, 0)).toBe(0))
    expect(calls).toBeLessThanOrEqual(MORE_CALLS)
  })

  test('all names, then what is behind each', async () => {
    const one = await server.client('names')
    await one.eval(SET_ALL, 0, 300)
    const source = `local n = 0 for _, k in ipairs(redis.call('KEYS', '*')) do n = n + redis.call('GET', k) end return n`
    const { calls } = await costOf(async () => expect(await one.eval(source, 0)).toBe(45_150))
    expect(calls).toBeLessThanOrEqual(300 + MORE_CALLS)
  })

  test('in a transaction', async () => {
    const one = await server.client('linear-transaction')
    const many = one.multi().set('a', 1)
    for (let i = 0; i < 3; i++) many.eval(SET_ALL, 0, 100).incr('n')
    const { calls } = await costOf(() => many.exec())
    expect(calls).toBeLessThanOrEqual(100 + MORE_CALLS)
    expect(await one.mget('n', 'k100')).toEqual(['3', '100'])
  })
})

describe('what they read is of one moment', () => {
  /** Between the two keys lie so many others that a write gets in between. */
  const READ_BOTH = `
    local a = redis.call('GET', 'a')
    for i = 1, 30 do redis.call('GET', 'between' .. i) end
    return {a, redis.call('GET', 'b'), redis.call('EXISTS', 'c')}`

  test('although others write meanwhile', async () => {
    const [reader, writer] = [await server.client('moment'), await server.client('moment')]
    await writer.mset('a', 0, 'b', 0)
    let reading = true
    const writes = (async () => {
      for (let i = 1; reading; i++) await writer.mset('a', i, 'b', i)
    })()
    for (let i = 0; i < 30; i++) {
      const [a, b, c] = (await reader.eval(READ_BOTH, 0)) as [string, string, number]
      expect([b, c]).toEqual([a, 0])
    }
    reading = false
    await writes
  })

  test('although they only fail on it', async () => {
    const [reader, writer] = [await server.client('failing'), await server.client('failing')]
    await writer.mset('a', 0, 'b', 0)
    const source = READ_BOTH.replace(
      'return {',
      'if a ~= redis.call("GET", "b") then error("torn") end return {',
    )
    let reading = true
    const writes = (async () => {
      for (let i = 1; reading; i++) await writer.mset('a', i, 'b', i)
    })()
    for (let i = 0; i < 20; i++) await reader.eval(source, 0)
    reading = false
    await writes
  })

  test('so that no update is lost between processes', async () => {
    const second = await startCompiledServer(redis.url)
    try {
      const clients = [await server.client('updates'), await second.client('updates')]
      const source = `
        local n = redis.call('GET', 'n') or 0
        for i = 1, 10 do redis.call('GET', 'between' .. i) end
        redis.call('SET', 'n', n + 1)
        return redis.call('RPUSH', 'log', n)`
      await Promise.all(
        clients.map(async (client) => {
          for (let i = 0; i < 40; i++) await client.eval(source, 0)
        }),
      )
      expect(await clients[0]!.get('n')).toBe('80')
      const log = await clients[1]!.lrange('log', 0, -1)
      expect(log).toEqual(Array.from({ length: 80 }, (_, i) => `${i}`))
    } finally {
      await second.stop()
    }
  })
})

describe('a script that goes on and on', () => {
  const ENDLESS = `
    redis.call('SET', 'written', 1)
    local i = 0
    while true do i = i + 1 redis.pcall('GET', 'x' .. i) end`
  const TIMEOUT_MS = 700

  let other: TestRedis
  let proxy: FaultProxy
  let limited: CompiledServer
  let direct: Redis

  beforeAll(async () => {
    other = await startRedis({ port: 'free' })
    proxy = await FaultProxy.start(other.port!)
    limited = await startCompiledServer(proxy.url, { AUTOMATION_KV_LOCK_TIMEOUT_MS: String(TIMEOUT_MS) })
    direct = new Redis(other.url, { protocol: 2 })
  })

  afterEach(() => limited.disconnectAll())

  afterAll(async () => {
    await limited.stop()
    await proxy.close()
    direct.disconnect()
    await other.stop()
  })

  /** Starts it, and waits until it reads keys. */
  async function startEndless(client: Redis, on = direct): Promise<{ readonly error: Promise<Error> }> {
    const before = await callsOf(on)
    const error = client.eval(ENDLESS, 0).then(
      () => new Error('it ended'),
      (reason: Error) => reason,
    )
    await eventually(async () => (await callsOf(on)) > before + 20)
    return { error }
  }

  const tooSlow = `TRYAGAIN reading keys that were not declared took longer than ${TIMEOUT_MS} ms; nothing was written`

  test('ends when its time is over, whatever it catches, and writes nothing', async () => {
    const one = await limited.client('endless')
    expect(String(await one.eval(ENDLESS, 0).catch((error: Error) => error.message))).toBe(tooSlow)
    expect(await one.exists('written')).toBe(0)
    expect(await one.eval('return 7', 0)).toBe(7)
  })

  test('in a transaction it takes that along', async () => {
    const one = await limited.client('endless-transaction')
    await expect(one.multi().set('a', 1).eval(ENDLESS, 0).exec()).rejects.toThrow(tooSlow)
    expect(await one.exists('a', 'written')).toBe(0)
  })

  test('ends also when the Redis does not answer any more', async () => {
    const one = await limited.client('stalled')
    const { error } = await startEndless(one)
    proxy.stall('both')
    expect((await error).message).toBe(tooSlow)
    proxy.restore()
    expect(await one.exists('written')).toBe(0)
    expect(await one.eval('return redis.call("GET", "y") or 7', 0)).toBe(7)
  })

  test('ends when the link is lost, and the thread goes on', async () => {
    const one = await limited.client('lost')
    const { error } = await startEndless(one)
    proxy.cut(true)
    expect((await error).message).toBe('TRYAGAIN the backing Redis is unavailable; nothing was written')
    proxy.restore()
    await eventually(async () => (await one.ping().catch(() => '')) === 'PONG')
    await eventually(async () => (await one.exists('written').catch(() => -1)) === 0)
    expect(await one.eval('return redis.call("INCR", "y")', 0)).toBe(1)
    expect(limited.errors()).not.toMatch(/internal error/)
  })

  test('gives its thread to others meanwhile', async () => {
    // This one has some seconds.
    const [hostile, neighbour] = [await server.client('hostile'), await server.client('neighbour')]
    const ended: string[] = []
    const { error } = await startEndless(hostile, backing)
    const endless = error.then(() => ended.push('hostile'))
    expect(await neighbour.eval('return redis.call("INCR", "not-declared")', 0)).toBe(1)
    ended.push('neighbour')
    await endless
    expect(ended).toEqual(['neighbour', 'hostile'])
  })

  test('is ended by its own time limit when it computes', async () => {
    const one = await limited.client('computes')
    const source = 'redis.call("SET", "written", 1) redis.call("GET", "x") while true do end'
    await expect(one.eval(source, 0)).rejects.toThrow(/ran longer than AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS/)
    expect(await one.exists('written')).toBe(0)
  })
})

test('keys that a script may read undeclared are limited', async () => {
  const patient = await startCompiledServer(redis.url, {
    AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS: '20000',
    AUTOMATION_KV_LOCK_TIMEOUT_MS: '60000',
  })
  try {
    const one = await patient.client('many')
    const source = `
      redis.call('SET', 'written', 1)
      local at = 0
      while true do
        local names = {} for i = 1, 4000 do names[i] = 'k' .. at + i end
        at = at + 4000
        redis.pcall('EXISTS', unpack(names))
      end`
    await expect(one.eval(source, 0)).rejects.toThrow(
      'ERR more than 65536 keys were read that were not declared; nothing was written',
    )
    expect(await one.exists('written')).toBe(0)
  } finally {
    await patient.stop()
  }
})

describe('without compute threads', () => {
  let alone: TestServer

  beforeAll(async () => {
    alone = await startServer({ AUTOMATION_KV_LOCK_TIMEOUT_MS: '500' }, redis)
  })
  afterAll(() => alone.stop())

  test('a script that goes on and on is refused as well', async () => {
    const one = await alone.client('alone')
    const source = `redis.call('SET', 'written', 1) local i = 0 while true do i = i + 1 redis.call('GET', 'x' .. i) end`
    await expect(one.eval(source, 0)).rejects.toThrow(
      'TRYAGAIN reading keys that were not declared took longer than 500 ms; nothing was written',
    )
    expect(await one.exists('written')).toBe(0)
  })

  test('a script sees all of a key of which the transaction around it needs a part', async () => {
    const one = await alone.client('alone-part')
    await one.hset('h', { f: 1, g: 2 })
    const replies = await one
      .multi()
      .hincrby('h', 'f', 1)
      .eval(
        `return {#redis.call('HGETALL', 'h'), redis.call('HGET', 'h', 'f'), redis.call('HGET', 'h', 'g')}`,
        0,
      )
      .exec()
    expect(replies!.map(([, reply]) => reply)).toEqual([2, [4, '2', '2']])
  })
})

test('a server that is told to stop does so while a script waits', async () => {
  const other = await startRedis({ port: 'free' })
  const proxy = await FaultProxy.start(other.port!)
  const direct = new Redis(other.url, { protocol: 2 })
  const stopping = await startCompiledServer(proxy.url, {
    AUTOMATION_KV_LOCK_TIMEOUT_MS: '600000',
    AUTOMATION_KV_COMMAND_TIMEOUT_MS: '600000',
    AUTOMATION_KV_DRAIN_TIMEOUT_MS: '100',
  })
  try {
    const one = await stopping.client('stopping')
    const endless = one.eval(`local i = 0 while true do i = i + 1 redis.call('GET', 'x' .. i) end`, 0)
    endless.catch(() => {})
    await eventually(async () => (await callsOf(direct)) > 20)
    proxy.stall('both')
    stopping.process.kill('SIGTERM')
    await eventually(() => stopping.process.exitCode !== null || stopping.process.signalCode !== null)
    expect(stopping.process.exitCode).toBe(0)
  } finally {
    await stopping.stop()
    await proxy.close()
    direct.disconnect()
    await other.stop()
  }
})
