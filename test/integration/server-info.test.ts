import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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
