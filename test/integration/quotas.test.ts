import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ErrorReply, OK, type Reply } from '../../src/reply/reply.ts'
import { type Engine, type EngineOptions, startEngine } from '../helpers/engine.ts'
import { eventually } from '../helpers/eventually.ts'
import { type RestServer, startRest } from '../helpers/http.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { startServer } from '../helpers/server.ts'

// What an automation may keep. The test counts for itself what is there, from the backing Redis.

const MAX_BYTES = 64 * 1024
const MAX_ELEMENTS = 50

let redis: TestRedis
const engines: Engine[] = []
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  for (const engine of engines) await engine.close()
  await redis.stop()
})

const start = async (options: EngineOptions = {}): Promise<Engine> => {
  const engine = await startEngine(redis.url, { maxBytes: MAX_BYTES, maxElements: 1_000_000, ...options })
  engines.push(engine)
  return engine
}

let automations = 0
const anyone = (): string => `quota-${process.pid}-${++automations}`

const text = (reply: Reply): string =>
  reply instanceof ErrorReply ? reply.text : reply === OK ? 'OK' : String(reply)
const isFull = (reply: Reply): boolean =>
  /^OOM automation quota exceeded: \d+ of \d+ bytes are used$/.test(text(reply))
const TOO_MANY = `OOM automation quota exceeded: ${MAX_ELEMENTS} of ${MAX_ELEMENTS} elements of one key are used`

/** What the bookkeeping says that is used. */
const counted = async ({ redis: backing }: Engine, id: string): Promise<number> =>
  Number(await backing.get(`kv:{${id}}:u`))

/** Bytes of ciphertext that lie in the backing Redis under the automation's name. */
async function stored({ redis: backing }: Engine, id: string): Promise<number> {
  let sum = 0
  for (const key of await backing.keys(`kv:{${id}}:[kr]:*`)) {
    const type = await backing.type(key)
    const parts: readonly unknown[] =
      type === 'string'
        ? [(await backing.get(key)) ?? '']
        : type === 'list'
          ? await backing.lrange(key, 0, -1)
          : type === 'set'
            ? await backing.smembers(key)
            : type === 'hash'
              ? Object.entries(await backing.hgetall(key)).flat()
              : type === 'zset'
                ? await backing.zrange(key, '0', '-1')
                : (await backing.xrange(key, '-', '+')).flatMap(([, fields]): unknown[] => fields)
    for (const part of parts) sum += String(part).length
  }
  return sum
}

/** Sends what `command` makes until it is refused; answers how often it was not. */
async function fill(
  engine: Engine,
  id: string,
  command: (i: number) => string[],
  options = {},
): Promise<number> {
  for (let i = 0; i < 5_000; i++) {
    const reply = await engine.run(id, command(i), options)
    if (isFull(reply)) return i
    expect(text(reply)).not.toMatch(/^[A-Z]+ /)
  }
  throw new Error('it is never full')
}

const VALUE = 'v'.repeat(1_000)

describe('bytes', () => {
  const growing: [string, (i: number) => string[]][] = [
    ['SET', (i) => ['SET', `k${i}`, VALUE]],
    ['MSET', (i) => ['MSET', `k${i}`, VALUE, `l${i}`, VALUE]],
    ['APPEND', () => ['APPEND', 'k', VALUE]],
    ['RPUSH', () => ['RPUSH', 'k', VALUE, VALUE]],
    ['LINSERT', (i) => (i === 0 ? ['RPUSH', 'k', 'p'] : ['LINSERT', 'k', 'BEFORE', 'p', VALUE])],
    ['HSET', (i) => ['HSET', 'k', `f${i}`, VALUE]],
    ['SADD', (i) => ['SADD', 'k', `${i}${VALUE}`]],
    ['ZADD', (i) => ['ZADD', 'k', `${i}`, `${i}${VALUE}`]],
    ['XADD', () => ['XADD', 'k', '*', 'f', VALUE]],
    ['PFADD', (i) => ['PFADD', `k${i}`, 'a']],
    ['EVAL', (i) => ['EVAL', "return redis.call('SET', KEYS[1], ARGV[1])", '1', `k${i}`, VALUE]],
  ]
  for (const computed of [false, true]) {
    test.each(growing)(
      `%s (computed: ${computed}) fills the quota and stops there`,
      async (_name, command) => {
        const engine = await start()
        const id = anyone()
        const done = await fill(engine, id, command, { computed })
        expect(done).toBeGreaterThan(2)
        const [used, version] = [await counted(engine, id), await engine.version(id)]
        expect(used).toBeLessThanOrEqual(MAX_BYTES)
        expect(used).toBeGreaterThanOrEqual(await stored(engine, id))
        expect(await stored(engine, id)).toBeLessThanOrEqual(MAX_BYTES)
        for (let i = 0; i < 3; i++)
          expect(isFull(await engine.run(id, command(done), { computed }))).toBe(true)
        expect(await engine.version(id)).toBe(version)
        expect(await counted(engine, id)).toBeLessThanOrEqual(used)
        expect(await engine.run(id, ['FLUSHDB'])).toBeDefined()
        expect(await counted(engine, id)).toBe(0)
        expect(text(await engine.run(id, command(0), { computed }))).not.toMatch(/^OOM/)
      },
    )
  }

  test('a quota of strings is used to the last of them; one that was overwritten counts once', async () => {
    const engine = await start()
    const id = anyone()
    for (let i = 0; i < 500; i++) expect(text(await engine.run(id, ['SET', 'same', VALUE]))).toBe('OK')
    const one = await counted(engine, id)
    const more = await fill(engine, id, (i) => ['SET', `ke${String(i).padStart(2, '0')}`, VALUE])
    expect(more + 1).toBe(Math.floor(MAX_BYTES / one))
    for (let i = 0; i < 500; i++) expect(text(await engine.run(id, ['SET', 'same', VALUE]))).toBe('OK')
    expect(text(await engine.run(id, ['SET', 'same', 'v']))).toBe('OK')
    expect(isFull(await engine.run(id, ['SET', 'another', VALUE + VALUE]))).toBe(true)
  })

  test('what shrinks is always allowed, and gives room', async () => {
    const roomy = await start({ maxBytes: 2 ** 30 })
    const id = anyone()
    const list = Array.from({ length: 100 }, () => VALUE)
    await roomy.run(id, ['RPUSH', 'list', ...list])
    await roomy.run(id, ['RPUSH', 'other', ...list])
    await roomy.run(id, ['HSET', 'hash', 'a', VALUE, 'b', VALUE, 'c', VALUE])
    await roomy.run(id, ['SADD', 'set', 'a', 'b'])
    await roomy.run(id, ['ZADD', 'zset', '1', 'a', '2', 'b'])
    await roomy.run(id, ['XADD', 'stream', '1-1', 'f', VALUE])
    await roomy.run(id, ['XADD', 'stream', '2-1', 'f', VALUE])
    await roomy.run(id, ['SET', 'string', VALUE])
    await roomy.run(id, ['SET', 'short', 'v'])
    const engine = await start()
    expect(isFull(await engine.run(id, ['SET', 'new', 'v']))).toBe(true)
    const shrinking = [
      'LPOP list',
      'RPOP list 2',
      'LTRIM list 0 80',
      `LREM list 1 ${VALUE}`,
      'HDEL hash a',
      'SREM set a',
      'SPOP set',
      'ZREM zset a',
      'ZPOPMIN zset',
      'XDEL stream 1-1',
      'XTRIM stream MAXLEN 0',
      'EXPIRE list 1000',
      'PERSIST list',
      'SET string short',
      'GETDEL short',
      'RENAME hash renamed',
      'DEL renamed',
    ]
    for (const computed of [false, true]) {
      for (const line of shrinking) {
        await engine.run(id, ['COPY', 'nothing', 'here'])
        expect([line, text(await engine.run(id, line.split(' '), { computed }))]).not.toEqual([
          line,
          expect.stringMatching(/^OOM/),
        ])
      }
    }
    const multi = text(await engine.run(id, ['EVAL', "redis.call('LPOP', 'list'); return 1", '1', 'list']))
    expect(multi).toBe('1')
    expect(isFull(await engine.run(id, ['SET', 'new', 'v']))).toBe(true)
    expect(await engine.run(id, ['DEL', 'other'])).toBe(1)
    expect(await engine.run(id, ['LTRIM', 'list', '0', '5'])).toBeDefined()
    await eventually(async () => text(await engine.run(id, ['SET', 'new', 'v'])) === 'OK')
  })

  test('what expires gives room', async () => {
    const engine = await start()
    const id = anyone()
    await fill(engine, id, (i) => ['SET', `k${i}`, VALUE])
    expect(text(await engine.run(id, ['PEXPIRE', 'k0', '1']))).toBe('1')
    await eventually(async () => text(await engine.run(id, ['SET', 'new', VALUE])) === 'OK')
  })

  test('a refused write does not make the backing Redis count again each time', async () => {
    const engine = await start()
    const id = anyone()
    await engine.run(id, ['HSET', 'hash', 'a', '1', 'b', '2'])
    await engine.run(id, ['HDEL', 'hash', 'a'])
    await fill(engine, id, (i) => ['SET', `k${i}`, VALUE])
    const calls = async (name: string): Promise<number> =>
      Number(
        new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(await engine.redis.info('commandstats'))?.[1] ??
          0,
      )
    const before = { scripts: await calls('evalsha'), whole: await calls('hgetall'), started: Date.now() }
    const replies = await Promise.all(
      Array.from({ length: 300 }, (_, i) => engine.run(id, ['SET', `more${i}`, VALUE])),
    )
    expect(replies.every(isFull)).toBe(true)
    // Two each time: the index and the kept outcomes. At most one time in 100 ms.
    const times = 1 + Math.floor((Date.now() - before.started) / 100)
    expect((await calls('hgetall')) - before.whole).toBeLessThanOrEqual(2 * times)
  })

  test('two processes together', async () => {
    const [one, two] = [await start(), await start()]
    const id = anyone()
    const replies = await Promise.all(
      Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? one : two).run(id, ['RPUSH', `k${i % 7}`, VALUE])),
    )
    expect(replies.some(isFull)).toBe(true)
    expect(replies.some((reply) => !isFull(reply))).toBe(true)
    expect(await stored(one, id)).toBeLessThanOrEqual(MAX_BYTES)
    expect(await counted(one, id)).toBeLessThanOrEqual(MAX_BYTES)
    expect((await two.store.usage(two.automation(id))).bytes).toBeLessThanOrEqual(MAX_BYTES)
  })

  test('the counter is made anew when it is lost, also of what an earlier release wrote', async () => {
    const engine = await start()
    const id = anyone()
    await engine.run(id, ['RPUSH', 'list', VALUE, VALUE])
    await engine.run(id, ['SET', 'string', VALUE])
    const { indexKey } = engine.automation(id)
    for (const [name, entry] of Object.entries(await engine.redis.hgetall(indexKey)))
      await engine.redis.hset(indexKey, name, entry.split(':').slice(0, 4).join(':'))
    await engine.redis.del(`kv:{${id}}:u`, `kv:{${id}}:q`)
    expect(text(await engine.run(id, ['SET', 'new', 'v']))).toBe('OK')
    const used = await counted(engine, id)
    expect(used).toBeGreaterThanOrEqual(await stored(engine, id))
    expect(used).toBeLessThan(1.5 * (await stored(engine, id)) + 3 * 500)
    await engine.run(id, ['DEL', 'list', 'string', 'new'])
    expect(await counted(engine, id)).toBe(0)
  })

  test('random writes are never counted for less than is there', async () => {
    const seed = Number(process.env.AUTOMATION_KV_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
    process.stderr.write(`quotas: AUTOMATION_KV_TEST_SEED=${seed}\n`)
    let state = seed
    const below = (n: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * n)
    }
    const engine = await start({ maxBytes: 2 ** 30 })
    const id = anyone()
    const value = (): string => 'x'.repeat(1 + below(300))
    const commands: (() => string[])[] = [
      () => ['SET', `s${below(5)}`, value()],
      () => ['SET', `s${below(5)}`, value(), 'PX', String(1 + below(3))],
      () => ['APPEND', `s${below(5)}`, value()],
      () => ['DEL', `s${below(5)}`, `l${below(3)}`],
      () => ['RPUSH', `l${below(3)}`, value(), value()],
      () => ['LPUSH', `l${below(3)}`, value()],
      () => ['LPOP', `l${below(3)}`, String(1 + below(2))],
      () => ['LTRIM', `l${below(3)}`, '0', '4'],
      () => ['LSET', `l${below(3)}`, '0', value()],
      () => ['HSET', `h${below(3)}`, `f${below(9)}`, value()],
      () => ['HDEL', `h${below(3)}`, `f${below(9)}`],
      () => ['HINCRBY', `h${below(3)}`, 'n', '1'],
      () => ['SADD', `m${below(3)}`, `e${below(20)}`, `e${below(20)}`],
      () => ['SREM', `m${below(3)}`, `e${below(20)}`],
      () => ['SPOP', `m${below(3)}`],
      () => ['ZADD', `z${below(3)}`, String(below(9)), `e${below(20)}`],
      () => ['ZREM', `z${below(3)}`, `e${below(20)}`],
      () => ['XADD', `x${below(2)}`, 'MAXLEN', '5', '*', 'f', value()],
      () => ['PFADD', 'p', value()],
      () => ['COPY', `l${below(3)}`, `l${below(3)}`, 'REPLACE'],
      () => ['RENAME', `h${below(3)}`, `h${below(3)}`],
      () => ['KEYS', '*'],
    ]
    for (let round = 0; round < 30; round++) {
      await Promise.all(
        Array.from({ length: 20 }, () =>
          engine.run(id, commands[below(commands.length)]!(), { computed: below(3) === 0 }),
        ),
      )
      expect(await counted(engine, id)).toBeGreaterThanOrEqual(await stored(engine, id))
    }
    const entries = Object.values(await engine.redis.hgetall(engine.automation(id).indexKey))
    const sum = entries.reduce((all, entry) => all + Math.abs(Number(entry.split(':')[4])), 0)
    expect(await counted(engine, id)).toBe(sum)
  })
})

describe('elements of one key', () => {
  const makers: [string, (from: number, count: number) => string[]][] = [
    ['list', (from, count) => ['RPUSH', 'k', ...some(from, count)]],
    ['set', (from, count) => ['SADD', 'k', ...some(from, count)]],
    ['hash', (from, count) => ['HSET', 'k', ...some(from, count).flatMap((name) => [name, 'v'])]],
    ['sorted set', (from, count) => ['ZADD', 'k', ...some(from, count).flatMap((name) => ['1', name])]],
  ]
  const some = (from: number, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `e${from + i}`)

  for (const computed of [false, true]) {
    test.each(makers)(`a %s (computed: ${computed})`, async (type, make) => {
      const engine = await start({ maxBytes: 2 ** 30, maxElements: MAX_ELEMENTS })
      const id = anyone()
      const send = async (args: string[]): Promise<string> => text(await engine.run(id, args, { computed }))
      expect(await send(make(0, MAX_ELEMENTS))).not.toMatch(/^OOM/)
      const version = await engine.version(id)
      expect(await send(make(100, 1))).toBe(TOO_MANY)
      expect(await send(make(100, 60))).toBe(TOO_MANY)
      expect(await engine.version(id)).toBe(version)
      if (type !== 'list') expect(await send(make(0, 3))).not.toMatch(/^OOM/)
      const remove = { list: 'LPOP k', set: 'SREM k e0', hash: 'HDEL k e0', 'sorted set': 'ZREM k e0' }[type]!
      expect(await send(remove.split(' '))).not.toMatch(/^OOM/)
      expect(await send(make(100, 1))).not.toMatch(/^OOM/)
      expect(await send(make(101, 1))).toBe(TOO_MANY)
    })

    test(`a stream (computed: ${computed})`, async () => {
      const engine = await start({ maxBytes: 2 ** 30, maxElements: MAX_ELEMENTS })
      const id = anyone()
      const send = async (...args: string[]): Promise<string> =>
        text(await engine.run(id, args, { computed }))
      for (let i = 1; i <= MAX_ELEMENTS; i++)
        expect(await send('XADD', 'k', `${i}-1`, 'f', 'v')).toBe(`${i}-1`)
      expect(await send('XADD', 'k', '900-1', 'f', 'v')).toBe(TOO_MANY)
      if (!computed) {
        expect(await send('XADD', 'k', 'MAXLEN', String(MAX_ELEMENTS), '901-1', 'f', 'v')).toBe('901-1')
        expect(await send('XLEN', 'k')).toBe(String(MAX_ELEMENTS))
      }
      expect(await send('XTRIM', 'k', 'MAXLEN', '1')).not.toMatch(/^OOM/)
      expect(await send('XADD', 'k', '902-1', 'f', 'v')).toBe('902-1')
    })
  }

  test('a script that pushes too many writes nothing', async () => {
    const engine = await start({ maxBytes: 2 ** 30, maxElements: MAX_ELEMENTS })
    const id = anyone()
    const script = "for i = 1, ARGV[1] do redis.call('RPUSH', KEYS[1], i) end redis.call('SET', KEYS[2], 1)"
    expect(text(await engine.run(id, ['EVAL', script, '2', 'k', 's', '51']))).toMatch(/^OOM/)
    expect(await engine.run(id, ['EXISTS', 'k', 's'])).toBe(0)
    expect(text(await engine.run(id, ['EVAL', script, '2', 'k', 's', '50']))).not.toMatch(/^OOM/)
    expect(await engine.run(id, ['LLEN', 'k'])).toBe(50)
  })

  test('a key that has more already may shrink, and be looked at', async () => {
    const id = anyone()
    const roomy = await start({ maxBytes: 2 ** 30 })
    await roomy.run(id, ['RPUSH', 'k', ...some(0, 200)])
    const engine = await start({ maxBytes: 2 ** 30, maxElements: MAX_ELEMENTS })
    for (const computed of [false, true]) {
      expect(text(await engine.run(id, ['RPUSH', 'k', 'x'], { computed }))).toMatch(/^OOM .* of 50 elements/)
      expect(text(await engine.run(id, ['LREM', 'k', '1', 'e5'], { computed }))).not.toMatch(/^OOM/)
      expect(text(await engine.run(id, ['LPOP', 'k'], { computed }))).not.toMatch(/^OOM/)
      expect(text(await engine.run(id, ['LSET', 'k', '0', 'y'], { computed }))).toBe('OK')
    }
  })
})

describe('REST', () => {
  let rest: RestServer
  beforeAll(async () => {
    rest = await startRest({ redis, maxBytes: MAX_BYTES, maxElements: MAX_ELEMENTS })
  })
  afterAll(() => rest.stop())

  test('413 quota_exceeded says which limit, what is used and what is allowed', async () => {
    const client = await rest.client()
    let answer = await client.put('k0', JSON.stringify(VALUE))
    for (let i = 1; answer.status === 201; i++) answer = await client.put(`k${i}`, JSON.stringify(VALUE))
    expect(answer.status).toBe(413)
    expect(answer.json).toMatchObject({ error: 'quota_exceeded', limit: 'bytes', allowed: MAX_BYTES })
    expect(answer.json.used).toBeLessThanOrEqual(MAX_BYTES)
    expect(answer.json.message).toBe(
      `automation quota exceeded: ${answer.json.used} of ${MAX_BYTES} bytes are used`,
    )
    const batch = {
      operations: [
        { op: 'set', key: 'k0', value: 1 },
        { op: 'set', key: 'b', value: VALUE },
      ],
    }
    const version = await client.version()
    const over = await client.post(
      'batch',
      JSON.stringify({
        operations: [batch.operations[1], batch.operations[1], { op: 'set', key: 'c', value: VALUE }],
      }),
    )
    expect([over.status, over.json.limit]).toEqual([413, 'bytes'])
    expect((await client.get('b')).status).toBe(404)
    expect(await client.version()).toBe(version)
    expect((await client.post('batch', JSON.stringify(batch))).status).toBe(200)
    expect((await client.patch('k1', '{"path":"a","value":1}')).status).toBe(400)
  })

  test('elements', async () => {
    const client = await rest.client()
    for (let i = 0; i < MAX_ELEMENTS; i++) await client.post('list/rpush', '{"value":1}')
    const answer = await client.post('list/rpush', '{"value":1}')
    expect(answer.status).toBe(413)
    expect(answer.json).toMatchObject({ limit: 'elements', used: MAX_ELEMENTS, allowed: MAX_ELEMENTS })
    expect((await client.post('list/lpop')).status).toBe(200)
    expect((await client.post('list/rpush', '{"value":1}')).status).toBe(200)
  })

  test('kept outcomes are counted', async () => {
    const client = await rest.client()
    await client.put('big', JSON.stringify('v'.repeat(5_000)))
    const reads = Array.from({ length: 3 }, () => ({ op: 'get', key: 'big' }))
    const operations = [...reads, { op: 'incr', key: 'n' }]
    const send = (i: number) =>
      client.call('POST', '/api/automation/v1/kv/batch', {
        body: JSON.stringify({ operations }),
        headers: { 'idempotency-key': `key-${i}` },
      })
    let sent = 0
    let answer = await send(0)
    while (answer.status === 200 && sent < 100) answer = await send(++sent)
    expect([answer.status, answer.json.error]).toEqual([413, 'quota_exceeded'])
    expect(sent).toBeGreaterThan(1)
    expect((await send(0)).headers['idempotency-replayed']).toBe('true')
    expect((await client.delete('big')).status).toBe(200)
    expect((await client.put('small', '1')).status).toBe(201)
  })

  test('kv-usage', async () => {
    const client = await rest.client()
    const usage = () => client.call('GET', '/api/automation/v1/kv-usage')
    const none = await usage()
    expect(none.json).toEqual({
      keys: { used: 0, allowed: 1_000 },
      bytes: { used: 0, allowed: MAX_BYTES },
      elements: { allowed: MAX_ELEMENTS },
      version: 0,
    })
    await client.put('a', '1')
    await client.post('list/rpush', '{"value":1}')
    const some = (await usage()).json
    expect(some).toMatchObject({ keys: { used: 2 }, version: 2 })
    expect(some.bytes.used).toBeGreaterThan(300)
    expect((await client.call('GET', '/api/automation/v1/kv-usage', { token: null })).status).toBe(401)
    expect((await client.call('POST', '/api/automation/v1/kv-usage')).status).toBe(405)
  })
})

test('over RESP: INFO tells what is used, and a transaction over the quota changes nothing', async () => {
  const server = await startServer(
    { AUTOMATION_KV_MAX_BYTES: '20000', AUTOMATION_KV_MAX_ELEMENTS: '5' },
    redis,
  )
  try {
    const client = await server.client(anyone())
    const facts = async (section: string): Promise<Record<string, number>> =>
      Object.fromEntries(
        [...(await client.info(section)).matchAll(/^(\w+):(\d+)\r?$/gm)].map(([, name, value]) => [
          name,
          Number(value),
        ]),
      )
    expect(await facts('automation')).toEqual({
      version: 0,
      used_keys: 0,
      allowed_keys: 1_000,
      used_bytes: 0,
      allowed_bytes: 20_000,
      allowed_elements_of_one_key: 5,
      connections_to_this_process: 1,
    })
    await client.set('a', VALUE)
    const one = await facts('automation')
    expect(one).toMatchObject({ version: 1, used_keys: 1 })
    expect(one.used_bytes).toBeGreaterThan(1_000)
    expect(await client.info()).toContain(`used_bytes:${one.used_bytes}`)
    const many = client.multi()
    for (let i = 0; i < 20; i++) many.set(`k${i}`, VALUE)
    await expect(many.exec()).rejects.toThrow(/^OOM automation quota exceeded: \d+ of 20000 bytes are used$/)
    const pushes = client.multi()
    for (let i = 0; i < 6; i++) pushes.rpush('list', 'v')
    await expect(pushes.exec()).rejects.toThrow(/^OOM .* of 5 elements of one key are used$/)
    expect(await facts('automation')).toEqual(one)
    const same = client.multi()
    for (let i = 0; i < 60; i++) same.set('a', VALUE)
    expect(await same.exec()).toHaveLength(60)
    expect((await facts('automation')).used_bytes).toBe(one.used_bytes)
  } finally {
    await server.stop()
  }
})

test('consumers of a stream are charged too', async () => {
  const engine = await start()
  const id = anyone()
  await engine.run(id, ['XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM'])
  const made = await fill(engine, id, (i) => ['XGROUP', 'CREATECONSUMER', 's', 'g', `c${i}`])
  expect(made).toBeGreaterThan(10)
  const version = await engine.version(id)
  expect(isFull(await engine.run(id, ['XREADGROUP', 'GROUP', 'g', 'new', 'STREAMS', 's', '>']))).toBe(true)
  expect(await engine.version(id)).toBe(version)
  expect(await engine.run(id, ['XGROUP', 'DESTROY', 's', 'g'])).toBe(1)
  await eventually(async () => text(await engine.run(id, ['SET', 'k', VALUE])) === 'OK')
})
