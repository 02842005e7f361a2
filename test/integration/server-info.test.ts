import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MAX_ENTRIES, SlowLogs } from '../../src/session/slow-log.ts'
import { type RespClient, request } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
let automations = 0

beforeAll(async () => {
  server = await startServer({ AUTOMATION_KV_MAX_BYTES: String(2 * 1024 * 1024) })
})
afterAll(() => server.stop())

async function login(automation = `info-${++automations}`): Promise<RespClient> {
  const client = await server.respClient()
  expect(await client.text('AUTH', await server.token(automation))).toBe('OK')
  return client
}

const infoOf = async (client: RespClient, ...sections: string[]): Promise<Map<string, string>> =>
  new Map(
    (await client.text('INFO', ...sections))
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )

describe('INFO', () => {
  test('has what client libraries, queues and dashboards read', async () => {
    const info = await infoOf(await login())
    // redis-cli --stat, BullMQ, bull-board, rq, Sidekiq, Celery.
    for (const name of [
      'redis_version redis_mode os arch_bits tcp_port run_id uptime_in_seconds uptime_in_days',
      'connected_clients blocked_clients maxclients',
      'used_memory used_memory_human used_memory_peak used_memory_peak_human used_memory_rss',
      'total_system_memory maxmemory maxmemory_policy mem_fragmentation_ratio',
      'loading rdb_bgsave_in_progress aof_enabled aof_rewrite_in_progress',
      'total_connections_received total_commands_processed instantaneous_ops_per_sec',
      'total_net_input_bytes total_net_output_bytes evicted_keys pubsub_channels pubsub_patterns',
      'role connected_slaves cluster_enabled',
    ].flatMap((names) => names.split(' ')))
      expect([name, info.get(name) ?? '']).toEqual([name, expect.stringMatching(/./)])
  })

  test("counts what the automation's own connections to this process did", async () => {
    const client = await login('counted')
    const other = await login('counted')
    const stranger = await login('stranger')
    for (let i = 0; i < 20; i++) await stranger.call('PING')
    await other.call('NOSUCH')
    await other.call('SUBSCRIBE', 'news')
    await client.call('MULTI')
    await client.call('PING')
    await client.call('EXEC')
    const info = await infoOf(client, 'stats')
    expect(info.get('total_connections_received')).toBe('2')
    // SUBSCRIBE, MULTI, PING, EXEC and this INFO; one was no command.
    expect(info.get('total_commands_processed')).toBe('5')
    expect(info.get('total_error_replies')).toBe('1')
    expect(info.get('pubsub_channels')).toBe('1')
    const sent = ['MULTI', 'PING', 'EXEC', 'INFO stats', 'SUBSCRIBE news', 'NOSUCH'].reduce(
      (sum, line) => sum + request(...line.split(' ')).length,
      0,
    )
    expect(info.get('total_net_input_bytes')).toBe(String(sent))
  })

  test("shows the memory that is the automation's, and its limit", async () => {
    const client = await login()
    expect((await infoOf(client, 'memory')).get('used_memory')).toBe('0')
    await client.call('SET', 'k', 'v'.repeat(10_000))
    const info = await infoOf(client, 'memory', 'automation')
    expect(info.get('used_memory')).toBe(info.get('used_bytes'))
    expect(Number(info.get('used_memory'))).toBeGreaterThan(10_000)
    expect(info.get('used_memory_human')).toMatch(/^1\d\.\d\dK$/)
    expect(info.get('maxmemory')).toBe('2097152')
    expect(info.get('maxmemory_human')).toBe('2.00M')
  })
})

test('ROLE is that of a master without replicas', async () => {
  expect(await (await login()).text('ROLE')).toBe('[master, 0, []]')
})

describe('MEMORY', () => {
  const VALUE = 'v'.repeat(3_000)
  const CALLS = [
    ['SET', 's', VALUE],
    ['RPUSH', 'l', VALUE],
    ['HSET', 'h', 'f', VALUE],
    ['SADD', 'u', VALUE],
    ['ZADD', 'z', '1', VALUE],
    ['XADD', 'x', '*', 'f', VALUE],
  ]

  test('USAGE is of the sealed data, by whatever way it is asked', async () => {
    const client = await login()
    for (const call of CALLS) await client.call(...call)
    const fresh = CALLS.map((call) => `redis.call(${call.map((word) => `'${word}'`).join(',')})`).join('\n')
    for (const [, name] of CALLS) {
      const direct = Number(await client.call('MEMORY', 'USAGE', name!))
      await client.call('MULTI')
      await client.call('SET', 'other', '1')
      await client.call('MEMORY', 'USAGE', name!)
      const [, queued] = (await client.call('EXEC')) as unknown[]
      const script = `redis.call('FLUSHALL') ${fresh} return redis.call('MEMORY', 'USAGE', '${name}')`
      const inScript = await client.call('EVAL', script, '0')
      for (const bytes of [direct, queued, inScript].map(Number)) {
        expect(bytes).toBeGreaterThan(VALUE.length)
        expect(bytes).toBeLessThan(3 * VALUE.length)
      }
    }
  })

  test('USAGE looks at a few elements only, whatever it is told', async () => {
    const client = await login()
    await client.call('SADD', 'many', ...Array.from({ length: 3_000 }, (_, i) => `m${i}`))
    const backing = server.backing()
    const feed = await backing.monitor()
    const asked: string[][] = []
    feed.on('monitor', (_time: string, args: string[]) => asked.push(args))
    for (const samples of ['0', '1000000', '3'])
      expect(Number(await client.call('MEMORY', 'USAGE', 'many', 'SAMPLES', samples))).toBeGreaterThan(
        100_000,
      )
    await expect
      .poll(() => asked.filter(([name]) => /memory/i.test(name!)).map((args) => args[4]))
      .toEqual(['5', '5', '3'])
    feed.disconnect()
  })

  test('STATS and DOCTOR tell of the automation alone', async () => {
    const [client, stranger] = [await login(), await login()]
    await stranger.call('SET', 'theirs', VALUE)
    expect(await client.text('MEMORY', 'STATS')).toContain('keys.count, 0, keys.bytes-per-key, 0')
    await client.call('SET', 'k', VALUE)
    const [, bytes] = /total\.allocated, (\d+)/.exec(await client.text('MEMORY', 'STATS'))!
    expect(bytes).toBe((await infoOf(client, 'memory')).get('used_memory'))
    expect(await client.text('MEMORY', 'DOCTOR')).toBe(
      `This automation uses ${bytes} of 2097152 bytes. There is nothing to worry about.\n`,
    )
  })
})

test('CONFIG GET answers with what holds here, CONFIG SET is refused with the reason', async () => {
  const client = await login()
  expect(await client.text('CONFIG', 'GET', 'maxmemory', 'databases', 'save')).toBe(
    '[maxmemory, 2097152, databases, 1, save, ]',
  )
  expect(await client.text('CONFIG', 'GET', 'proto-max-bulk-len')).toBe('[proto-max-bulk-len, 1048576]')
  expect(await client.text('CONFIG', 'GET', 'maxm*')).toBe(
    '[maxmemory, 2097152, maxmemory-policy, noeviction]',
  )
  expect(((await client.call('CONFIG', 'GET', '*', 'max*')) as unknown[]).length).toBeGreaterThan(30)
  expect(await client.text('CONFIG', 'HELP')).toContain('GET <pattern>')
  for (const call of [['SET', 'maxmemory', '1'], ['REWRITE'], ['RESETSTAT']])
    expect(await client.text('CONFIG', ...call)).toBe(
      `-NOPERM 'config|${call[0]!.toLowerCase()}' is not offered: server administration belongs to the operator`,
    )
})

describe('SLOWLOG', () => {
  const SLOW = 'local x = 0 for i = 1, 3e6 do x = x + i % 7 end return #ARGV'

  test("has the automation's own slow commands, cut short, the latest first", async () => {
    const automation = `info-${++automations}`
    const [client, stranger] = [await login(automation), await login()]
    await client.call('CLIENT', 'SETNAME', 'worker')
    const many = Array.from({ length: 30 }, (_, i) => `a${i}`)
    expect(await client.text('EVAL', SLOW, '0', 'v'.repeat(200))).toBe('1')
    expect(await client.text('EVAL', SLOW, '0', ...many)).toBe('30')
    type Entry = [number, number, number, Buffer[], Buffer, Buffer]
    const entries = (await client.call('SLOWLOG', 'GET')) as Entry[]
    expect(entries.map(([id]) => id)).toEqual([1, 0])
    const [latest, first] = entries as [Entry, Entry]
    expect(latest[3].map(String)).toEqual(['EVAL', SLOW, '0', ...many.slice(0, 4), '... (26 more arguments)'])
    expect(first[3].map(String)).toEqual(['EVAL', SLOW, '0', `${'v'.repeat(128)}... (72 more bytes)`])
    expect(first[2]).toBeGreaterThanOrEqual(10_000)
    expect(Math.abs(first[1] - Date.now() / 1_000)).toBeLessThan(60)
    expect(await client.text('CLIENT', 'INFO')).toContain(` addr=${first[4]} `)
    expect(String(first[5])).toBe('worker')
    expect(((await client.call('SLOWLOG', 'GET', '1')) as Entry[]).map(([id]) => id)).toEqual([1])
    expect(await stranger.text('SLOWLOG', 'GET', '-1')).toBe('[]')
    expect(await client.text('SLOWLOG', 'LEN')).toBe('2')
    expect(await client.text('SLOWLOG', 'RESET')).toBe('OK')
    expect(await client.text('SLOWLOG', 'LEN')).toBe('0')
  })

  test('is bounded', () => {
    const logs = new SlowLogs()
    const who = { address: '', name: '' }
    for (let i = 0; i < 1_000; i++) logs.add('a', [Buffer.alloc(1_000_000)], 10, who)
    expect(logs.of('a').length).toBe(MAX_ENTRIES)
    expect(logs.of('a').at(-1)!.id).toBe(999)
    for (let i = 0; i < 1_000; i++) logs.add(`b${i}`, [], 10, who)
    expect(logs.of('a')).toEqual([])
  })
})
