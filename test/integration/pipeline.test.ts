import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { RespClient, request, show } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

const NOAUTH = '-NOAUTH Authentication required.'

let server: TestServer
const clients: RespClient[] = []

beforeAll(async () => {
  server = await startServer({ AUTOMATION_KV_MAX_KEYS: '100000' })
})
afterAll(() => server.stop())
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy()
})

const connect = async (options: { allowHalfOpen?: boolean } = {}): Promise<RespClient> => {
  const client = await RespClient.connect(server.app.ports.resp, options)
  clients.push(client)
  return client
}

/** Logged in as an automation of its own, so that no test meets another's keys. */
let automations = 0
const login = async (automation = `stream-${++automations}`): Promise<RespClient> => {
  const client = await connect()
  expect(await client.text('AUTH', await server.token(automation))).toBe('OK')
  return client
}

describe('the stream of bytes', () => {
  test('inline commands, as typed in telnet', async () => {
    const client = await connect()
    client.write(`PING\r\nAUTH ${await server.token('telnet')}\r\n\r\n  set "a key" 'it''s'\n`)
    expect((await client.replies(2)).map(show)).toEqual([NOAUTH, 'OK'])
    expect(show(await client.reply())).toMatch(/^-ERR Protocol error: unbalanced quotes in request$/)
    await client.repliesUntilClosed()
    const second = await connect()
    second.write(`AUTH ${await server.token('telnet')}\nSET "a key" "x\\x41\\n"\nGET "a key"\n`)
    expect((await second.replies(3)).map(show)).toEqual(['OK', 'OK', 'xA\n'])
  })

  test('requests cut at odd places', async () => {
    const client = await login()
    const bytes = Buffer.concat([
      request('SET', 'k', 'a\r\nb'),
      request('APPEND', 'k', 'c'),
      request('RPUSH', 'l', '1', '2'),
      request('GET', 'k'),
    ])
    const expected = ['OK', '5', '2', 'a\r\nbc']
    for (let cut = 1; cut < bytes.length; cut += 7) {
      await client.call('DEL', 'l')
      client.write(bytes.subarray(0, cut))
      await new Promise((resolve) => setImmediate(resolve))
      client.write(bytes.subarray(cut))
      expect([cut, (await client.replies(4)).map(show)]).toEqual([cut, expected])
    }
    await client.call('DEL', 'l')
    for (const byte of bytes) client.socket.write(Buffer.of(byte))
    expect((await client.replies(4)).map(show)).toEqual(expected)
  })

  test('10,000 direct, computed and list commands in a pipeline: each sees the ones before it', async () => {
    const client = await login('pipeline')
    await server.fetch('pipeline', 'PUT', '/kv/doc', '["a"]')
    const parts: Buffer[] = []
    const expected: string[] = []
    const add = (reply: string, ...args: (string | number)[]): void => {
      parts.push(request(...args))
      expected.push(reply)
    }
    let length = 1
    for (let i = 0; expected.length < 10_000; i++) {
      const key = `k${i % 50}`
      add('OK', 'SET', key, i)
      add(String(i + 1), 'INCR', key)
      add(String(i + 1), 'GET', key)
      add(String(String(i + 1).length + 1), 'APPEND', key, '!')
      add(`[${i + 1}!, (nil)]`, 'MGET', key, 'missing')
      add(String(++length), 'LPUSH', 'doc', `e${i}`)
      add(`e${i}`, 'LINDEX', 'doc', '0')
      if (i % 3 === 0) add(String(length), 'LLEN', 'doc')
      if (i % 5 === 0) {
        add(`e${i}`, 'LPOP', 'doc')
        length--
      }
      add('PONG', 'PING')
      add('1', 'DEL', key)
      add('(nil)', 'GET', key)
      if (i % 7 === 0)
        add('-WRONGTYPE Operation against a key holding the wrong kind of value', 'INCR', 'doc')
    }
    client.write(Buffer.concat(parts))
    const replies = (await client.replies(expected.length)).map(show)
    const wrong = replies.findIndex((reply, i) => reply !== expected[i])
    expect(wrong === -1 ? 'all right' : `${wrong}: ${replies[wrong]} instead of ${expected[wrong]}`).toBe(
      'all right',
    )
  })

  test('commands that are refused at once, behind one that takes its time, get one reply each', async () => {
    const client = await login()
    const refused = Array.from({ length: 2_000 }, (_, i) =>
      i % 2 === 0 ? request('GET', '$reserved') : request('NOSUCH'),
    )
    client.write(
      Buffer.concat([
        request('INCR', 'n'),
        ...refused,
        request('INCR', 'n'),
        request('SET', 'n', 'x', 'EX', '0'),
        request('GET', 'n'),
      ]),
    )
    const replies = (await client.replies(2_004)).map(show)
    expect([replies[0], replies[2_001], replies[2_002], replies[2_003]]).toEqual([
      '1',
      '2',
      "-ERR invalid expire time in 'set' command",
      '2',
    ])
    expect(new Set(replies.slice(1, 2_001)).size).toBe(2)
    expect(await client.text('PING')).toBe('PONG')
  })

  test('a document written through REST becomes a list within the pipeline that pushes to it', async () => {
    const client = await login('documents')
    await server.fetch('documents', 'PUT', '/kv/d', '[1,"two",{"three":3}]')
    client.write(
      Buffer.concat([
        request('TYPE', 'd'),
        request('GET', 'd'),
        request('LPUSH', 'd', 'zero'),
        request('GET', 'd'),
        request('TYPE', 'd'),
        request('LRANGE', 'd', '0', '-1'),
        request('RPOP', 'd'),
        request('DEL', 'd'),
        request('LPUSH', 'd', 'x'),
        request('SET', 'd', 's'),
        request('GET', 'd'),
        request('LPUSH', 'd', 'y'),
        request('GET', 'd'),
      ]),
    )
    const wrongType = '-WRONGTYPE Operation against a key holding the wrong kind of value'
    expect((await client.replies(13)).map(show)).toEqual([
      'string',
      '[1,"two",{"three":3}]',
      '4',
      wrongType,
      'list',
      '[zero, 1, two, {"three":3}]',
      '{"three":3}',
      '1',
      '1',
      'OK',
      's',
      wrongType,
      's',
    ])
  })

  test('a document that is an array is a list to each command of a pipeline, before and after another one changes it', async () => {
    const client = await login('documents')
    const after = async (...commands: string[][]): Promise<string[]> => {
      await server.fetch('documents', 'PUT', '/kv/d', '["a","b"]')
      client.write(Buffer.concat(commands.map((args) => request(...args))))
      return (await client.replies(commands.length)).map(show)
    }
    const all = ['LRANGE', 'd', '0', '-1']
    expect(await after(all, ['DEL', 'd'], all)).toEqual(['[a, b]', '1', '[]'])
    expect(await after(['LLEN', 'd'], ['SET', 'd', 'x'], ['GET', 'd'])).toEqual(['2', 'OK', 'x'])
    expect(await after(['LLEN', 'd'], ['APPEND', 'd', 'x'], ['GET', 'd'])).toEqual(['2', '10', '["a","b"]x'])
    expect(await after(['LPUSH', 'd', 'x'], ['LREM', 'd', '0', 'x'], all)).toEqual(['3', '1', '[a, b]'])
    expect(await after(['LINDEX', 'd', '0'], ['LINSERT', 'd', 'BEFORE', 'a', 'y'], all)).toEqual([
      'a',
      '3',
      '[y, a, b]',
    ])
    expect(await after(all, ['RPUSH', 'd', 'c'], ['LPOP', 'd'], all, ['FLUSHALL'])).toEqual([
      '[a, b]',
      '3',
      'a',
      '[b, c]',
      'OK',
    ])
    expect(await after(['LLEN', 'd'], ['EVAL', "return redis.call('DEL', KEYS[1])", '1', 'd'], all)).toEqual([
      '2',
      '1',
      '[]',
    ])
    expect(await after(['RPUSH', 'd', 'c'], ['GET', 'none'], ['TYPE', 'd'], ['LPOS', 'd', 'c'])).toEqual([
      '3',
      '(nil)',
      'list',
      '2',
    ])
    expect(await after(['LLEN', 'd'], ['MULTI'], ['DEL', 'd'], ['LLEN', 'd'], ['EXEC'], all)).toEqual([
      '2',
      'OK',
      'QUEUED',
      'QUEUED',
      '[1, 0]',
      '[]',
    ])
  })

  test('a client that has sent all and half-closed still gets every answer', async () => {
    const client = await connect({ allowHalfOpen: true })
    const token = await server.token('pipe', { runId: 'half-close' })
    const parts = [request('AUTH', token)]
    for (let i = 0; i < 10_000; i++)
      parts.push(i % 2 === 0 ? request('SET', `k${i % 500}`, i) : request('INCR', `k${(i - 1) % 500}`))
    client.write(Buffer.concat(parts))
    client.socket.end()
    const replies = await client.repliesUntilClosed()
    expect(replies.length).toBe(10_001)
    expect(show(replies.at(-1)!)).toBe('9999')
    expect(replies.some((reply) => reply instanceof Error)).toBe(false)
  })

  test('the end of a connection is noticed everywhere', async () => {
    const client = await login('leaving')
    const stays = await login('leaving')
    client.write(request('SET', 'k', '1'))
    client.destroy()
    await eventually(async () => !(await stays.text('CLIENT', 'LIST')).includes('\nid='))
  })
})
