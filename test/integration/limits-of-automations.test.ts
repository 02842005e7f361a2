import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { RespClient, request, show } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
const clients: RespClient[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await server.stop()
})

const connect = async (): Promise<RespClient> => {
  const client = await RespClient.connect(server.app.ports.resp)
  clients.push(client)
  return client
}
const login = async (automation: string): Promise<RespClient> => {
  const client = await connect()
  expect(await client.text('AUTH', await server.token(automation))).toBe('OK')
  return client
}

const full = (used: number, allowed = used): string =>
  `-ERR max number of clients of this automation reached (${used} of ${allowed})`

describe('connections of one automation', () => {
  test('beyond the limit a login is refused and the connection closed; others log in', async () => {
    server = await startServer({ AUTOMATION_KV_MAX_CONNECTIONS_PER_AUTOMATION: '2' })
    const token = await server.token('many')
    const first = await login('many')
    await login('many')
    const third = await connect()
    third.write(Buffer.concat([request('AUTH', token), request('PING')]))
    expect((await third.repliesUntilClosed()).map(show)).toEqual([full(2)])
    const hello = await connect()
    // A token that is not known yet takes another way.
    hello.send('HELLO', '3', 'AUTH', 'any', await server.token('many', { runId: 'run-2' }))
    expect((await hello.repliesUntilClosed()).map(show)).toEqual([full(2)])
    expect(await first.text('PING')).toBe('PONG')
    expect(await (await login('other')).text('SET', 'k', '1')).toBe('OK')
    // A new token for the same connection is not one more.
    expect(await first.text('AUTH', await server.token('many', { runId: 'run-3' }))).toBe('OK')
  })

  test('a place is free again after a close, a RESET and a refused login', async () => {
    server = await startServer({ AUTOMATION_KV_MAX_CONNECTIONS_PER_AUTOMATION: '1' })
    const token = await server.token('one')
    for (let round = 0; round < 3; round++) {
      const only = await login('one')
      expect(await (await connect()).text('AUTH', token)).toBe(full(1))
      expect(await only.text('RESET')).toBe('RESET')
      const next = await login('one')
      expect(await only.text('AUTH', token)).toBe(full(1))
      next.destroy()
      await eventually(async () => (await (await connect()).text('AUTH', token)) === 'OK')
      for (const client of clients.splice(0)) client.destroy()
      await eventually(async () => {
        const client = await connect()
        const reply = await client.text('AUTH', token)
        client.destroy()
        return reply === 'OK'
      })
      await eventually(async () => {
        const client = await connect()
        return (await client.text('AUTH', token)) === 'OK' && (await client.text('QUIT')) === 'OK'
      })
    }
  })

  test('one automation cannot take all connections, whatever its limit', async () => {
    server = await startServer({
      AUTOMATION_KV_MAX_CONNECTIONS: '8',
      AUTOMATION_KV_MAX_CONNECTIONS_PER_AUTOMATION: '100',
    })
    for (let i = 0; i < 6; i++) await login('greedy')
    const seventh = await connect()
    expect(await seventh.text('AUTH', await server.token('greedy'))).toBe(full(6))
    await eventually(() => seventh.closed)
    expect(await (await login('modest')).text('PING')).toBe('PONG')
  })
})

describe('AUTOMATION_KV_RATE_LIMIT', () => {
  test('RESP is slowed down over all connections of the automation, never refused; no other is', async () => {
    server = await startServer({ AUTOMATION_KV_RATE_LIMIT: '200:50' })
    const [one, two] = [await login('fast'), await login('fast')]
    const other = await login('other')
    const increments = Buffer.concat(Array.from({ length: 100 }, () => request('INCR', 'n')))
    const startedAt = performance.now()
    one.write(increments)
    two.write(increments)
    // Of another bucket: it need not wait for those 150 that came too early.
    expect(await other.text('SET', 'k', '1')).toBe('OK')
    expect(one.pending + two.pending).toBeLessThan(190)
    const replies = [...(await one.replies(100)), ...(await two.replies(100))].map(show)
    expect(replies.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
    // 150 turns at 200 a second: no machine can be too fast for that.
    expect(performance.now() - startedAt).toBeGreaterThan(700)
  })

  test('REST answers 429 with Retry-After', async () => {
    server = await startServer({ AUTOMATION_KV_RATE_LIMIT: '1:3' })
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => server.fetch('fast', 'PUT', '/kv/k', '1')),
    )
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThanOrEqual(4)
    expect(JSON.parse(refused[0]!.text).error).toBe('rate_limited')
    expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(answers.filter(({ status }) => status < 300).length).toBeGreaterThanOrEqual(3)
    expect((await server.fetch('other', 'PUT', '/kv/k', '1')).status).toBe(201)
  })
})

describe('failed logins', () => {
  const bad = (n: number): string => `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.e30.bad${n}`

  test('an address that fails too often is slowed down, then refused, on both doors', async () => {
    server = await startServer()
    const known = await login('neighbour')
    const strangers = await Promise.all(Array.from({ length: 60 }, () => connect()))
    for (const [n, stranger] of strangers.slice(0, 10).entries())
      expect(await stranger.text('AUTH', bad(n))).toMatch(/^-WRONGPASS/)
    const replies = await Promise.all(strangers.map((stranger, n) => stranger.text('AUTH', bad(100 + n))))
    const refused = replies.filter((reply) => reply.startsWith('-ERR too many failed logins'))
    expect(refused.length).toBeGreaterThanOrEqual(30)
    expect(replies.filter((reply) => reply.startsWith('-WRONGPASS')).length).toBeGreaterThanOrEqual(20)
    const call = (token: string): Promise<Response> =>
      fetch(`${server.api}/kv/k`, { headers: { authorization: `Bearer ${token}` } })
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => call(bad(1_000 + n))))
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(15)
    expect(answers.find(({ status }) => status === 429)!.headers.get('retry-after')).toBe('1')
    // A token that is known needs no check, from whatever address.
    expect(await (await login('neighbour')).text('PING')).toBe('PONG')
    expect((await call(await server.token('neighbour'))).status).toBe(404)
    expect(await known.text('PING')).toBe('PONG')
  })

  test('a neighbour behind another address does not notice', async () => {
    server = await startServer()
    const strangers = await Promise.all(Array.from({ length: 60 }, () => connect()))
    for (let round = 0; round < 2; round++)
      await Promise.all(strangers.map((stranger, n) => stranger.text('AUTH', bad(round * 100 + n))))
    const storm = Promise.all(strangers.map((stranger, n) => stranger.text('AUTH', bad(500 + n))))
    const neighbour = await RespClient.connect(server.app.ports.resp, { localAddress: '127.0.0.2' })
    clients.push(neighbour)
    expect(await neighbour.text('AUTH', await server.token('new', { runId: 'never-seen' }))).toBe('OK')
    expect((await storm).filter((reply) => reply.startsWith('-ERR too many')).length).toBeGreaterThan(20)
  })
})
