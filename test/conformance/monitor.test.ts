import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { RespClient } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

/** MONITOR on a real Redis 7.0 and here: what is shown, and what a monitor may ask for, byte for byte. */
let server: TestServer
let real: TestRedis

beforeAll(async () => {
  ;[server, real] = await Promise.all([startServer(), startRedis()])
  await withRedis('CONFIG', 'SET', 'requirepass', 'secret')
})
afterAll(async () => {
  await withRedis('CONFIG', 'SET', 'requirepass', '')
  await Promise.all([server.stop(), real.stop()])
})

async function withRedis(...args: string[]): Promise<void> {
  const client = await RespClient.connect(real.url)
  await client.raw('AUTH', 'secret')
  expect(await client.raw(...args)).toBe('+OK\r\n')
  client.destroy()
}

interface Side {
  readonly name: 'redis' | 'ours'
  readonly password: string
  connect(): Promise<RespClient>
}

async function sides(): Promise<Side[]> {
  const token = await server.token('monitored')
  return [
    { name: 'redis', password: 'secret', connect: () => RespClient.connect(real.url) },
    { name: 'ours', password: token, connect: () => RespClient.connect(server.app.ports.resp) },
  ]
}

async function login(side: Side, protocol: 2 | 3 = 2): Promise<RespClient> {
  const client = await side.connect()
  onTestFinished(() => client.destroy())
  await client.raw('AUTH', 'default', side.password)
  if (protocol === 3) await client.raw('HELLO', '3')
  return client
}

const TIMED = /^\+\d+\.\d{6} \[0 (?:127\.0\.0\.1:\d+|unix:\S+|lua)\] /

/** Without the time and the address. */
const withoutTime = (line: string): string =>
  line.replace(/^\+\d+\.\d{6}/, '+T').replace(/\[0 (?:127|unix)\S+\]/, '[0 client]')

const COMMANDS: readonly (readonly (string | Buffer)[])[] = [
  ['set', 'a"b\\', Buffer.from('x\r\n\t\x01\xff\x07\b~ \x7f', 'latin1')],
  ['GET', 'a"b\\'],
  ['Get', ''],
  ['GET'],
  ['nosuch', 'x'],
  ['LPUSH', 'a"b\\', '1'],
  ['MULTI'],
  ['SET', 'k', '1'],
  ['INCR', 'k'],
  ['EXEC'],
  ['MULTI'],
  ['SET', 'k'],
  ['EXEC'],
  ['MULTI'],
  ['SET', 'k', '2'],
  ['DISCARD'],
  ['EVAL', "redis.call('set','x',1) redis.pcall('lpush',KEYS[1],1) return redis.call('get','x')", '1', 'x'],
  ['EVALSHA', 'abc', '0'],
  ['BLPOP', 'zz', '0.001'],
  ['WATCH', 'k'],
  ['CONFIG', 'GET', 'save'],
  ['CLIENT', 'LIST'],
  ['CLIENT', 'SETNAME', 'me'],
  ['SLOWLOG', 'GET'],
  ['SELECT', '0'],
  ['SCRIPT', 'EXISTS', 'abc'],
  ['OBJECT', 'ENCODING', 'k'],
  ['PUBLISH', 'c', 'm'],
  ['DBSIZE'],
  ['HELLO', '2', 'SETNAME', 'other'],
]

describe.each([2, 3] as const)('RESP%i', (protocol) => {
  test('the same lines in the same order', async () => {
    const shown = await Promise.all(
      (await sides()).map(async (side) => {
        const [monitor, client] = [await login(side, protocol), await login(side)]
        expect(await monitor.raw('MONITOR')).toBe('+OK\r\n')
        for (const args of COMMANDS) await client.raw(...args)
        for (const args of [
          ['AUTH', side.password],
          ['AUTH', 'default', side.password],
        ])
          await client.raw(...args)
        await client.raw('HELLO', '3', 'AUTH', 'default', side.password, 'SETNAME', 'x')
        await client.raw('ECHO', 'the end')
        const lines: string[] = []
        while (!lines.at(-1)?.includes('the end')) lines.push(await monitor.frame())
        for (const line of lines) expect(line).toMatch(TIMED)
        return lines.map(withoutTime)
      }),
    )
    expect(shown[1]).toEqual(shown[0])
    expect(shown[1]!.join('')).not.toContain(await server.token('monitored'))
  })

  test('what a monitor may ask for', async () => {
    const shown = await Promise.all(
      (await sides()).map(async (side) => {
        const client = await login(side, protocol)
        const frames: string[] = []
        // Asked again, it is not answered.
        client.send('MONITOR').send('MONITOR')
        const asked = [
          'PING',
          'GET a',
          'SET a 1',
          'MULTI',
          'EXEC',
          'DBSIZE',
          'KEYS *',
          'PUBLISH c x',
          'EXISTS a',
        ]
        for (const words of asked) client.send(...words.split(' '))
        client.send('BLPOP', 'a', '0').send('EVAL', 'return 1', '0').send('CLIENT', 'LIST').send('RESET')
        while (!frames.at(-1)?.includes('+RESET')) frames.push(await client.frame())
        await client.raw('AUTH', side.password)
        return [
          ...frames.map((frame) =>
            frame.includes('flags=') ? /flags=O/.exec(frame)?.[0] : withoutTime(frame),
          ),
          await client.raw('GET', 'nothing'),
        ]
      }),
    )
    expect(shown[1]!.toSorted()).toEqual(shown[0]!.toSorted())
  })

  test('in a transaction, and while listening', async () => {
    const shown = await Promise.all(
      (await sides()).map(async (side) => {
        const client = await login(side, protocol)
        return [
          await client.raw('MULTI'),
          await client.raw('MONITOR'),
          await client.raw('EXEC'),
          ...(protocol === 2 ? [await client.raw('SUBSCRIBE', 'c'), await client.raw('MONITOR')] : []),
        ]
      }),
    )
    expect(shown[1]).toEqual(shown[0])
  })
})
