import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { RespClient, request, show } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

const ABORTED = '-EXECABORT Transaction discarded because of previous errors.'
const WRONGTYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value'
const NOT_INTEGER = '-ERR value is not an integer or out of range'

/** Two servers before one Redis, as two processes would stand there: nothing is shared but the Redis. */
let redis: TestRedis
let server: TestServer
let second: TestServer
const clients: RespClient[] = []
let automation = ''
let automations = 0

beforeAll(async () => {
  redis = await startRedis()
  ;[server, second] = await Promise.all([startServer({}, redis), startServer({}, redis)])
})
afterAll(async () => {
  await Promise.all([server?.stop(), second?.stop()])
  await redis?.stop()
})
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy()
})

async function connect(at = server, to = automation): Promise<RespClient> {
  const client = await RespClient.connect(at.app.ports.resp)
  clients.push(client)
  expect(await client.text('AUTH', await at.token(to))).toBe('OK')
  return client
}

/** A client of an automation of its own. */
const fresh = (): Promise<RespClient> => {
  automation = `transactions-${++automations}`
  return connect()
}

const words = (line: string): string[] => line.split(' ').map((word) => (word === '""' ? '' : word))

/** Sends the lines one by one; the last reply. */
async function run(client: RespClient, ...lines: string[]): Promise<string> {
  let reply = ''
  for (const line of lines) reply = await client.text(...words(line))
  return reply
}

/** The reply of EXEC after MULTI and the lines, which must all be queued. */
async function transaction(client: RespClient, ...lines: string[]): Promise<string> {
  expect(await run(client, 'MULTI')).toBe('OK')
  for (const line of lines) expect([line, await run(client, line)]).toEqual([line, 'QUEUED'])
  return run(client, 'EXEC')
}

const rest = (method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> =>
  server.fetch(automation, method, path, body === undefined ? undefined : JSON.stringify(body))

const version = async (): Promise<number> =>
  (
    JSON.parse((await rest('POST', '/kv/batch', { operations: [{ op: 'get', key: 'any' }] })).text) as {
      version: number
    }
  ).version

describe('EXEC', () => {
  test('runs what needs plaintext and what does not, each seeing the ones before it', async () => {
    const client = await fresh()
    expect(await transaction(client, 'SET a 1', 'INCR a', 'APPEND a x', 'RENAME a b', 'GET b')).toBe(
      '[OK, 2, 2, OK, 2x]',
    )
    expect(await run(client, 'EXISTS a')).toBe('0')
    expect(
      await transaction(
        client,
        'SET n 1',
        'GET n',
        'RPUSH l x y',
        'HSET h f v',
        'SADD s m',
        'ZADD z 1 m',
        'DEL b',
      ),
    ).toBe('[OK, 1, 2, 1, 1, 1, 1]')
    expect(
      await transaction(
        client,
        'HINCRBY h n 5',
        'LPOP l',
        'LINSERT l BEFORE y w',
        'LRANGE l 0 -1',
        'ZINCRBY z 2 m',
        'STRLEN n',
      ),
    ).toBe('[5, x, 2, [w, y], 3, 1]')
  })

  test('of nothing is an empty list; without MULTI, twice and nested it is refused', async () => {
    const client = await fresh()
    expect(await transaction(client)).toBe('[]')
    expect(await run(client, 'EXEC')).toBe('-ERR EXEC without MULTI')
    expect(await run(client, 'DISCARD')).toBe('-ERR DISCARD without MULTI')
    expect(await run(client, 'MULTI', 'MULTI')).toBe('-ERR MULTI calls can not be nested')
    expect(await run(client, 'WATCH a')).toBe('-ERR WATCH inside MULTI is not allowed')
    expect(await run(client, 'SET a 1')).toBe('QUEUED')
    expect(await run(client, 'EXEC')).toBe('[OK]')
    expect(await run(client, 'EXEC')).toBe('-ERR EXEC without MULTI')
  })

  test('a command that is refused when queued aborts all', async () => {
    const client = await fresh()
    for (const line of [
      'GET',
      'NOSUCH x',
      'GEOADD g 1 1 m',
      'SET $reserved 1',
      'OBJECT NOSUCH a',
      `SET ${'k'.repeat(256)} 1`,
    ]) {
      expect(await run(client, 'MULTI', 'SET a 1')).toBe('QUEUED')
      expect(await run(client, line)).toMatch(/^-/)
      expect([line, await run(client, 'SET b 1', 'EXEC')]).toEqual([line, ABORTED])
      expect(await run(client, 'EXISTS a b')).toBe('0')
    }
    expect(await transaction(client, 'SET a 1')).toBe('[OK]')
  })

  test('a command that fails when run answers its error, and the others are applied', async () => {
    const client = await fresh()
    expect(
      await transaction(
        client,
        'SET a x',
        'INCR a',
        'LPUSH a y',
        'SET b 2',
        'INCRBY b 9223372036854775807',
        'SELECT 1',
        'INCR b',
      ),
    ).toBe(
      `[OK, ${NOT_INTEGER}, ${WRONGTYPE}, OK, -ERR increment or decrement would overflow, -ERR DB index is out of range, 3]`,
    )
    expect(await run(client, 'MGET a b')).toBe('[x, 3]')
    expect(await transaction(client, 'RENAME nokey a', 'SET a 1 EX 0', 'LSET b 0 x')).toBe(
      `[-ERR no such key, -ERR invalid expire time in 'set' command, ${WRONGTYPE}]`,
    )
  })

  test('DISCARD forgets the queue and the watched keys', async () => {
    const client = await fresh()
    expect(await run(client, 'WATCH a', 'MULTI', 'SET a 1', 'DISCARD')).toBe('OK')
    expect(await run(client, 'EXISTS a')).toBe('0')
    expect(await run(client, 'SET a 2')).toBe('OK')
    expect(await transaction(client, 'GET a')).toBe('[2]')
  })

  test('counts as one version step, and as none when nothing changed', async () => {
    const client = await fresh()
    await run(client, 'SET a 1')
    const before = await version()
    await transaction(client, 'INCR a', 'SET b 1', 'DEL b', 'RPUSH l 1 2 3', 'SADD s x')
    expect(await version()).toBe(before + 1)
    await transaction(client, 'GET a', 'DEL nokey', 'SADD s x', 'SETNX a 9', 'LPOP nokey')
    expect(await version()).toBe(before + 1)
    await transaction(client, 'INCR l', 'SET a 1 XX')
    expect(await version()).toBe(before + 2)
    await run(client, 'MULTI', 'SET a 9', 'DISCARD')
    expect(await version()).toBe(before + 2)
  })

  test('one request after the other, or all as one write', async () => {
    const client = await fresh()
    const lines = [
      'SET a 1',
      'MULTI',
      'INCR a',
      'SET b x',
      'GET a',
      'EXEC',
      'GET b',
      'MULTI',
      'APPEND b y',
      'EXEC',
      'STRLEN b',
    ]
    client.write(Buffer.concat(lines.map((line) => request(...words(line)))))
    const replies = await client.replies(lines.length)
    expect(replies.map(show)).toEqual([
      'OK',
      'OK',
      'QUEUED',
      'QUEUED',
      'QUEUED',
      '[2, OK, 2]',
      'x',
      'OK',
      'QUEUED',
      '[2]',
      '2',
    ])
  })

  test('what is sent at once keeps its place among what is computed', async () => {
    const client = await fresh()
    const lines = [
      'INCR a',
      'MULTI',
      'SET a 5',
      'GET a',
      'EXEC',
      'INCR a',
      'MULTI',
      'SET b 1',
      'EXEC',
      'MULTI',
      'INCR b',
      'EXEC',
      'MULTI',
      'HSET h f v',
      'EXPIRE h 100',
      'EXEC',
      'GET b',
      'HGET h f',
    ]
    for (let i = 0; i < 20; i++) {
      client.write(Buffer.concat([...lines, 'FLUSHALL'].map((line) => request(...words(line)))))
      const replies = (await client.replies(lines.length + 1)).map(show).filter((reply) => reply !== 'QUEUED')
      expect(replies).toEqual([
        '1',
        'OK',
        '[OK, 5]',
        '6',
        'OK',
        '[OK]',
        'OK',
        '[2]',
        'OK',
        '[1, 1]',
        '2',
        'v',
        'OK',
      ])
    }
  })

  test('one of a single write is not overtaken by what comes behind it', async () => {
    const client = await fresh()
    const lines = [
      'MULTI',
      'SET g 1',
      'EXEC',
      'GET g',
      'MULTI',
      'SET n 10',
      'EXEC',
      'INCR n',
      'GET n',
      'MULTI',
      'HSET h f v',
      'EXEC',
      'MULTI',
      'GET n',
      'HGET h f',
      'EXEC',
    ]
    for (let i = 0; i < 20; i++) {
      client.write(Buffer.concat([...lines, 'FLUSHALL'].map((line) => request(...words(line)))))
      const replies = (await client.replies(lines.length + 1)).map(show).filter((reply) => reply !== 'QUEUED')
      expect(replies).toEqual([
        'OK',
        '[OK]',
        '1',
        'OK',
        '[OK]',
        '11',
        '11',
        'OK',
        '[1]',
        'OK',
        '[11, v]',
        'OK',
      ])
    }
  })

  test('a message that one sends comes after the computed writes before it', async () => {
    const [client, listener, reader] = [await fresh(), await connect(), await connect()]
    listener.write(request('SUBSCRIBE', 'c'))
    await listener.replies(1)
    for (let i = 1; i <= 30; i++) {
      client.write(
        Buffer.concat(['INCR m', 'MULTI', 'PUBLISH c x', 'EXEC'].map((line) => request(...words(line)))),
      )
      await listener.replies(1)
      expect(Number(await run(reader, 'GET m'))).toBeGreaterThanOrEqual(i)
      await client.replies(4)
    }
  })

  test('commands on the connection and on all keys take part', async () => {
    const client = await fresh()
    expect(
      await transaction(
        client,
        'PING',
        'ECHO hi',
        'SELECT 0',
        'CLIENT SETNAME me',
        'CLIENT GETNAME',
        'PING x',
      ),
    ).toBe('[PONG, hi, OK, OK, me, x]')
    expect(
      await transaction(
        client,
        'SET a 1',
        'DBSIZE',
        'KEYS *',
        'RANDOMKEY',
        'SCAN 0',
        'SET b 1',
        'DBSIZE',
        'DEL a',
        'KEYS *',
      ),
    ).toBe('[OK, 1, [a], a, [0, [a]], OK, 2, 1, [b]]')
    expect(await transaction(client, 'SET c 1', 'FLUSHDB', 'DBSIZE', 'SET d 1', 'KEYS *')).toBe(
      '[OK, OK, 0, OK, [d]]',
    )
    expect(await run(client, 'KEYS *')).toBe('[d]')
    expect(await transaction(client, 'FLUSHALL', 'RANDOMKEY', 'SCAN 0 COUNT 1')).toBe('[OK, (nil), [0, []]]')
    expect(await transaction(client, 'SET x 1', 'INFO keyspace')).toMatch(/db0:keys=1,expires=0/)
  })
})

describe('the end of a connection', () => {
  test('in MULTI drops the queue', async () => {
    const client = await fresh()
    expect(await run(client, 'MULTI', 'SET a 1')).toBe('QUEUED')
    client.destroy()
    const other = await connect()
    expect(await run(other, 'EXISTS a')).toBe('0')
    expect(await run(other, 'MULTI', 'SET a 1', 'QUIT')).toBe('OK')
    expect(await other.repliesUntilClosed()).toEqual([])
    expect(await run(await connect(), 'EXISTS a')).toBe('0')
  })

  test('RESET leaves MULTI, forgets WATCH and logs out', async () => {
    const client = await fresh()
    expect(await run(client, 'WATCH a', 'MULTI', 'SET a 1', 'RESET')).toBe('RESET')
    expect(await run(client, 'EXEC')).toBe('-NOAUTH Authentication required.')
    expect(await client.text('AUTH', await server.token(automation))).toBe('OK')
    expect(await run(client, 'EXEC')).toBe('-ERR EXEC without MULTI')
    expect(await run(client, 'SET a 2')).toBe('OK')
    expect(await transaction(client, 'GET a')).toBe('[2]')
  })
})

describe('WATCH', () => {
  /** Each changes `w`, which holds the integer 1 and has a neighbour `v`. */
  const CHANGES: Readonly<Record<string, (own: RespClient, other: RespClient) => Promise<unknown>>> = {
    'an own write': (own) => run(own, 'SET w 2'),
    'an own write of the same value': (own) => run(own, 'SET w 1'),
    "another connection's write": (_own, other) => run(other, 'INCR w'),
    "another connection's transaction": (_own, other) => transaction(other, 'SET v 2', 'APPEND w 0'),
    'a write through another process': async () => run(await connect(second), 'APPEND w x'),
    'a deletion': (_own, other) => run(other, 'DEL w'),
    'a deletion and the same value again': (_own, other) => run(other, 'DEL w', 'SET w 1'),
    'a new TTL': (_own, other) => run(other, 'EXPIRE w 1000'),
    'a TTL in the past': (_own, other) => run(other, 'PEXPIREAT w 1'),
    'an expiry': async (_own, other) => {
      await run(other, 'PEXPIRE w 1')
      await eventually(async () => (await run(other, 'EXISTS w')) === '0')
    },
    'RENAME away': (_own, other) => run(other, 'RENAME w elsewhere'),
    'RENAME over it': (_own, other) => run(other, 'RENAME v w'),
    'COPY over it': (_own, other) => run(other, 'COPY v w REPLACE'),
    FLUSHALL: (_own, other) => run(other, 'FLUSHALL'),
    'FLUSHDB in a transaction': (_own, other) => transaction(other, 'FLUSHDB'),
    'REST PUT': () => rest('PUT', '/kv/w', 5),
    'REST DELETE': () => rest('DELETE', '/kv/w'),
    'REST incr': () => rest('POST', '/kv/w/incr', {}),
    'a REST batch': () =>
      rest('POST', '/kv/batch', {
        operations: [
          { op: 'set', key: 'v', value: 1 },
          { op: 'incr', key: 'w' },
        ],
      }),
  }

  test.each(Object.entries(CHANGES))('sees %s', async (_name, change) => {
    const own = await fresh()
    const other = await connect()
    await run(own, 'SET w 1', 'SET v 1')
    expect(await run(own, 'WATCH v2 w')).toBe('OK')
    await change(own, other)
    expect(await transaction(own, 'SET done 1')).toBe('(nil)')
    expect(await run(own, 'EXISTS done')).toBe('0')
    // What was watched is forgotten.
    expect(await transaction(own, 'SET done 1')).toBe('[OK]')
  })

  test.each(Object.entries(CHANGES))('sees between MULTI and EXEC %s', async (name, change) => {
    if (name.startsWith('an own')) return
    const own = await fresh()
    const other = await connect()
    await run(own, 'SET w 1', 'SET v 1', 'WATCH w', 'MULTI')
    await change(own, other)
    expect(await run(own, 'SET done 1', 'EXEC')).toBe('(nil)')
    expect(await run(own, 'EXISTS done')).toBe('0')
  })

  test('sees a key that came, and one that came and went', async () => {
    const own = await fresh()
    const other = await connect()
    await run(own, 'WATCH w', 'PING')
    await run(other, 'SET w 1')
    expect(await transaction(own, 'PING')).toBe('(nil)')
    await run(other, 'DEL w')
    await run(own, 'WATCH w')
    await run(other, 'SET w 1', 'DEL w')
    expect(await transaction(own, 'PING')).toBe('(nil)')
    await run(own, 'WATCH w')
    await run(other, 'SET w 1', 'FLUSHALL')
    expect(await transaction(own, 'PING')).toBe('(nil)')
    await run(own, 'WATCH w')
    await transaction(other, 'SET w 1', 'DEL w')
    expect(await transaction(own, 'PING')).toBe('(nil)')
  })

  test('sees nothing in what changes nothing, or another key', async () => {
    const own = await fresh()
    const other = await connect()
    await run(own, 'SET w 1', 'SADD s m', 'SET v 1')
    const watch = ['WATCH w s nokey']
    for (const line of [
      'GET w',
      'SET v 2',
      'SADD s m',
      'SREM s x',
      'DEL nokey',
      'SETNX w 5',
      'PERSIST w',
      'INCR s',
      'APPEND v x',
      'TOUCH w',
      'RPUSHX nokey x',
    ]) {
      await run(own, ...watch)
      await run(other, line)
      expect([line, await transaction(own, 'PING')]).toEqual([line, '[PONG]'])
    }
    await run(own, 'WATCH nokey')
    await run(other, 'FLUSHALL')
    expect(await transaction(own, 'PING')).toBe('[PONG]')
    await run(own, 'SET w 1', 'WATCH w')
    await run(other, 'MULTI', 'SET w 2', 'DISCARD')
    expect(await transaction(own, 'GET w')).toBe('[1]')
  })

  test('keeps the first look when a key is watched twice, and UNWATCH forgets all', async () => {
    const own = await fresh()
    const other = await connect()
    await run(own, 'SET w 1', 'WATCH w')
    await run(other, 'SET w 2')
    await run(own, 'WATCH w')
    expect(await transaction(own, 'GET w')).toBe('(nil)')
    await run(own, 'WATCH w')
    await run(other, 'SET w 3')
    expect(await run(own, 'UNWATCH')).toBe('OK')
    expect(await transaction(own, 'GET w')).toBe('[3]')
    expect(await run(own, 'WATCH $w')).toBe('OK')
    expect(await transaction(own, 'GET $w')).toBe('[(nil)]')
  })

  test('is in order within a pipeline', async () => {
    const own = await fresh()
    const lines = [
      'SET w 1',
      'WATCH w',
      'MULTI',
      'INCR w',
      'EXEC',
      'WATCH w',
      'INCR w',
      'MULTI',
      'INCR w',
      'EXEC',
      'GET w',
    ]
    own.write(Buffer.concat(lines.map((line) => request(...words(line)))))
    expect((await own.replies(lines.length)).map(show)).toEqual([
      'OK',
      'OK',
      'OK',
      'QUEUED',
      '[2]',
      'OK',
      '3',
      'OK',
      'QUEUED',
      '(nil)',
      '3',
    ])
  })
})

test('a transaction that exceeds the quota writes nothing', async () => {
  const small = await startServer({ AUTOMATION_KV_MAX_KEYS: '3' }, redis)
  try {
    await fresh()
    const client = await connect(small)
    await run(client, 'SET a 1', 'SET b 1')
    expect(await transaction(client, 'SET a 2', 'SET c 1', 'SET d 1')).toMatch(
      /^-OOM automation quota exceeded/,
    )
    expect(await run(client, 'MGET a c d')).toBe('[1, (nil), (nil)]')
    expect(await transaction(client, 'DEL a', 'SET c 1', 'INCR d')).toBe('[1, OK, 1]')
    expect(await transaction(client, 'SET e 1', 'DEL e', 'INCR b')).toBe('[OK, 1, 2]')
    expect(await run(client, 'DBSIZE')).toBe('3')
  } finally {
    await small.stop()
  }
})

describe('two processes', () => {
  test('transfers between two keys: the sum is never another, and no reader sees half of one', async () => {
    await fresh()
    const writers = await Promise.all([connect(server), connect(second), connect(server), connect(second)])
    const readers = await Promise.all([connect(server), connect(second)])
    await run(writers[0]!, 'MSET x 1000 y 1000')
    let writing = writers.length
    const transfer = async (client: RespClient, seed: number): Promise<void> => {
      for (let i = 0; i < 40; i++) {
        const amount = 1 + ((i * 7 + seed) % 5)
        // With plaintext, and as a list of native and computed commands in turn.
        const lines =
          i % 2 === 0
            ? [`DECRBY x ${amount}`, `INCRBY y ${amount}`]
            : [`DECRBY y ${amount}`, 'SET note moved', `INCRBY x ${amount}`]
        expect(await transaction(client, ...lines)).toMatch(/^\[/)
      }
      writing--
    }
    const read = async (client: RespClient): Promise<number> => {
      let reads = 0
      do {
        const values = JSON.parse(await transaction(client, 'GET x', 'GET y')) as [number, number]
        expect(values[0] + values[1]).toBe(2000)
        const [x, y] = JSON.parse(await run(client, 'MGET x y')) as [number, number]
        expect(x + y).toBe(2000)
        reads++
      } while (writing > 0)
      return reads
    }
    const [readsOfFirst, readsOfSecond] = await Promise.all([...readers.map(read), ...writers.map(transfer)])
    expect(readsOfFirst).toBeGreaterThan(1)
    expect(readsOfSecond).toBeGreaterThan(1)
  })

  test('check and set with WATCH loses no update', async () => {
    await fresh()
    const all = await Promise.all([connect(server), connect(second), connect(server), connect(second)])
    const rounds = 15
    const count = async (client: RespClient): Promise<void> => {
      for (let done = 0; done < rounds; ) {
        await run(client, 'WATCH counter')
        const value = await run(client, 'GET counter')
        if (
          (await transaction(client, `SET counter ${Number(value === '(nil)' ? 0 : value) + 1}`)) !== '(nil)'
        )
          done++
      }
    }
    await Promise.all(all.map(count))
    expect(await run(all[0]!, 'GET counter')).toBe(String(all.length * rounds))
  })

  test('the version grows by one for each of many transactions at once', async () => {
    await fresh()
    const all = await Promise.all([connect(server), connect(second)])
    const before = await version()
    await Promise.all(
      all.map(async (client) => {
        for (let i = 0; i < 20; i++) await transaction(client, 'INCR a', 'INCR b')
      }),
    )
    expect(await version()).toBe(before + 40)
    expect(await run(all[0]!, 'MGET a b')).toBe('[40, 40]')
  })
})

test('ioredis: multi() and pipelines', async () => {
  automation = `transactions-${++automations}`
  const client = await server.client(automation)
  expect(await client.multi().set('a', '1').incr('a').hset('h', { f: 'v' }).hgetall('h').exec()).toEqual([
    [null, 'OK'],
    [null, 2],
    [null, 1],
    [null, { f: 'v' }],
  ])
  expect(await client.multi({ pipeline: false })).toBe('OK')
  await client.set('b', 'x')
  expect(await client.exec()).toEqual([[null, 'OK']])
  const [first, failed] = (await client.multi().set('c', 'x').incr('c').exec())!
  expect(first).toEqual([null, 'OK'])
  expect(failed![0]!.message).toBe('ERR value is not an integer or out of range')
  await client.watch('a')
  await (await server.client(automation)).incr('a')
  expect(await client.multi().incr('a').exec()).toBeNull()
  const results = await client
    .pipeline()
    .rpush('l', 1, 2)
    .linsert('l', 'BEFORE', '2', 'x')
    .lrange('l', 0, -1)
    .incr('l')
    .exec()
  expect(results!.slice(0, 3)).toEqual([
    [null, 2],
    [null, 3],
    [null, ['1', 'x', '2']],
  ])
  expect(results![3]![0]!.message).toContain('WRONGTYPE')
})
