import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { clientsOfServers } from '../helpers/client-source.ts'
import { eventually } from '../helpers/eventually.ts'
import { startRedis } from '../helpers/redis.ts'
import { RespClient, request } from '../helpers/resp-client.ts'
import { SHORT_LIFE_SECONDS, startServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
/** Another process before the same Redis, as far as that can see. */
let other: TestServer

beforeAll(async () => {
  server = await startServer({ AUTOMATION_KV_MAX_CONNECTIONS_PER_AUTOMATION: '2000' })
  other = await startServer({}, server.redis)
})
afterAll(async () => {
  await other.stop()
  await server.stop()
})

let automations = 0
const ownAutomation = (): string => `blocking-${++automations}`

/** The reply of a pop. */
const popped = (key: string, element: string): string =>
  `*2\r\n$${key.length}\r\n${key}\r\n$${element.length}\r\n${element}\r\n`
const NULL_ARRAY = '*-1\r\n'

/** Clients of one automation of its own, closed with the test. */
async function clientsOf(servers: readonly TestServer[], automation = ownAutomation()) {
  const source = await clientsOfServers(servers, automation)
  onTestFinished(() => source.close())
  const waiting = async (...command: string[]): Promise<RespClient> => {
    const client = await source.client()
    client.send(...command)
    return client
  }
  return { automation, client: () => source.client(), untilBlocked: source.untilBlocked, waiting }
}

async function login(
  to: TestServer,
  automation: string,
  options: Parameters<TestServer['token']>[1] = {},
): Promise<RespClient> {
  const client = await RespClient.connect(to.app.ports.resp)
  onTestFinished(() => client.destroy())
  expect(await client.raw('AUTH', await to.token(automation, options))).toBe('+OK\r\n')
  return client
}

/** Connections of servers to their Redis: [commands, subscriptions]. */
async function backingLinks(to: TestServer): Promise<{ ids: (name: string) => string[]; count: number }> {
  const backing = to.backing()
  const lines = String(await backing.client('LIST')).split('\n')
  backing.disconnect()
  const named = (name: string): string[] =>
    lines.filter((line) => line.includes(` name=${name} `)).map((line) => /^id=(\d+)/.exec(line)![1]!)
  return { ids: named, count: named('automation-kv').length + named('automation-kv-subscriber').length }
}

describe('woken through the other door', () => {
  test.each([
    ['rpush', '/kv/k/rpush', '{"value":"a"}'],
    ['lpush', '/kv/k/lpush', '{"value":"a"}'],
    [
      'a batch',
      '/kv/batch',
      '{"operations":[{"op":"set","key":"x","value":1},{"op":"rpush","key":"k","value":"a"}]}',
    ],
  ])('%s', async (_name, path, body) => {
    const { automation, waiting, untilBlocked } = await clientsOf([server])
    const waiter = await waiting('BLPOP', 'k', '0')
    await untilBlocked(1)
    expect((await other.fetch(automation, 'POST', path, body)).status).toBe(200)
    expect(await waiter.frame()).toBe(popped('k', 'a'))
  })

  test('an array that was put there is a list to whoever comes then', async () => {
    const { automation, waiting } = await clientsOf([server])
    await server.fetch(automation, 'PUT', '/kv/k', '["a",1]')
    expect(await (await waiting('BRPOP', 'k', '0')).frame()).toBe(popped('k', '1'))
    expect(await (await waiting('BLPOP', 'k', '0')).frame()).toBe(popped('k', 'a'))
  })
})

describe('through another process', () => {
  test.each([
    ['BLPOP', ['BLPOP', 'k', '0'], ['RPUSH', 'k', 'a'], popped('k', 'a')],
    ['BLMOVE', ['BLMOVE', 'k', 't', 'LEFT', 'LEFT', '0'], ['RPUSH', 'k', 'a'], '$1\r\na\r\n'],
    ['BZPOPMIN', ['BZPOPMIN', 'k', '0'], ['ZADD', 'k', '1', 'a'], '*3\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\n1\r\n'],
    [
      'XREAD',
      ['XREAD', 'BLOCK', '0', 'STREAMS', 'k', '$'],
      ['XADD', 'k', '1-1', 'f', 'v'],
      '*1\r\n*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n',
    ],
  ])('%s', async (_name, command, write, reply) => {
    const here = await clientsOf([server])
    const there = await login(other, here.automation)
    const waiter = await here.waiting(...command)
    await here.untilBlocked(1)
    there.send(...write)
    expect(await waiter.frame()).toBe(reply)
  })

  test('every element goes to exactly one of those who wait in several processes', async () => {
    const [here, there] = [await clientsOf([server]), await clientsOf([other], `blocking-${automations}`)]
    const blockedClients: RespClient[] = []
    for (let i = 0; i < 40; i++)
      blockedClients.push(await (i % 2 === 0 ? here : there).waiting('BLPOP', 'k', '0'))
    await Promise.all([here.untilBlocked(20), there.untilBlocked(20)])
    const [writer, otherWriter] = [await here.client(), await there.client()]
    for (let i = 0; i < 40; i++) (i % 3 === 0 ? writer : otherWriter).send('RPUSH', 'k', `e${i}`)
    const replies = await Promise.all(blockedClients.map((waiter) => waiter.frame()))
    expect(replies.sort()).toEqual(Array.from({ length: 40 }, (_, i) => popped('k', `e${i}`)).sort())
    expect(await writer.frames(14)).toHaveLength(14)
    expect(await writer.raw('EXISTS', 'k')).toBe(':0\r\n')
  })
})

describe('the order', () => {
  test('is that in which they began to wait, over many rounds and keys', async () => {
    const { client, waiting, untilBlocked } = await clientsOf([server])
    const blockedClients: RespClient[] = []
    for (let i = 0; i < 200; i++) {
      blockedClients.push(
        await waiting(...(i % 2 === 0 ? ['BLPOP', 'a', 'b', '0'] : ['BLMPOP', '0', '2', 'b', 'a', 'LEFT'])),
      )
      if (i % 20 === 19) await untilBlocked(i + 1)
    }
    const writer = await client()
    writer.send('RPUSH', 'a', ...Array.from({ length: 120 }, (_, i) => `e${i}`))
    writer.send('RPUSH', 'a', ...Array.from({ length: 80 }, (_, i) => `e${120 + i}`))
    for (const [i, waiter] of blockedClients.entries())
      expect(await waiter.frame()).toContain(`\r\ne${i}\r\n`)
  })

  test('holds for those who want what many before them do not', async () => {
    const { client, waiting, untilBlocked } = await clientsOf([server])
    for (let i = 0; i < 100; i++) await waiting('BLPOP', 'k', 'l', '0')
    await untilBlocked(100)
    const [sorted, reader, last] = [
      await waiting('BZPOPMIN', 'k', '0'),
      await waiting('XREAD', 'BLOCK', '0', 'STREAMS', 'k', '$'),
      await waiting('BLPOP', 'm', '0'),
    ]
    await untilBlocked(103)
    const writer = await client()
    await writer.raw('MULTI')
    writer.send('RPUSH', 'm', 'x').send('SET', 'l', 'x').send('ZADD', 'k', '1', 'a').send('EXEC')
    expect(await sorted.frame()).toContain('\r\na\r\n')
    expect(await last.frame()).toBe(popped('m', 'x'))
    await eventually(async () =>
      (await login(server, `blocking-${automations}`)).raw('EXISTS', 'k').then((reply) => reply === ':0\r\n'),
    )
    const again = await client()
    again.send('XADD', 'k', '1-1', 'f', 'v')
    expect(await reader.frame()).toContain('1-1')
  })

  test('holds between those who wait and one who comes now', async () => {
    const { client, waiting, untilBlocked } = await clientsOf([server])
    const first = await waiting('BLPOP', 'k', '0')
    await untilBlocked(1)
    const late = await client()
    // The push and the late comer arrive together.
    late.send('RPUSH', 'k', 'a').send('BLPOP', 'k', '0.2')
    expect(await first.frame()).toBe(popped('k', 'a'))
    expect(await late.frames(2)).toEqual([':1\r\n', NULL_ARRAY])
  })
})

describe('time', () => {
  test('is up when it was said', async () => {
    const { client } = await clientsOf([server])
    const waiter = await client()
    for (const [line, ms] of [
      ['BLPOP k 0.1', 100],
      ['BZPOPMAX k 0.25', 250],
      ['XREAD BLOCK 150 STREAMS k 0', 150],
    ] as const) {
      const startedAt = performance.now()
      expect(await waiter.raw(...line.split(' '))).toBe(NULL_ARRAY)
      const took = performance.now() - startedAt
      expect(took).toBeGreaterThan(ms - 2)
      expect(took).toBeLessThan(ms + 5_000)
    }
  })

  test('is never too short for what is there', async () => {
    // A new automation each time: nothing is subscribed or noted yet.
    for (let i = 0; i < 5; i++) {
      const waiter = await login(server, ownAutomation())
      await waiter.raw('RPUSH', 'k', 'a')
      expect(await waiter.raw('BLPOP', 'k', '0.001')).toBe(popped('k', 'a'))
    }
  })
})

describe('a client that goes away while it waits', () => {
  const next = async (leave: (client: RespClient) => unknown, ...behind: string[][]): Promise<void> => {
    const { client, waiting, untilBlocked } = await clientsOf([server])
    const leaving = await waiting('BLPOP', 'k', '0')
    for (const command of behind) leaving.send(...command)
    await untilBlocked(1)
    leave(leaving)
    await untilBlocked(0)
    const staying = await waiting('BLPOP', 'k', '0')
    await untilBlocked(1)
    const writer = await client()
    expect(await writer.raw('RPUSH', 'k', 'a')).toBe(':1\r\n')
    expect(await staying.frame()).toBe(popped('k', 'a'))
    expect(await writer.raw('EXISTS', 'marker')).toBe(':0\r\n')
  }

  test('takes nothing', () => next((client) => client.destroy()))
  test('takes nothing, when it was reset', () => next((client) => client.socket.resetAndDestroy()))
  test('takes nothing, and nothing runs that it sent behind', () =>
    next((client) => client.destroy(), ['BLPOP', 'k', '0'], ['SET', 'marker', 'x']))
  test('takes nothing, however much it sent behind', () =>
    next(
      (client) => client.destroy(),
      ...Array.from({ length: 4 }, () => ['SET', 'marker', 'x'.repeat(100_000)]),
    ))

  test('is answered what was there when it only said that it sends no more', async () => {
    const { client } = await clientsOf([server])
    const [writer, polite] = [await client(), await client()]
    await writer.raw('RPUSH', 'k', 'a')
    polite
      .send('BLPOP', 'k', '0')
      .send('SET', 'marker', 'x')
      .send('BLPOP', 'k', '0')
      .send('SET', 'marker', 'y')
      .socket.end()
    expect((await polite.framesUntilClosed()).slice(0, 2)).toEqual([popped('k', 'a'), '+OK\r\n'])
    expect(await writer.raw('GET', 'marker')).toBe('$1\r\nx\r\n')
  })
})

test('CLIENT UNBLOCK reaches the own automation only', async () => {
  const [mine, foreign] = [await clientsOf([server]), await clientsOf([server])]
  const waiter = await mine.client()
  const id = (await waiter.raw('CLIENT', 'ID')).slice(1).trim()
  waiter.send('BLPOP', 'k', '0')
  await mine.untilBlocked(1)
  const [stranger, friend] = [await foreign.client(), await mine.client()]
  expect(await stranger.raw('CLIENT', 'UNBLOCK', id)).toBe(':0\r\n')
  expect(await stranger.raw('CLIENT', 'UNBLOCK', id, 'ERROR')).toBe(':0\r\n')
  expect(await friend.raw('CLIENT', 'UNBLOCK', id, 'ERROR')).toBe(':1\r\n')
  expect(await waiter.frame()).toBe('-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n')
})

test('another automation neither wakes nor serves', async () => {
  const [mine, foreign] = [await clientsOf([server]), await clientsOf([server])]
  const waiter = await mine.waiting('BLPOP', 'k', '0')
  await mine.untilBlocked(1)
  const [stranger, friend] = [await foreign.client(), await mine.client()]
  expect(await stranger.raw('RPUSH', 'k', 'theirs')).toBe(':1\r\n')
  expect(await friend.raw('RPUSH', 'k', 'mine')).toBe(':1\r\n')
  expect(await waiter.frame()).toBe(popped('k', 'mine'))
  expect(await stranger.raw('LLEN', 'k')).toBe(':1\r\n')
})

test('a token that expires ends the waiting, and what was sent behind', async () => {
  const automation = ownAutomation()
  const waiter = await login(server, automation, { ttlSeconds: SHORT_LIFE_SECONDS })
  waiter.send('BLPOP', 'k', '0').send('GET', 'x')
  const friend = await login(server, automation)
  await eventually(async () => (await friend.raw('CLIENT', 'LIST')).includes(' flags=b'))
  waiter.send('GET', 'y').send('GET', 'z')
  expect(await waiter.framesUntilClosed()).toEqual(Array(4).fill('-NOAUTH token expired\r\n'))
  const staying = await login(server, automation)
  await staying.raw('RPUSH', 'k', 'a')
  expect(await staying.raw('BLPOP', 'k', '0')).toBe(popped('k', 'a'))
})

test('a read-only token may wait for what it may read', async () => {
  const automation = ownAutomation()
  const reader = await login(server, automation, { scope: 'kv:read' })
  for (const command of [
    'BLPOP k 0',
    'BLMOVE a b LEFT LEFT 0',
    'BZMPOP 0 1 k MIN',
    'XREADGROUP GROUP g c BLOCK 0 STREAMS k >',
  ]) {
    expect(await reader.raw(...command.split(' '))).toMatch(/^-NOPERM /)
  }
  reader.send('XREAD', 'BLOCK', '0', 'STREAMS', 'k', '0')
  await (await login(server, automation)).raw('XADD', 'k', '1-1', 'f', 'v')
  expect(await reader.frame()).toContain('1-1')
})

test('a server that stops ends the waiting', async () => {
  const leaving = await startServer({}, server.redis)
  const { automation, client, waiting, untilBlocked } = await clientsOf([leaving])
  const blockedClients = [await client(), await waiting('XREAD', 'BLOCK', '0', 'STREAMS', 's', '$')]
  blockedClients[0]!.write(
    Buffer.concat([request('BLPOP', 'k', '0'), request('SET', 'behind', 'x'), request('BLPOP', 'k', '0')]),
  )
  await untilBlocked(2)
  const startedAt = Date.now()
  await leaving.stop()
  expect(Date.now() - startedAt).toBeLessThan(5_000)
  expect(await blockedClients[0]!.framesUntilClosed()).toEqual([NULL_ARRAY, '+OK\r\n', NULL_ARRAY])
  expect(await blockedClients[1]!.framesUntilClosed()).toEqual([NULL_ARRAY])
  const writer = await login(server, automation)
  expect(await writer.raw('RPUSH', 'k', 'a')).toBe(':1\r\n')
  expect(await writer.raw('LLEN', 'k')).toBe(':1\r\n')
})

describe('when a link to the Redis is lost', () => {
  /** Two servers before a Redis of their own. */
  const start = async (env: Record<string, string> = {}): Promise<[TestServer, TestServer]> => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const servers = [await startServer(env, redis), await startServer(env, redis)] as const
    onTestFinished(async () => {
      for (const each of servers) await each.stop()
    })
    return [...servers]
  }

  /** Retried until the Redis is back. */
  const write = async (client: RespClient, ...command: string[]): Promise<void> =>
    eventually(async () => !(await client.raw(...command)).startsWith('-'))

  test('they are served after its restart', async () => {
    const [here, there] = await start()
    const { automation, waiting, untilBlocked } = await clientsOf([here])
    const blockedClients = [
      await waiting('BLPOP', 'k', '0'),
      await waiting('BZPOPMIN', 'z', '0'),
      await waiting('XREAD', 'BLOCK', '0', 'STREAMS', 's', '0'),
    ]
    await untilBlocked(3)
    const writer = await login(there, automation)
    for (let round = 0; round < 2; round++) await here.redis.restart()
    await write(writer, 'RPUSH', 'k', 'a')
    await write(writer, 'ZADD', 'z', '1', 'a')
    await write(writer, 'XADD', 's', '1-1', 'f', 'v')
    for (const waiter of blockedClients) expect((await waiter.frame())[0]).toBe('*')
  })

  test.each([['automation-kv'], ['automation-kv-subscriber']])(
    '%s: they find what came meanwhile',
    async (name) => {
      const [here, there] = await start()
      const { automation, waiting, untilBlocked } = await clientsOf([here])
      const waiter = await waiting('BLPOP', 'k', '0')
      await untilBlocked(1)
      const writer = await login(there, automation)
      const backing = here.backing()
      const mine = (await backingLinks(here)).ids(name)
      const kill = backing.pipeline()
      for (const id of mine) kill.client('KILL', 'ID', id)
      await kill.exec()
      await write(writer, 'RPUSH', 'k', 'a')
      expect(await waiter.frame()).toBe(popped('k', 'a'))
    },
  )

  test('a first wait that failed spoils none after it', async () => {
    const [here] = await start()
    const waiter = await login(here, ownAutomation())
    await here.redis.kill()
    expect(await waiter.raw('BLPOP', 'k', '0')).toMatch(/^-TRYAGAIN /)
    await here.redis.restart()
    await eventually(async () => (await waiter.raw('BLPOP', 'k', '0.01')) === NULL_ARRAY)
    await waiter.raw('RPUSH', 'k', 'a')
    expect(await waiter.raw('BLPOP', 'k', '0')).toBe(popped('k', 'a'))
  })

  test('one that is silent is given up', async () => {
    const [here, there] = await start({ AUTOMATION_KV_COMMAND_TIMEOUT_MS: '300' })
    const { automation, waiting, untilBlocked } = await clientsOf([here])
    const waiter = await waiting('BLPOP', 'k', '0')
    await untilBlocked(1)
    const writer = await login(there, automation)
    await here.redis.kill('SIGSTOP')
    await eventually(() => here.logged().includes('subscribing link given up'))
    await here.redis.kill('SIGCONT')
    await write(writer, 'RPUSH', 'k', 'a')
    expect(await waiter.frame()).toBe(popped('k', 'a'))
  })

  test('or its scripts are', async () => {
    const [here, there] = await start()
    const { automation, client, untilBlocked } = await clientsOf([here])
    const blockedClients: RespClient[] = []
    for (let i = 0; i < 5; i++) blockedClients.push(await client())
    const writer = await login(there, automation)
    await here.backing().script('FLUSH')
    for (const [i, waiter] of blockedClients.entries()) waiter.send('BLPOP', `k${i}`, '0')
    await untilBlocked(5)
    for (const [i, waiter] of blockedClients.entries()) {
      await write(writer, 'RPUSH', `k${i}`, 'a')
      expect(await waiter.frame()).toBe(popped(`k${i}`, 'a'))
    }
  })
})

test('a thousand wait on few connections, are all served, and leave nothing behind', async () => {
  const { automation, untilBlocked } = await clientsOf([server])
  const tokens = await server.token(automation)
  const blockedClients: RespClient[] = []
  for (let i = 0; i < 1_000; i++) {
    const waiter = await RespClient.connect(server.app.ports.resp)
    blockedClients.push(waiter.send('AUTH', tokens).send('BLPOP', 'jobs', `own-${i % 10}`, '0'))
  }
  onTestFinished(() => {
    for (const waiter of blockedClients) waiter.destroy()
  })
  await untilBlocked(1_000)
  expect((await backingLinks(server)).count).toBeLessThanOrEqual(10)
  const writer = await login(other, automation)
  for (let i = 0; i < 1_000; i++) writer.send('RPUSH', 'jobs', `job-${i}`)
  const replies = await Promise.all(blockedClients.map((waiter) => waiter.frames(2)))
  expect(new Set(replies.map(([, reply]) => reply))).toEqual(
    new Set(Array.from({ length: 1_000 }, (_, i) => popped('jobs', `job-${i}`))),
  )
  const backing = server.backing()
  const left = await backing.keys(`kv:{${automation}}:*`)
  // The version and the account of bytes stay, with what tells WATCH of deleted keys; the notes of who waits
  // go by themselves.
  expect(left.filter((key) => !/:[vdqu]$/.test(key))).toEqual([`kv:{${automation}}:b`])
  const ttl = await backing.pttl(`kv:{${automation}}:b`)
  expect(ttl).toBeGreaterThan(0)
  expect(ttl).toBeLessThanOrEqual(10_000)
}, 60_000)
