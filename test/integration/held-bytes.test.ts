import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RespClient } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

const LIMIT = 4 * 1024 * 1024

describe('what is held for an automation', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await startServer({
      AUTOMATION_KV_MAX_HELD_BYTES_PER_AUTOMATION: String(LIMIT),
      AUTOMATION_KV_MAX_HELD_BYTES: String(3 * LIMIT),
    })
  })

  afterAll(() => server?.stop())

  test('a queue of MULTI above the bound is refused, names limit and use, and EXEC aborts', async () => {
    const client = await server.client('queues')
    const value = Buffer.alloc(512 * 1024)
    await client.call('MULTI')
    const answers: string[] = []
    for (let i = 0; i < 12; i++)
      answers.push(await client.call('SET', `key-${i}`, value).then(String, ({ message }: Error) => message))
    expect(answers.filter((answer) => answer === 'QUEUED').length).toBeGreaterThanOrEqual(7)
    expect(answers.find((answer) => answer !== 'QUEUED')).toMatch(
      /^OOM .*: \d+ bytes are, and AUTOMATION_KV_MAX_HELD_BYTES_PER_AUTOMATION allows 4194304$/,
    )
    await expect(client.call('EXEC')).rejects.toThrow(/^EXECABORT/)
    expect(await client.call('DBSIZE')).toBe(0)
    // Everything was given back.
    for (let round = 0; round < 5; round++) {
      await client.call('MULTI')
      for (let i = 0; i < 6; i++) expect(await client.call('SET', 'key', value)).toBe('QUEUED')
      if (round % 2 === 0) expect(await client.call('EXEC')).toHaveLength(6)
      else expect(await client.call('DISCARD')).toBe('OK')
    }
  })

  test('what is above the bound is another automation’s to have', async () => {
    const [full, other] = [await server.client('full'), await server.client('other')]
    const value = Buffer.alloc(900 * 1024)
    await full.call('MULTI')
    for (let i = 0; i < 8; i++) await full.call('SET', 'key', value).catch(() => {})
    await other.call('MULTI')
    expect(await other.call('SET', 'key', value)).toBe('QUEUED')
    expect(await other.call('EXEC')).toEqual(['OK'])
  })

  test('unfinished requests are held within the bound, and given back with their connection', async () => {
    const token = await server.token('unfinished')
    const part = Buffer.concat([
      Buffer.from('*4\r\n$4\r\nMSET\r\n$1\r\nk\r\n$1048576\r\n'),
      Buffer.alloc(1_000_000),
    ])
    const clients: RespClient[] = []
    for (let i = 0; i < 6; i++) {
      const client = await server.respClient()
      await client.call('AUTH', token)
      client.write(part)
      clients.push(client)
    }
    const refused = await Promise.race(clients.map((client) => client.frames(1)))
    expect(String(refused[0])).toMatch(/^-OOM .* allows 4194304/)
    for (const client of clients) client.destroy()
    const again = await server.client('unfinished')
    expect(await again.call('SET', 'key', Buffer.alloc(1_000_000))).toBe('OK')
  })

  test('names of channels are bounded one by one and together', async () => {
    const client = await server.client('channels')
    await expect(client.call('SUBSCRIBE', Buffer.alloc(65_537, 'x'))).rejects.toThrow(
      'ERR the name of a channel or a pattern has 65537 bytes, and 65536 are allowed',
    )
    await expect(
      (await server.client('channels')).call('PUBLISH', Buffer.alloc(65_537), 'm'),
    ).rejects.toThrow(/65537 bytes, and 65536 are allowed$/)
    const other = await server.client('channels')
    expect(await other.subscribe('kept')).toBe(1)
    const names = Array.from({ length: 20 }, (_, i) => Buffer.alloc(65_536, `${i}-`))
    await expect(client.call('SUBSCRIBE', ...names)).rejects.toThrow(/^OOM /)
    for (let round = 0; round < 5; round++) {
      const own = await server.client('channels')
      expect(await own.subscribe(...names.slice(0, 15).map(String))).toBe(15)
      await own.unsubscribe()
    }
  })

  test('keys of a blocking command are bounded', async () => {
    const client = await server.client('blocked')
    const keys = Array.from({ length: 1_025 }, (_, i) => `key-${i}`)
    await expect(client.call('BLPOP', ...keys, '1')).rejects.toThrow(
      'ERR too many keys to wait at: 1025 are named, and 1024 are allowed in one command',
    )
    expect(await client.call('BLPOP', ...keys.slice(1), '0.01')).toBe(null)
  })
})
