import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RespClient } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
let automations = 0

beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

async function login(automation = `dump-${++automations}`): Promise<RespClient> {
  const client = await server.respClient()
  expect(await client.text('AUTH', await server.token(automation))).toBe('OK')
  return client
}

const words = (line: string): string[] => line.split(' ')
const dumpOf = async (client: RespClient, name: string): Promise<Buffer> =>
  (await client.call('DUMP', name)) as Buffer

const WRONG = '-ERR DUMP payload version or checksum are wrong'

/** How a key is made, and how it is looked at. */
const KINDS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['string', ['SET k \r\n\u00e9'], ['GET k']],
  ['list', ['RPUSH k a b a', 'RPUSH k c'], ['LRANGE k 0 -1']],
  ['hash', ['HSET k f v g w'], ['HMGET k f g', 'HLEN k']],
  ['set', ['SADD k 3 1 2'], ['SMEMBERS k']],
  ['sorted set', ['ZADD k 1.5 a -inf b 1e300 c'], ['ZRANGE k 0 -1 WITHSCORES']],
  ['HyperLogLog', ['PFADD k a b c'], ['PFCOUNT k', 'PFADD k a', 'PFADD k d']],
  [
    'stream',
    [
      'XADD k 1-1 f v',
      'XADD k 2-1 f v g w',
      'XADD k 3-1 f v',
      'XDEL k 2-1',
      'XGROUP CREATE k g 0',
      'XREADGROUP GROUP g me COUNT 1 STREAMS k >',
      'XGROUP CREATE k other $',
    ],
    ['XRANGE k - +', 'XLEN k', 'XPENDING k g', 'XINFO GROUPS k', 'XREADGROUP GROUP g me STREAMS k >'],
  ],
]

describe('DUMP and RESTORE', () => {
  test.each(KINDS)('a %s comes back as it was', async (_kind, make, look) => {
    const client = await login()
    for (const line of make) await client.call(...words(line))
    const payload = await dumpOf(client, 'k')
    expect(await client.text('TYPE', 'k')).not.toBe('none')
    await client.call('COPY', 'k', 'original')
    const seen: string[] = []
    for (const line of look) seen.push(await client.raw(...words(line)))
    expect(await client.text('RESTORE', 'k', '0', payload)).toMatch(/^-BUSYKEY /)
    expect(await client.text('RESTORE', 'k', '0', payload, 'REPLACE')).toBe('OK')
    for (const [i, line] of look.entries())
      expect([line, await client.raw(...words(line))]).toEqual([line, seen[i]])
    expect(await client.text('DEL', 'k')).toBe('1')
    expect(await client.text('RESTORE', 'k', '0', payload)).toBe('OK')
    for (const [i, line] of look.entries())
      expect([line, await client.raw(...words(line))]).toEqual([line, seen[i]])
  })

  test('also under another name, in transactions and scripts, and with a document', async () => {
    const automation = `dump-${++automations}`
    const client = await login(automation)
    const document = '{"a":[1,2.50]}'
    expect((await server.fetch(automation, 'PUT', '/kv/doc', document)).status).toBeLessThan(300)
    const before = await server.fetch(automation, 'GET', '/kv/doc')
    await client.call('MULTI')
    await client.call('DUMP', 'doc')
    const [payload] = (await client.call('EXEC')) as [Buffer]
    const script = "return redis.call('RESTORE', KEYS[1], 0, redis.call('DUMP', KEYS[2]))"
    expect(await client.text('EVAL', script, '2', 'by-script', 'doc')).toBe('OK')
    expect(await client.text('RESTORE', 'other', '0', payload)).toBe('OK')
    const documentOf = (text: string): unknown => (JSON.parse(text) as { value: unknown }).value
    expect(documentOf(before.text)).toEqual({ a: [1, 2.5] })
    for (const name of ['by-script', 'other'])
      expect(documentOf((await server.fetch(automation, 'GET', `/kv/${name}`)).text)).toEqual({ a: [1, 2.5] })
  })

  test('only the same automation can open a payload, and only as it was', async () => {
    const automation = `dump-${++automations}`
    const [client, stranger] = [await login(automation), await login()]
    await client.call('SET', 'k', 'a secret value')
    const payload = await dumpOf(client, 'k')
    expect(payload.toString('latin1')).not.toContain('secret')
    expect(await stranger.text('RESTORE', 'k', '0', payload)).toBe(WRONG)
    expect(await stranger.text('EXISTS', 'k')).toBe('0')
    for (let at = 0; at < payload.length; at++) {
      const damaged = Buffer.from(payload)
      damaged[at]! ^= 1
      expect([at, await client.text('RESTORE', 'n', '0', damaged)]).toEqual([at, WRONG])
    }
    for (const cut of [0, 1, payload.length - 1])
      expect(await client.text('RESTORE', 'n', '0', payload.subarray(0, cut))).toBe(WRONG)
    expect(await client.text('RESTORE', 'n', '0', Buffer.concat([payload, payload]))).toBe(WRONG)
    // What lies sealed in the backing Redis is sealed for other places.
    const sealed = (await server.backing().getBuffer(`kv:{${automation}}:k:k`))!
    expect(await client.text('RESTORE', 'n', '0', sealed)).toBe(WRONG)
  })

  test('TTL and ABSTTL', async () => {
    const client = await login()
    await client.call('SET', 'k', 'v', 'EX', '1000')
    const payload = await dumpOf(client, 'k')
    expect(await client.text('RESTORE', 'none', '0', payload)).toBe('OK')
    expect(await client.text('TTL', 'none')).toBe('-1')
    await client.call('RESTORE', 'relative', '5000000', payload)
    expect(Number(await client.call('TTL', 'relative'))).toBeGreaterThan(4_900)
    await client.call('RESTORE', 'absolute', '4000000000000', payload, 'ABSTTL')
    expect(await client.text('PEXPIRETIME', 'absolute')).toBe('4000000000000')
    expect(await client.text('RESTORE', 'k', '1000', payload, 'ABSTTL', 'REPLACE')).toBe('OK')
    expect(await client.text('EXISTS', 'k')).toBe('0')
  })

  test('what RESTORE could not take is not dumped', async () => {
    const client = await login()
    await client.call('SET', 'k', Buffer.alloc(900_000))
    expect(await client.text('DUMP', 'k')).toMatch(/^-ERR string exceeds maximum allowed size/)
  })
})
