import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { RespClient } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
let automations = 0

beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

async function login(automation: string, scope?: string): Promise<RespClient> {
  const client = await server.respClient()
  expect(await client.text('AUTH', await server.token(automation, { scope }))).toBe('OK')
  return client
}

const fresh = (): string => `control-${++automations}`
const idOf = async (client: RespClient): Promise<number> => Number(await client.call('CLIENT', 'ID'))

describe('CLIENT KILL', () => {
  test("closes the automation's own connections, and no other's", async () => {
    const automation = fresh()
    const [asking, other, waiting] = [
      await login(automation),
      await login(automation),
      await login(automation),
    ]
    const stranger = await login(fresh())
    waiting.send('BLPOP', 'nothing', '0')
    await eventually(async () => (await asking.raw('CLIENT', 'LIST')).includes(' flags=b'))
    const list = await stranger.text('CLIENT', 'LIST')
    const [, address] = / addr=(\S+)/.exec(list)!
    expect(await asking.text('CLIENT', 'KILL', 'ID', await idOf(stranger))).toBe('0')
    expect(await asking.text('CLIENT', 'KILL', address!)).toBe('-ERR No such client')
    expect(await asking.text('CLIENT', 'KILL', 'ADDR', address!, 'SKIPME', 'NO')).toBe('0')
    expect(await asking.text('CLIENT', 'KILL', 'ID', await idOf(other))).toBe('1')
    await other.untilClosed()
    expect(await asking.text('CLIENT', 'KILL', 'TYPE', 'NORMAL')).toBe('1')
    await waiting.untilClosed()
    await eventually(async () => (await asking.text('CLIENT', 'LIST')).trim().split('\n').length === 1)
    expect(await stranger.text('PING')).toBe('PONG')
  })

  test('by local address, type, user, and by the address alone', async () => {
    const automation = fresh()
    const asking = await login(automation)
    const [, local] = / laddr=(\S+)/.exec(await asking.text('CLIENT', 'INFO'))!
    for (const selection of [
      ['LADDR', local!],
      ['TYPE', 'pubsub'],
      ['USER', 'default'],
    ]) {
      const listener = await login(automation)
      await listener.call('SUBSCRIBE', 'news')
      expect([selection, await asking.text('CLIENT', 'KILL', ...selection)]).toEqual([selection, '1'])
      await listener.untilClosed()
      await eventually(async () => !(await asking.text('CLIENT', 'LIST')).includes('flags=P'))
    }
    const other = await login(automation)
    const [, address] = / addr=(\S+)/.exec(await other.text('CLIENT', 'INFO'))!
    expect(await asking.text('CLIENT', 'KILL', address!)).toBe('OK')
    await other.untilClosed()
  })

  test('of the asking connection comes after its reply, and nothing behind it is run', async () => {
    const automation = fresh()
    const [client, other] = [await login(automation), await login(automation)]
    client.send('CLIENT', 'KILL', 'ID', await idOf(client), 'SKIPME', 'NO').send('SET', 'k', '1')
    expect(await client.framesUntilClosed()).toEqual([':1\r\n'])
    expect(await other.text('EXISTS', 'k')).toBe('0')
  })
})

test('who may only read neither kills nor pauses', async () => {
  const automation = fresh()
  const reader = await login(automation, 'kv:read')
  for (const args of [['KILL', 'TYPE', 'NORMAL'], ['PAUSE', '1'], ['UNPAUSE']])
    expect(await reader.text('CLIENT', ...args)).toMatch(/^-NOPERM this token is read-only/)
})

describe('CLIENT PAUSE', () => {
  test("holds back all commands of the automation's own connections until UNPAUSE", async () => {
    const automation = fresh()
    const [asking, other] = [await login(automation), await login(automation)]
    const stranger = await login(fresh())
    expect(await asking.text('CLIENT', 'PAUSE', '60000')).toBe('OK')
    other.send('SET', 'k', '1').send('GET', 'k')
    expect(await stranger.text('SET', 'k', '1')).toBe('OK')
    expect(await stranger.text('CLIENT', 'UNPAUSE')).toBe('OK')
    // One that came later would be answered first if it were not for the pause.
    expect((await server.fetch(automation, 'GET', '/kv/k')).status).toBe(404)
    expect(other.pending).toBe(0)
    expect(await asking.text('CLIENT', 'UNPAUSE')).toBe('OK')
    expect(await other.frames(2)).toEqual(['+OK\r\n', '$1\r\n1\r\n'])
  })

  test('WRITE lets reads pass, also in transactions and scripts', async () => {
    const automation = fresh()
    const [asking, reading] = [await login(automation), await login(automation)]
    await asking.call('SET', 'k', '1')
    expect(await asking.text('CLIENT', 'PAUSE', '60000', 'WRITE')).toBe('OK')
    expect(await reading.text('GET', 'k')).toBe('1')
    await reading.call('MULTI')
    await reading.call('GET', 'k')
    expect(await reading.text('EXEC')).toBe('[1]')
    expect(await reading.text('EVAL_RO', "return redis.call('GET', KEYS[1])", '1', 'k')).toBe('1')
    const writes = [
      ['SET', 'k', '2'],
      ['EVAL', 'return 1', '0'],
      ['PUBLISH', 'c', 'm'],
    ]
    const writers: RespClient[] = []
    for (const args of writes) writers.push((await login(automation)).send(...args))
    expect(await reading.text('GET', 'k')).toBe('1')
    expect(writers.map(({ pending }) => pending)).toEqual([0, 0, 0])
    await asking.call('CLIENT', 'UNPAUSE')
    for (const writer of writers) await writer.frame()
    expect(await reading.text('GET', 'k')).toBe('2')
  })

  test('ends by itself, and lasts a minute at most', async () => {
    const client = await login(fresh())
    expect(await client.text('CLIENT', 'PAUSE', '60001')).toBe(
      '-ERR a pause may last 60000 milliseconds at most',
    )
    const startedAt = Date.now()
    client.send('CLIENT', 'PAUSE', '200').send('PING')
    expect(await client.frames(2)).toEqual(['+OK\r\n', '+PONG\r\n'])
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(195)
  })

  test('does not outlast the server', async () => {
    const short = await startServer({}, server.redis)
    const client = await RespClient.connect(short.app.ports.resp)
    await client.call('AUTH', await short.token(fresh()))
    client.send('CLIENT', 'PAUSE', '60000').send('SET', 'k', '1')
    expect(await client.frame()).toBe('+OK\r\n')
    await short.stop()
    expect(await client.framesUntilClosed()).toEqual(['+OK\r\n'])
  })
})
