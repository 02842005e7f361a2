import { BasicClientSideCache, createClient } from 'redis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../helpers/eventually.ts'
import { startServer, type TestServer } from '../../helpers/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

test('the cache of node-redis answers by itself, until a key changes', async () => {
  const password = await server.token('cache')
  const clientSideCache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: 'LRU' })
  const options = { socket: { port: server.app.ports.resp }, password, RESP: 3 } as const
  const client = createClient({ ...options, clientSideCache })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.destroy())
  const writer = await server.client('cache')

  await writer.set('k', '1')
  expect([await client.get('k'), await client.get('k')]).toEqual(['1', '1'])
  expect(clientSideCache.stats()).toMatchObject({ hitCount: 1, missCount: 1 })
  await writer.set('k', '2')
  await eventually(async () => (await client.get('k')) === '2')
  await server.fetch('cache', 'PUT', '/kv/k', '"3"')
  await eventually(async () => (await client.get('k')) === '3')
  await writer.set('k', '4', 'PX', '300')
  await eventually(async () => (await client.get('k')) === '4')
  await eventually(async () => (await client.get('k')) === null)
  await writer.hset('h', 'f', '1')
  expect(await client.hGetAll('h')).toEqual({ f: '1' })
  await writer.flushall()
  await eventually(async () => Object.keys(await client.hGetAll('h')).length === 0)
})
