import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../../helpers/eventually.ts'
import { type OpenServer, startOpenServer } from '../../helpers/open-server.ts'

// What one automation may take over REST, in counts and in bytes.
// test/abuse measures what that does to others.

const MIB = 1024 * 1024
const MOST_COMMANDS = 2_048
const MOST_BYTES = 4 * MIB
const LINKS = 5
/** What the kernel keeps of an answer that is not read, at both ends. */
const KERNEL = 12 * MIB
/** Bodies and answers of one automation. */
const HTTP_BYTES = 2 * MIB
const HTTP_CONNECTIONS = 40
const QUOTA = 1_000_000

let server: OpenServer
beforeAll(async () => {
  server = await startOpenServer({
    AUTOMATION_KV_MAX_HTTP_CONNECTIONS: String(HTTP_CONNECTIONS),
    AUTOMATION_KV_MAX_HTTP_BYTES: String(HTTP_BYTES),
    AUTOMATION_KV_MAX_BYTES: String(QUOTA),
    AUTOMATION_KV_MAX_KEYS: '5000',
  })
})
afterAll(() => server?.stop())

test('batches of reads whose answers nobody reads are not all made', async () => {
  const id = 'batches'
  const client = await server.client(id)
  const value = 50 * 1024
  for (let n = 0; n < 4; n++) await client.call('SET', `k${n}`, `"${'v'.repeat(value)}"`)
  const operations = Array.from({ length: 10 }, (_, n) => ({ op: 'get', key: `k${n % 4}` }))
  const request = await server.httpRequest(id, 'POST', '/kv/batch', JSON.stringify({ operations }))
  const sockets = await Promise.all(Array.from({ length: 8 }, () => server.httpSocket()))
  const watched = server.watch(id)
  for (const socket of sockets) socket.write(request.repeat(10))
  await server.untilIdle(id)
  const peak = await watched.stop()
  expect(peak.bytes).toBeLessThanOrEqual(MOST_BYTES + 10 * value)
  expect(peak.commands).toBeLessThanOrEqual(MOST_COMMANDS)
  expect(peak.outputBuffer).toBeLessThanOrEqual(MOST_BYTES + 10 * value)
  expect(peak.links).toBeLessThanOrEqual(LINKS)
  for (const socket of sockets) socket.destroy()
  client.destroy()
  await server.untilQuiet(id)
})

test('listings of many keys at once', async () => {
  const id = 'listings'
  const client = await server.client(id)
  const names = Array.from({ length: 2_000 }, (_, n) => `${'n'.repeat(200)}${n}`)
  await client.call('MSET', ...names.flatMap((name) => [name, '1']))
  const listing = names.length * 300
  const request = await server.httpRequest(id, 'GET', '/kv')
  const before = await server.sentByRedis()
  const sockets = await Promise.all(Array.from({ length: 3 }, () => server.httpSocket()))
  const watched = server.watch(id)
  for (const socket of sockets) socket.write(request.repeat(150))
  await server.untilIdle(id)
  const peak = await watched.stop()
  expect(peak.bytes).toBeLessThanOrEqual(MOST_BYTES + listing)
  expect(peak.outputBuffer).toBeLessThanOrEqual(MOST_BYTES + 2 * listing)
  // Of 450 that are asked for: those whose answers lie unread in buffers of both ends.
  expect((await server.sentByRedis()) - before).toBeLessThan(3 * (HTTP_BYTES + 2 * listing + KERNEL))
  for (const socket of sockets) socket.destroy()
  client.destroy()
  await server.untilQuiet(id)
})

test('outcomes that are kept for batches never go beyond the quota', async () => {
  const id = 'outcomes'
  const client = await server.client(id)
  await client.call('SET', 'k', `"${'v'.repeat(20_000)}"`)
  const body = JSON.stringify({
    operations: [
      { op: 'get', key: 'k' },
      { op: 'incr', key: 'n' },
    ],
  })
  const before = Number(/^used_memory:(\d+)/m.exec(await server.backing.info('memory'))![1])
  const socket = await server.httpSocket()
  let text = ''
  socket.on('data', (chunk) => (text += chunk)).resume()
  for (let n = 0; n < 150; n++) {
    socket.write(await server.httpRequest(id, 'POST', '/kv/batch', body, { 'idempotency-key': `key-${n}` }))
    // No more than this are taken ahead of their answers.
    await eventually(() => text.split('HTTP/1.1 ').length > n - 10)
  }
  await eventually(() => text.split('HTTP/1.1 ').length > 150)
  expect(text).toContain('HTTP/1.1 413')
  const [, used] = /used_bytes:(\d+)/.exec(String(await client.call('INFO', 'automation')))!
  expect(Number(used)).toBeLessThanOrEqual(QUOTA)
  const after = Number(/^used_memory:(\d+)/m.exec(await server.backing.info('memory'))![1])
  expect(after - before).toBeLessThan(3 * QUOTA)
  socket.destroy()
  client.destroy()
  await server.untilQuiet(id)
})

test('sockets that say nothing are no more than the limit, and are gone when they leave', async () => {
  const sockets = await Promise.all(Array.from({ length: 3 * HTTP_CONNECTIONS }, () => server.httpSocket()))
  expect(await server.httpConnections()).toBeLessThanOrEqual(HTTP_CONNECTIONS)
  for (const socket of sockets) socket.destroy()
  await eventually(async () => (await server.httpConnections()) === 0)
})

test('of thousands of requests sent ahead few are read when their connection was cut', async () => {
  let requests = 0
  const count = (): void => void requests++
  subscribe('http.server.request.start', count)
  const socket = await server.httpSocket()
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.on('error', () => {}).resume()
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2_000))
  await closed
  unsubscribe('http.server.request.start', count)
  expect(requests).toBeGreaterThan(16)
  expect(requests).toBeLessThan(400)
})
