import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { RespClient, request } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
/** Another process before the same Redis, as far as that can see. */
let other: TestServer

beforeAll(async () => {
  server = await startServer()
  other = await startServer({}, server.redis)
})
afterAll(async () => {
  await other.stop()
  await server.stop()
})

let automations = 0
const ownAutomation = (): string => `events-${++automations}`
const SETTING = 'notify-keyspace-events'
const END = '__keyend__:'

async function login(to: TestServer, automation: string, scope?: string): Promise<RespClient> {
  const client = await RespClient.connect(to.app.ports.resp)
  onTestFinished(() => client.destroy())
  expect(await client.raw('AUTH', await to.token(automation, scope === undefined ? {} : { scope }))).toBe(
    '+OK\r\n',
  )
  return client
}

interface Listener {
  /** `channel message` of what came until now. */
  heard(): Promise<string[]>
  /** Of the next message. */
  next(): Promise<string>
}

async function listen(to: TestServer, automation: string): Promise<Listener> {
  const [client, marker] = [await login(to, automation), await login(to, automation)]
  await client.raw('PSUBSCRIBE', '__key*__:*')
  const next = async (): Promise<string> => {
    const [, , , channel, message] = (await client.frame()).split(/\r\n\$\d+\r\n|\r\n$/)
    return `${channel} ${message}`.replace(/^__(key\w+)@0__:/, '$1 ')
  }
  return {
    next,
    async heard() {
      await marker.raw('PUBLISH', END, 'x')
      const events: string[] = []
      for (let event = await next(); event !== `${END} x`; event = await next()) events.push(event)
      return events
    },
  }
}

const EACH = { 'keyspace and keyevent': 'KEA' }

describe('the setting', () => {
  test('is read and set as in Redis, for all processes', async () => {
    const automation = ownAutomation()
    const [here, there] = [await login(server, automation), await login(other, automation)]
    const shown = (value: string): string =>
      `*2\r\n$${SETTING.length}\r\n${SETTING}\r\n$${value.length}\r\n${value}\r\n`
    expect(await here.raw('CONFIG', 'GET', SETTING)).toBe(shown(''))
    for (const [set, kept] of [
      ['Ex', 'xE'],
      ['Kgxm', 'gxKm'],
      ['g$lshzxetdK', 'AK'],
      ['AKEmn', 'AKEm'],
      ['', ''],
    ] as const) {
      expect(await here.raw('CONFIG', 'SET', SETTING, set)).toBe('+OK\r\n')
      expect(await there.raw('CONFIG', 'GET', 'notify-*')).toBe(shown(kept))
    }
    expect(await here.raw('CONFIG', 'SET', SETTING, 'KEQ')).toBe(
      "-ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - Invalid event class character. Use 'Ag$lshzxeKEtmdn'.\r\n",
    )
    expect(await here.raw('CONFIG', 'SET', SETTING, 'K', SETTING, 'E')).toContain('duplicate parameter')
    expect(await here.raw('CONFIG', 'SET', SETTING, 'K', 'maxmemory', '1')).toMatch(/^-NOPERM 'config\|set'/)
    expect(await there.raw('CONFIG', 'GET', SETTING)).toBe(shown(''))
    const reader = await login(server, automation, 'kv:read')
    expect(await reader.raw('CONFIG', 'SET', SETTING, 'K')).toMatch(/^-NOPERM/)
  })

  test('nothing is told unless it is set, nor after it was cleared', async () => {
    const automation = ownAutomation()
    const [client, listener] = [await login(server, automation), await listen(server, automation)]
    await client.raw('SET', 'a', '1')
    expect(await listener.heard()).toEqual([])
    await client.raw('CONFIG', 'SET', SETTING, 'E$')
    await client.raw('SET', 'a', '1')
    expect(await listener.heard()).toEqual(['keyevent set a'])
    await client.raw('CONFIG', 'SET', SETTING, '')
    await client.raw('SET', 'a', '1')
    expect(await listener.heard()).toEqual([])
  })
})

describe.each(Object.entries(EACH))('%s', (_name, setting) => {
  test('of a process that did not know of it, in one pipeline, each write in its place', async () => {
    const automation = ownAutomation()
    const listener = await listen(server, automation)
    const [setter, writer] = [await login(server, automation), await login(other, automation)]
    await setter.raw('CONFIG', 'SET', SETTING, setting)
    const commands = [
      ['SET', 'a', '1'],
      ['SET', 'b', '1'],
      ['DEL', 'a'],
      ['RPUSH', 'c', 'x', 'y'],
    ]
    const replies = await writer.pipeline(
      Buffer.concat(commands.map((args) => request(...args))),
      commands.length,
    )
    expect(replies.map(String)).toEqual(['OK', 'OK', '1', '2'])
    expect((await listener.heard()).filter((event) => event.startsWith('keyevent'))).toEqual([
      'keyevent set a',
      'keyevent set b',
      'keyevent del a',
      'keyevent rpush c',
    ])
  })
})

test('a write that cannot be put in its place any more is refused, and was not made', async () => {
  const automation = ownAutomation()
  const [setter, writer] = [await login(server, automation), await login(other, automation)]
  await setter.raw('CONFIG', 'SET', SETTING, 'KEA')
  const [set, got] = await writer.pipeline(Buffer.concat([request('SET', 'a', '1'), request('GET', 'a')]), 2)
  expect([set, got]).toEqual([expect.objectContaining({ message: expect.stringMatching(/^TRYAGAIN/) }), null])
  expect(await writer.raw('SET', 'a', '1')).toBe('+OK\r\n')
  expect(await writer.raw('GET', 'a')).toBe('$1\r\n1\r\n')
})

test('transactions and scripts tell what they do, in order, and nothing of what is refused', async () => {
  const automation = ownAutomation()
  const listener = await listen(other, automation)
  const client = await login(server, automation)
  await client.raw('CONFIG', 'SET', SETTING, 'EA')
  const block = [
    ['MULTI'],
    ['SET', 'a', '1'],
    ['LPUSH', 'a', 'x'],
    ['INCR', 'a'],
    ['PUBLISH', '__key__:', 'own'],
    ['EXEC'],
  ]
  await client.pipeline(Buffer.concat(block.map((args) => request(...args))), block.length)
  expect(await listener.heard()).toEqual(['keyevent set a', 'keyevent incrby a', '__key__: own'])
  const script =
    'redis.call("HSET", KEYS[1], "f", 1) redis.call("HDEL", KEYS[1], "f") return redis.call("NOSUCH")'
  expect(await client.raw('EVAL', script, '1', 'h')).toMatch(/^-ERR Unknown Redis command/)
  expect(await listener.heard()).toEqual(['keyevent hset h', 'keyevent hdel h', 'keyevent del h'])
  await client.raw('WATCH', 'a')
  await (await login(server, automation)).raw('SET', 'a', '2')
  await client.pipeline(
    Buffer.concat([['MULTI'], ['SET', 'b', '1'], ['EXEC']].map((args) => request(...args))),
    3,
  )
  expect(await listener.heard()).toEqual(['keyevent set a'])
})

test('REST tells the same events', async () => {
  const automation = ownAutomation()
  const listener = await listen(server, automation)
  await (await login(server, automation)).raw('CONFIG', 'SET', SETTING, 'EA')
  const calls: [string, string, string?][] = [
    ['PUT', 'doc', '{"a":1}'],
    ['PUT', 'doc?ex=100', '{"a":1}'],
    ['PATCH', 'doc', '{"path":"a","value":2}'],
    ['POST', 'n/incr'],
    ['POST', 'l/rpush', '{"value":1}'],
    ['POST', 'l/lpop'],
    ['DELETE', 'n'],
    ['DELETE', 'n'],
    ['POST', 'batch', '{"operations":[{"op":"set","key":"x","value":1},{"op":"delete","key":"x"}]}'],
  ]
  for (const [method, path, body] of calls) {
    const { status } = await other.fetch(
      automation,
      method,
      path === 'batch' ? '/kv/batch' : `/kv/${path}`,
      body,
    )
    expect(status, path).toBeLessThan(300)
  }
  expect((await listener.heard()).map((event) => event.slice('keyevent '.length))).toEqual([
    ...[
      'set doc',
      'set doc',
      'expire doc',
      'set doc',
      'incrby n',
      'rpush l',
      'lpop l',
      'del n',
      'set x',
      'del x',
    ],
  ])
})

describe('keys that expire', () => {
  test.each(['the process that wrote', 'another'])('are told of once: %s listens', async (which) => {
    const automation = ownAutomation()
    const client = await login(server, automation)
    await client.raw('CONFIG', 'SET', SETTING, 'Ex')
    const listeners = [
      await listen(which === 'another' ? other : server, automation),
      await listen(other, automation),
    ]
    for (const key of ['a', 'b', 'c']) await client.raw('SET', key, '1', 'PX', '30')
    await client.raw('SET', 'stays', '1', 'EX', '1000')
    for (const listener of listeners) {
      const events = [await listener.next(), await listener.next(), await listener.next()]
      expect(events.sort()).toEqual(['keyevent expired a', 'keyevent expired b', 'keyevent expired c'])
      expect(await listener.heard()).toEqual([])
    }
    expect(await client.raw('DBSIZE')).toBe(':1\r\n')
  })

  test('one that is written again tells of its end before that', async () => {
    const automation = ownAutomation()
    const client = await login(server, automation)
    await client.raw('CONFIG', 'SET', SETTING, 'EAn')
    await client.raw('SET', 'a', '1', 'PX', '1')
    const listener = await listen(server, automation)
    while ((await client.raw('EXISTS', 'a')) !== ':0\r\n');
    await client.raw('RPUSH', 'a', '1')
    expect(await listener.heard()).toEqual(['keyevent expired a', 'keyevent new a', 'keyevent rpush a'])
  })
})

test('what finds nothing tells so, if that is wanted', async () => {
  const automation = ownAutomation()
  const client = await login(server, automation)
  await client.raw('CONFIG', 'SET', SETTING, 'Km')
  const listener = await listen(server, automation)
  for (const args of [
    ['GET', 'a'],
    ['MGET', 'b', 'c'],
    ['SET', 'd', '1'],
    ['GET', 'd'],
    ['OBJECT', 'ENCODING', 'e'],
  ])
    await client.raw(...args)
  expect(await listener.heard()).toEqual(['keyspace a keymiss', 'keyspace b keymiss', 'keyspace c keymiss'])
})

test('a neighbour hears nothing, and the backing Redis sees no event and no name', async () => {
  const [automation, neighbour] = [ownAutomation(), ownAutomation()]
  const [client, stranger] = [await login(server, automation), await listen(server, neighbour)]
  await (await login(server, neighbour)).raw('CONFIG', 'SET', SETTING, 'KEA')
  await client.raw('CONFIG', 'SET', SETTING, 'KEA')
  const listener = await listen(server, automation)
  const seen: string[] = []
  const spy = server.backing()
  await spy.psubscribe('*')
  spy.on('pmessageBuffer', (_pattern: Buffer, channel: Buffer, message: Buffer) =>
    seen.push(`${channel.toString('latin1')} ${message.toString('latin1')}`),
  )
  await client.raw('SET', 'name-to-be-hidden', '1', 'PX', '20')
  while (!(await listener.next()).includes('expired'));
  await listener.heard()
  expect(await stranger.heard()).toEqual([])
  expect(seen.length).toBeGreaterThan(0)
  for (const message of seen) expect(message).not.toMatch(/name-to-be-hidden|keyevent|keyspace|expired/)
})

test('a request makes so many messages and no more: a command beyond that is refused', async () => {
  const automation = ownAutomation()
  const client = await login(server, automation)
  await client.raw('CONFIG', 'SET', SETTING, 'KEA')
  const listener = await listen(server, automation)
  const set = request('MSET', ...Array.from({ length: 2_000 }, () => ['a', '1']).flat())
  const block = [request('MULTI'), ...Array.from({ length: 9 }, () => set), request('EXEC')]
  const replies = (await client.pipeline(Buffer.concat(block), block.length)).at(-1) as unknown[]
  expect(replies.slice(0, 8).map(String)).toEqual(Array.from({ length: 8 }, () => 'OK'))
  expect(String(replies[8])).toMatch(/notifications of 32768 messages/)
  expect(await listener.heard()).toHaveLength(32_000)
})

test('each commit of two processes at once tells once', async () => {
  const automation = ownAutomation()
  const listener = await listen(server, automation)
  const clients = [await login(server, automation), await login(other, automation)]
  await clients[0]!.raw('CONFIG', 'SET', SETTING, 'E$')
  const count = 200
  const pair = Buffer.concat([request('INCR', 'a'), request('SET', 'b', '1')])
  const commands = Buffer.concat(Array.from({ length: count / 2 }, () => pair))
  const replies = await Promise.all(clients.map((client) => client.pipeline(commands, count)))
  for (const reply of replies.flat()) expect(reply).not.toBeInstanceOf(Error)
  const events = await listener.heard()
  expect(events.filter((event) => event === 'keyevent incrby a')).toHaveLength(count)
  expect(events.filter((event) => event === 'keyevent set b')).toHaveLength(count)
  expect(String(await clients[0]!.raw('GET', 'a'))).toContain(`${count}`)
})

test('a client that waited tells what it took, behind what woke it', async () => {
  const automation = ownAutomation()
  const listener = await listen(server, automation)
  const [pusher, popper, mover] = [
    await login(server, automation),
    await login(other, automation),
    await login(other, automation),
  ]
  await pusher.raw('CONFIG', 'SET', SETTING, 'EA')
  const isBlocked = async (client: RespClient): Promise<boolean> =>
    (await client.raw('CLIENT', 'LIST')).split('\n').some((line) => line.includes('flags=b'))
  const looker = await login(other, automation)
  popper.send('BLPOP', 'list', '0')
  while (!(await isBlocked(looker)));
  await pusher.raw('RPUSH', 'list', 'x')
  expect(await popper.frame()).toContain('x')
  expect(await listener.heard()).toEqual(['keyevent rpush list', 'keyevent lpop list', 'keyevent del list'])
  mover.send('BLMOVE', 'list', 'to', 'RIGHT', 'LEFT', '0')
  while (!(await isBlocked(looker)));
  await pusher.raw('RPUSH', 'list', 'x')
  expect(await mover.frame()).toContain('x')
  expect(await listener.heard()).toEqual([
    'keyevent rpush list',
    'keyevent lpush to',
    'keyevent rpop list',
    'keyevent del list',
  ])
})
