import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { RespClient } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

const CLIENTS = 50

let redis: TestRedis
let servers: TestServer[]

beforeAll(async () => {
  redis = await startRedis()
  servers = [
    await startServer({ AUTOMATION_KV_LOG_LEVEL: 'warn' }, redis),
    await startServer({ AUTOMATION_KV_LOG_LEVEL: 'warn' }, redis),
  ]
})
afterAll(async () => {
  for (const server of servers) await server.stop()
  await redis.stop()
})

/** Runs `work` on so many connections at once, half of them at each server. */
const crowd = async <T>(
  automation: string,
  work: (client: RespClient, i: number) => Promise<T>,
): Promise<T[]> => {
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, (_, i) => RespClient.connect(servers[i % 2]!.app.ports.resp)),
  )
  const token = await servers[0]!.token(automation)
  await Promise.all(clients.map((client) => client.call('AUTH', token)))
  const results = await Promise.all(clients.map(work))
  for (const client of clients) client.destroy()
  return results
}

const one = async (automation: string): Promise<RespClient> => {
  const client = await RespClient.connect(servers[0]!.app.ports.resp)
  await client.call('AUTH', await servers[0]!.token(automation))
  return client
}

const versionOf = async (automation: string, key: string): Promise<number> =>
  JSON.parse((await servers[1]!.fetch(automation, 'GET', `/kv/${key}?meta=true`)).text).version

test('a counter is not computed from what was remembered before the Redis was emptied', async () => {
  const [client, backing] = [await one('emptied'), servers[0]!.backing()]
  for (let i = 0; i < 5; i++) {
    expect(await client.text('INCRBY', 'k', '41')).toBe('41')
    await backing.flushall()
    // Index entries count milliseconds: nobody empties a Redis and writes to it again within one.
    const before = Date.now()
    await eventually(() => Date.now() > before + 1)
    expect(await client.text('SET', 'k', '1000')).toBe('OK')
    expect(await client.text('INCR', 'k')).toBe('1001')
    await backing.flushall()
  }
  client.destroy()
})

describe('50 clients at two servers before one Redis', () => {
  test('INCR one counter 10,000 times: every value once, sum and version exact', async () => {
    const each = 10_000 / CLIENTS
    const seen = await crowd('count', async (client) => {
      const values: number[] = []
      for (let i = 0; i < each; i++) values.push((await client.call('INCR', 'n')) as number)
      return values
    })
    // Each client sees its own grow, and no two see the same.
    for (const values of seen)
      expect(values.every((value, i) => i === 0 || value > values[i - 1]!)).toBe(true)
    expect(new Set(seen.flat()).size).toBe(10_000)
    const client = await one('count')
    expect(await client.text('GET', 'n')).toBe('10000')
    expect(await versionOf('count', 'n')).toBe(10_000)
    client.destroy()
  })

  test('a mix of computed, direct, list and hash writes to the same keys, over both doors', async () => {
    const rounds = 12
    const popped = await crowd('mix', async (client, i) => {
      const mine: string[] = []
      for (let round = 0; round < rounds; round++) {
        const piece = `${String(i).padStart(2, '0')}${String(round).padStart(2, '0')};`
        const replies = [
          client.call('APPEND', 'log', piece),
          client.call('HINCRBY', 'hash', 'total', 2),
          client.call('HINCRBY', 'hash', `own-${i}`, 1),
          client.call('LPUSH', 'list', piece),
        ]
        for (const reply of await Promise.all(replies)) expect(reply).toBeTypeOf('number')
        mine.push(await client.text('LPOP', 'list'))
        if (round % 4 === 0) {
          const answer = await servers[i % 2]!.fetch('mix', 'POST', '/kv/counter/incr', '{"by":3}')
          expect(answer.status).toBe(200)
        }
      }
      return mine
    })
    const client = await one('mix')
    const pieces = Array.from({ length: CLIENTS }, (_, i) =>
      Array.from(
        { length: rounds },
        (_, round) => `${String(i).padStart(2, '0')}${String(round).padStart(2, '0')};`,
      ),
    )
    const all = pieces.flat().sort()
    const log = await client.text('GET', 'log')
    expect(log.match(/.{5}/g)!.sort()).toEqual(all)
    // What one client appended stands in the order in which it did.
    for (const own of pieces)
      expect(
        own.map((piece) => log.indexOf(piece)).every((at, i, places) => i === 0 || at > places[i - 1]!),
      ).toBe(true)
    expect(popped.flat().sort()).toEqual(all)
    expect(await client.text('EXISTS', 'list')).toBe('0')
    expect(await client.text('HGET', 'hash', 'total')).toBe(String(CLIENTS * rounds * 2))
    expect(await client.text('HGET', 'hash', 'own-7')).toBe(String(rounds))
    expect(await client.text('GET', 'counter')).toBe(String(CLIENTS * 3 * 3))
    expect(await versionOf('mix', 'log')).toBe(CLIENTS * rounds * 5 + CLIENTS * 3)
    client.destroy()
  })

  test('of all who SETNX or LPOP, one wins', async () => {
    const winners = await crowd('race', (client, i) => client.call('SET', 'lock', String(i), 'NX'))
    expect(winners.filter((reply) => reply !== null)).toHaveLength(1)
    const client = await one('race')
    const winner = winners.findIndex((reply) => reply !== null)
    expect(await client.text('GET', 'lock')).toBe(String(winner))
    await client.call('RPUSH', 'jobs', ...Array.from({ length: 20 }, (_, i) => i))
    const jobs = await crowd('race', (each) => each.text('LMOVE', 'jobs', 'done', 'LEFT', 'RIGHT'))
    expect(
      jobs
        .filter((job) => job !== '(nil)')
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(await client.text('LLEN', 'done')).toBe('20')
    client.destroy()
  })
})
