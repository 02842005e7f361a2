import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { startRedis } from '../helpers/redis.ts'
import { RespClient, request } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

// What scripts and transactions publish is a part of their commit.

let server: TestServer
/** Another process before the same Redis, as far as that can see. */
let other: TestServer

beforeAll(async () => {
  // Ten thousand calls may take a while on a machine that is busy.
  const settings = { AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS: '10000' }
  server = await startServer(settings)
  other = await startServer(settings, server.redis)
})
afterAll(async () => {
  await other.stop()
  await server.stop()
})

let automations = 0
const ownAutomation = (): string => `script-messages-${++automations}`

async function login(to: TestServer, automation: string, scope?: string): Promise<RespClient> {
  const client = await RespClient.connect(to.app.ports.resp)
  onTestFinished(() => client.destroy())
  expect(await client.raw('AUTH', await to.token(automation, { scope }))).toBe('+OK\r\n')
  return client
}

async function subscriber(to: TestServer, automation: string, ...channels: string[]): Promise<RespClient> {
  const client = await login(to, automation)
  client.send('SUBSCRIBE', ...channels)
  await client.frames(channels.length)
  return client
}

const texts = async (listener: RespClient, count: number): Promise<string[]> =>
  (await listener.frames(count)).map((frame) => frame.split('\r\n').at(-2)!)

/** How often a command has run in the backing Redis. */
async function calls(command: string): Promise<number> {
  const stats = await server.backing().info('commandstats')
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}

const PUBLISH = 'return redis.call("PUBLISH", "c", ARGV[1])'

describe('over two processes', () => {
  test('messages arrive in the order of the commits, each once, however often a script is run', async () => {
    const automation = ownAutomation()
    const listeners = [await subscriber(server, automation, 'c'), await subscriber(other, automation, 'c')]
    const script =
      'local n = redis.call("INCR", KEYS[1]) for i = 1, 3 do redis.call("PUBLISH", "c", n .. "-" .. i) end return n'
    const COUNT = 200
    const clients = [await login(server, automation), await login(other, automation)]
    // One at a time on each side, so that the two meet at the key again and again.
    const replies = await Promise.all(
      clients.map(async (client) => {
        const got: string[] = []
        for (let i = 0; i < COUNT; i++) got.push(await client.raw('EVAL', script, '1', 'n'))
        return got
      }),
    )
    const all = replies.flat()
    expect(new Set(all).size).toBe(2 * COUNT)
    const expected = Array.from({ length: 2 * COUNT }, (_, n) => [1, 2, 3].map((i) => `${n + 1}-${i}`)).flat()
    for (const listener of listeners) {
      expect(await texts(listener, expected.length)).toEqual(expected)
      expect(listener.pending).toBe(0)
    }
  })

  test('what was computed from a value that is old meanwhile is not published', async () => {
    const automation = ownAutomation()
    const listener = await subscriber(other, automation, 'c')
    const [one, two] = [await login(server, automation), await login(other, automation)]
    const script = 'local n = redis.call("INCR", KEYS[1]) redis.call("PUBLISH", "c", n) return n'
    // Each process computes from what it wrote itself, and learns by its commit that this is old.
    for (let n = 1; n <= 20; n++)
      expect(await (n % 2 === 0 ? one : two).raw('EVAL', script, '1', 'n')).toBe(`:${n}\r\n`)
    await one.raw('PUBLISH', 'c', 'end')
    expect(await texts(listener, 21)).toEqual([...Array.from({ length: 20 }, (_, i) => String(i + 1)), 'end'])
  })

  test('whoever has confirmed is counted, whoever has left is not', async () => {
    const automation = ownAutomation()
    const publishers = [await login(server, automation), await login(other, automation)]
    for (let i = 1; i <= 10; i++) {
      const listener = await subscriber(i % 2 === 0 ? server : other, automation, 'c')
      for (const publisher of publishers)
        expect(await publisher.raw('EVAL', PUBLISH, '0', `${i}`)).toBe(`:${i}\r\n`)
      expect(await texts(listener, 2)).toEqual([`${i}`, `${i}`])
    }
    expect(await publishers[0]!.raw('EVAL', 'return redis.call("PUBSUB", "NUMSUB", "c")', '0')).toBe(
      '*2\r\n$1\r\nc\r\n:10\r\n',
    )
  })

  test('of a transaction nobody hears before it is written', async () => {
    const automation = ownAutomation()
    const listener = await subscriber(server, automation, 'c')
    const [writer, reader] = [await login(other, automation), await login(server, automation)]
    for (let i = 0; i < 30; i++) {
      writer.write(
        Buffer.concat([
          request('MULTI'),
          request('PUBLISH', 'c', i),
          request('SET', 'k', i),
          request('PUBLISH', 'c', `${i}, too`),
          request('EXEC'),
        ]),
      )
      expect(await texts(listener, 2)).toEqual([`${i}`, `${i}, too`])
      expect(await reader.raw('GET', 'k')).toBe(`$${String(i).length}\r\n${i}\r\n`)
      expect((await writer.frames(5)).at(-1)).toBe('*3\r\n:1\r\n+OK\r\n:1\r\n')
    }
  })
})

test('a script that is run again for a key that it did not declare publishes once', async () => {
  const automation = ownAutomation()
  const listener = await subscriber(other, automation, 'c')
  const client = await login(server, automation)
  const script = 'redis.call("PUBLISH", "c", ARGV[1]) return redis.call("INCR", "undeclared" .. ARGV[1])'
  for (const n of ['1', '2', '3']) expect(await client.raw('EVAL', script, '0', n)).toBe(':1\r\n')
  await client.raw('PUBLISH', 'c', 'end')
  expect(await texts(listener, 4)).toEqual(['1', '2', '3', 'end'])
})

test('what is not committed is not published', async () => {
  const small = await startServer(
    { AUTOMATION_KV_MAX_KEYS: '1', AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS: '100' },
    server.redis,
  )
  onTestFinished(() => small.stop())
  const automation = ownAutomation()
  const listener = await subscriber(other, automation, 'c')
  const client = await login(small, automation)
  const tooMany =
    'redis.call("PUBLISH", "c", "refused") redis.call("SET", KEYS[1], 1) redis.call("SET", KEYS[2], 2) return 1'
  expect(await client.raw('EVAL', tooMany, '2', 'a', 'b')).toMatch(/^-OOM automation quota exceeded/)
  const endless = 'redis.call("PUBLISH", "c", "killed") while true do end'
  expect(await client.raw('EVAL', endless, '0')).toMatch(/was killed: it ran longer/)
  const caught = 'redis.call("SET", KEYS[1], "v") return redis.call("PUBLISH", "c", "written")'
  // Refused and allowed in one batch: each is committed for itself.
  client.send('EVAL', tooMany, '2', 'a', 'b').send('EVAL', caught, '1', 'a').send('EVAL', PUBLISH, '0', 'end')
  const replies = await client.frames(3)
  expect(replies[0]).toMatch(/^-OOM/)
  expect(replies.slice(1)).toEqual([':1\r\n', ':1\r\n'])
  expect(await texts(listener, 2)).toEqual(['written', 'end'])
  expect(listener.pending).toBe(0)
})

test('one that only publishes leaves nothing behind, and makes no version', async () => {
  const automation = ownAutomation()
  const client = await login(server, automation)
  expect(await client.raw('EVAL', PUBLISH, '0', 'x')).toBe(':0\r\n')
  client.send('MULTI').send('PUBLISH', 'c', 'x').send('EXEC')
  expect((await client.frames(3)).at(-1)).toBe('*1\r\n:0\r\n')
  expect(await server.backing().keys(`kv:{${automation}}:*`)).toEqual([])
})

test('who may only read cannot publish, by whatever command', async () => {
  const automation = ownAutomation()
  const listener = await subscriber(server, automation, 'c')
  const reader = await login(server, automation, 'kv:read')
  expect(await reader.raw('EVAL', PUBLISH, '0', 'x')).toMatch(/^-NOPERM this token is read-only/)
  expect(await reader.raw('EVAL', 'return redis.call("SPUBLISH", "c", "x")', '0')).toMatch(/^-NOPERM /)
  expect(await reader.raw('EVAL', 'return redis.acl_check_cmd("PUBLISH", "c", "x")', '0')).toBe('$-1\r\n')
  expect(await reader.raw('EVAL', 'return redis.call("PUBSUB", "NUMSUB", "c")', '0')).toContain(':1\r\n')
  expect(await (await login(server, automation)).raw('EVAL', PUBLISH, '0', 'end')).toBe(':1\r\n')
  expect(await texts(listener, 1)).toEqual(['end'])
})

describe('bounds', () => {
  test('ten thousand messages of a script, in order', async () => {
    const automation = ownAutomation()
    const listener = await subscriber(other, automation, 'c')
    const client = await login(server, automation)
    const before = await calls('hgetall')
    const script = `for i = 1, 10000 do redis.call("PUBLISH", "c", i) end
      return redis.pcall("PUBLISH", "c", "too many")`
    expect(await client.raw('EVAL', script, '0')).toBe(
      '-ERR one script or transaction may publish 10000 messages and no more\r\n',
    )
    expect(await texts(listener, 10_000)).toEqual(Array.from({ length: 10_000 }, (_, i) => String(i + 1)))
    expect(listener.pending).toBe(0)
    // Once for the script, and once for each renewal of what another test left.
    expect((await calls('hgetall')) - before).toBeLessThan(20)
  })

  test('bytes of a script, and of a transaction', async () => {
    const automation = ownAutomation()
    const listener = await subscriber(other, automation, 'c')
    const client = await login(server, automation)
    const refused = '-ERR one script or transaction may publish 4194304 bytes and no more\r\n'
    const script = `local text, sent = ("x"):rep(1000000), 0
      while true do
        local reply = redis.pcall("PUBLISH", "c", text)
        if type(reply) == "table" then return {sent, reply} end
        sent = sent + 1
      end`
    expect(await client.raw('EVAL', script, '0')).toBe(`*2\r\n:4\r\n${refused}`)
    await listener.frames(4)
    client.send('MULTI')
    for (let i = 0; i < 6; i++) client.send('PUBLISH', 'c', Buffer.alloc(1_000_000))
    const replies = await client.send('EXEC').frames(8)
    expect(replies.at(-1)).toBe(`*6\r\n${':1\r\n'.repeat(4)}${refused.repeat(2)}`)
    await listener.frames(4)
    await client.raw('PUBLISH', 'c', 'end')
    expect(await texts(listener, 1)).toEqual(['end'])
  })

  test('long names', async () => {
    const client = await login(server, ownAutomation())
    const script = 'return redis.call("PUBLISH", ("c"):rep(65537), "x")'
    expect(await client.raw('EVAL', script, '0')).toMatch(/^-ERR the name of a channel .* 65536 are allowed/)
  })

  test('however much is published at once, nothing is dropped for those who read', async () => {
    const automation = ownAutomation()
    const listener = await subscriber(server, automation, 'c')
    const flooding = await login(server, automation)
    const flood = 'for i = 1, 10000 do redis.call("PUBLISH", "c", i) end'
    flooding.write(Buffer.concat(Array.from({ length: 5 }, () => request('EVAL', flood, '0'))))
    expect(await texts(listener, 50_000)).toEqual(
      Array.from({ length: 50_000 }, (_, i) => String((i % 10_000) + 1)),
    )
  })
})

test('a message that the Redis refuses does not make an error of what was written', async () => {
  const redis = await startRedis()
  const alone = await startServer({}, redis)
  onTestFinished(async () => {
    await alone.stop()
    await redis.stop()
  })
  const client = await login(alone, 'a')
  const script = 'redis.call("SET", KEYS[1], ARGV[1]) return redis.call("PUBLISH", "c", "x")'
  expect(await client.raw('EVAL', script, '1', 'k', 'one')).toBe(':0\r\n')
  await alone.backing().acl('SETUSER', 'default', 'resetchannels')
  expect(await client.raw('EVAL', script, '1', 'k', 'two')).toBe(':0\r\n')
  expect(await client.raw('GET', 'k')).toBe('$3\r\ntwo\r\n')
  await eventually(() => alone.logged().includes('what a commit published was not sent'))
})

test('INFO tells a script of its automation', async () => {
  const automation = ownAutomation()
  const client = await login(server, automation)
  await client.raw('SET', 'k', 'v', 'EX', '1000')
  const script = 'redis.call("SET", "new", 1) return redis.call("INFO", ARGV[1], ARGV[2])'
  const told = await client.raw('EVAL', script, '0', 'keyspace', 'AUTOMATION')
  // As it was before the script.
  expect(told).toMatch(/# Keyspace\r\ndb0:keys=1,expires=1,avg_ttl=\d+\r\n/)
  expect(told).toMatch(/# Automation\r\nversion:1\r\nused_keys:1\r\n/)
  expect(told).not.toContain('# Server')
  expect(await client.raw('EVAL', 'return redis.call("INFO")', '0')).toContain('connected_clients:1\r\n')
  expect(await client.raw('DBSIZE')).toBe(':2\r\n')
})
