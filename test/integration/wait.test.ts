import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { parseReplication, WAIT } from '../../src/commands/generic/wait.ts'
import { type Engine, startEngine } from '../helpers/engine.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

describe('WAIT', () => {
  let primary: TestRedis
  let replica: TestRedis
  let engine: Engine

  beforeAll(async () => {
    primary = await startRedis({ port: 'free', args: ['--repl-diskless-sync-delay', '0'] })
    replica = await startRedis({ port: 'free', args: ['--replicaof', '127.0.0.1', `${primary.port}`] })
    engine = await startEngine(primary.url)
    const linked = async (): Promise<void> => {
      expect(parseReplication(await engine.redis.info('replication')).acknowledged).toHaveLength(1)
    }
    await vi.waitFor(linked, { timeout: 20_000, interval: 20 })
  })

  afterAll(async () => {
    await engine?.close()
    await replica?.stop()
    await primary?.stop()
  })

  test('answers when enough replicas have what was written', async () => {
    await engine.run('a', ['SET', 'k', 'v'])
    expect(await engine.run('a', ['WAIT', '1', '20000'])).toBe(1)
  })

  test('ends when its connection has gone, though it has no timeout', async () => {
    let isGone = false
    const identity = {
      automationId: 'a',
      runId: 'run-1',
      issuedAt: undefined,
      expiresAt: Date.now() + 3_600_000,
      readOnly: false,
    }
    const waiting = WAIT.execute({
      args: [Buffer.from('WAIT'), Buffer.from('7'), Buffer.from('0')],
      identity,
      automation: engine.automation('a'),
      services: {
        store: engine.store,
        scripts: undefined as never,
        report: () => {},
        info: () => Promise.resolve([]),
      },
      isGone: () => isGone,
    })
    await engine.run('a', ['SET', 'k', 'v'])
    isGone = true
    expect(await waiting).toBeLessThan(7)
  })

  test('ends when a link is lost: the Redis that answers then may not have what was written', async () => {
    const told: string[] = []
    for (const who of ['first', 'second']) engine.store.backing.onLoss(() => told.push(who))
    await engine.run('a', ['SET', 'k', 'v'])
    const waiting = engine.run('a', ['WAIT', '7', '30000'])
    await engine.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    expect(await waiting).toMatchObject({
      text: expect.stringMatching(/^TRYAGAIN /),
    })
    expect(told.slice(0, 2)).toEqual(['first', 'second'])
    await vi.waitFor(async () => expect(await engine.run('a', ['GET', 'k'])).toEqual(Buffer.from('v')))
  })

  test('gives up at its timeout, and does not hold up others meanwhile', async () => {
    await replica.kill('SIGSTOP')
    await engine.run('a', ['SET', 'k', 'w'])
    const waiting = engine.run('a', ['WAIT', '1', '300'])
    expect(
      String(await engine.run('b', ['SET', 'other', 'v']).then((reply) => (reply as { text: string }).text)),
    ).toBe('OK')
    expect(await engine.run('a', ['WAIT', '0', '0'])).toBe(0)
    expect(await waiting).toBe(0)
    await replica.kill('SIGCONT')
    expect(await engine.run('a', ['WAIT', '1', '20000'])).toBe(1)
  })
})

describe('a connection in WAIT without a timeout', () => {
  let server: TestServer
  afterEach(() => server.stop())

  const waiting = async () => {
    server = await startServer({ AUTOMATION_KV_DRAIN_TIMEOUT_MS: '60000' })
    const client = await server.respClient()
    await client.call('AUTH', await server.token('a'))
    await client.call('SET', 'k', 'v')
    client.send('WAIT', '1', '0')
    const other = await server.client('a')
    await vi.waitFor(async () => expect(await other.call('CLIENT', 'LIST')).toContain('cmd=wait'))
    return client
  }

  test('is answered and ends when its client sends no more', async () => {
    const client = await waiting()
    client.socket.end()
    expect(await client.framesUntilClosed()).toEqual([':0\r\n'])
  })

  test('is answered and ends when the server stops', async () => {
    const client = await waiting()
    await server.app.stop()
    expect(await client.framesUntilClosed()).toEqual([':0\r\n'])
  })
})

test('reads what INFO tells of replicas', () => {
  const info = [
    '# Replication',
    'role:master',
    'connected_slaves:3',
    'slave0:ip=10.0.0.1,port=6379,state=online,offset=120,lag=0',
    'slave1:ip=10.0.0.2,port=6379,state=wait_bgsave,offset=0,lag=0',
    'slave2:ip=10.0.0.3,port=6379,state=online,offset=99,lag=1',
    'master_repl_offset:123',
    '',
  ].join('\r\n')
  expect(parseReplication(info)).toEqual({ offset: 123, acknowledged: [120, 99] })
  expect(parseReplication('')).toEqual({ offset: 0, acknowledged: [] })
})
