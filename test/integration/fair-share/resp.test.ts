import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../../helpers/eventually.ts'
import { type OpenServer, startOpenServer } from '../../helpers/open-server.ts'
import { type RespClient, request } from '../../helpers/resp-client.ts'

// What one automation may take over RESP, in counts and in bytes.
// test/abuse measures what that does to others.

const MIB = 1024 * 1024
const HELD = 4 * MIB
/** Of one automation on its way to the backing Redis; one command may always be. */
const MOST_COMMANDS = 2_048
const MOST_BYTES = 4 * MIB
/** What the kernel and the Redis keep beside the replies themselves: buffers of both ends, headers. */
const KERNEL = 12 * MIB
/** Connections for commands, and the one that listens. */
const LINKS = 5

let server: OpenServer
beforeAll(async () => {
  server = await startOpenServer({
    AUTOMATION_KV_MAX_HELD_BYTES_PER_AUTOMATION: String(HELD),
    AUTOMATION_KV_MAX_CONNECTIONS_PER_AUTOMATION: '60',
  })
})
afterAll(() => server?.stop())

const leave = async (id: string, clients: readonly RespClient[]): Promise<void> => {
  for (const client of clients) client.destroy()
  await server.untilQuiet(id)
}

const times = (count: number, bytes: Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => bytes))

test('long replies that nobody reads are not fetched from the Redis', async () => {
  const id = 'unread'
  const clients = await server.clients(id, 4)
  const elements = Array.from({ length: 100 }, () => Buffer.alloc(6_000, 'v'))
  await clients[0]!.call('RPUSH', 'list', ...elements)
  const reply = 100 * 6_100
  const before = await server.sentByRedis()
  const watched = server.watch(id)
  for (const client of clients) {
    client.socket.pause()
    client.write(times(100, request('LRANGE', 'list', '0', '-1')))
  }
  await server.untilIdle(id)
  const peak = await watched.stop()
  expect(peak.bytes).toBeLessThanOrEqual(MOST_BYTES + reply)
  expect(peak.outputBuffer).toBeLessThanOrEqual(MOST_BYTES + 2 * reply)
  // Of the 400 that were asked for: what a connection may leave unread, and its buffers in the kernel.
  const sent = (await server.sentByRedis()) - before
  expect(sent).toBeGreaterThan(4 * reply)
  expect(sent).toBeLessThan(4 * (2 * MIB + 2 * reply + KERNEL))
  await leave(id, clients)
})

test('a deep pipeline has a bounded part of it on its way, and is answered whole', async () => {
  const id = 'deep'
  const [client, other] = [await server.client(id), await server.client('beside-deep')]
  await client.call('SET', 'k', 'v')
  const watched = server.watch(id)
  const answered = client.pipeline(times(20_000, request('GET', 'k')), 20_000)
  expect(await other.text('SET', 'k', 'of another')).toBe('OK')
  expect(new Set((await answered).map(String))).toEqual(new Set(['v']))
  const peak = await watched.stop()
  expect(peak.commands).toBeLessThanOrEqual(MOST_COMMANDS)
  expect(peak.weight).toBeLessThanOrEqual(MOST_COMMANDS)
  expect(peak.links).toBeLessThanOrEqual(LINKS)
  await leave(id, [client])
})

test('large values in a pipeline are under way up to a bound of bytes', async () => {
  const id = 'large'
  const clients = await server.clients(id, 4)
  const watched = server.watch(id)
  const size = 256 * 1024
  const requests = times(12, request('SET', 'k', Buffer.alloc(size, 'v')))
  const gets = times(25, request('GET', 'k'))
  await Promise.all(clients.map((client) => client.pipeline(requests, 12)))
  for (const replies of await Promise.all(clients.map((client) => client.pipeline(gets, 25))))
    expect(replies.map((reply) => String(reply).length)).toEqual(Array(25).fill(size))
  const peak = await watched.stop()
  expect(peak.bytes).toBeLessThanOrEqual(MOST_BYTES + 2 * size)
  expect(peak.outputBuffer).toBeLessThanOrEqual(MOST_BYTES + 4 * size)
  await leave(id, clients)
})

test('a long reply is opened and encoded in many pieces', async () => {
  const id = 'pieces'
  const client = await server.client(id)
  const elements = 10_240
  for (let i = 0; i < 10; i++)
    await client.call('RPUSH', 'list', ...Array.from({ length: elements / 10 }, (_, n) => `${n}`))
  const { counters } = server.parts.turns
  const before = counters.queued
  expect(await client.call('LRANGE', 'list', '0', '-1')).toHaveLength(elements)
  // 128 are opened in a piece, and 1,024 are encoded in one.
  expect(counters.queued - before).toBeGreaterThanOrEqual(elements / 128 + elements / 1_024 - 4)
  await leave(id, [client])
})

test('queues of MULTI on many connections are held within one bound', async () => {
  const id = 'queues'
  const clients = await server.clients(id, 10)
  const watched = server.watch(id)
  const queued = Buffer.concat([request('MULTI'), times(20, request('SET', 'k', Buffer.alloc(64 * 1024)))])
  for (const client of clients) client.write(queued)
  // A request that is not whole yet is refused with its connection.
  await eventually(() => clients.every(({ pending, closed }) => closed || pending === 21))
  expect(clients.flatMap((client) => client.framesSoFar()).some((frame) => frame.startsWith('-OOM'))).toBe(
    true,
  )
  const peak = await watched.stop()
  expect(peak.held).toBeGreaterThan(HELD / 2)
  expect(peak.held).toBeLessThanOrEqual(HELD)
  expect(peak.heldForAll).toBe(peak.held)
  await leave(id, clients)
  expect(server.parts.held.bytes).toBe(0)
})

test('requests that do not end are held within the same bound', async () => {
  const id = 'unfinished'
  const clients = await server.clients(id, 20)
  const watched = server.watch(id)
  const part = Buffer.concat([
    Buffer.from('*100000\r\n$4\r\nMGET\r\n'),
    times(2_000, Buffer.from(`$200\r\n${'k'.repeat(200)}\r\n`)),
  ])
  for (const client of clients) client.write(part)
  await Promise.race(clients.map((client) => client.untilClosed()))
  const peak = await watched.stop()
  expect(peak.held).toBeGreaterThan(HELD / 2)
  expect(peak.held).toBeLessThanOrEqual(HELD)
  await leave(id, clients)
})

test('names of channels and watched keys are held, and given back', async () => {
  const id = 'names'
  const [listener, watcher] = [await server.client(id), await server.client(id)]
  const names = Array.from({ length: 2_000 }, (_, n) => `${'channel'.repeat(10)}:${n}`)
  const bytes = names.join('').length
  await listener.send('SUBSCRIBE', ...names).replies(names.length)
  const { held: ofChannels } = await server.watch(id).stop()
  expect(ofChannels).toBeGreaterThanOrEqual(bytes)
  expect(ofChannels).toBeLessThanOrEqual(10 * bytes)
  // One channel there, however many there are here.
  expect(await server.backing.pubsub('CHANNELS', `*${id}*`)).toHaveLength(1)
  await watcher.call('WATCH', ...names)
  const { held } = await server.watch(id).stop()
  expect(held - ofChannels).toBeGreaterThanOrEqual(bytes)
  expect(held - ofChannels).toBeLessThanOrEqual(10 * bytes)
  await leave(id, [listener, watcher])
  await eventually(async () => (await server.backing.pubsub('CHANNELS', `*${id}*`)).length === 0)
})

test('clients that wait at keys have nothing under way, and no link of their own', async () => {
  const id = 'waiting'
  const clients = await server.clients(id, 40)
  const asker = await server.client(id)
  const keys = Array.from({ length: 50 }, (_, n) => `queue:${n}`)
  const watched = server.watch(id)
  for (const client of clients) client.send('BLPOP', ...keys, '0')
  await eventually(async () => String(await asker.call('INFO', 'clients')).includes('blocked_clients:40'))
  await eventually(async () => (await server.watch(id).stop()).commands === 0)
  // One element, and all are woken for it in vain but one.
  await asker.call('RPUSH', keys[0]!, 'v')
  await Promise.race(clients.map((client) => client.frames(1)))
  const peak = await watched.stop()
  expect(peak.commands).toBeLessThanOrEqual(MOST_COMMANDS)
  expect(peak.weight).toBeLessThanOrEqual(MOST_COMMANDS)
  expect(peak.links).toBeLessThanOrEqual(LINKS)
  await leave(id, [...clients, asker])
})

test('many that WAIT have no link of their own, and leave nothing', async () => {
  const id = 'replicas'
  const clients = await server.clients(id, 20)
  const watched = server.watch(id)
  for (const [n, client] of clients.entries())
    client.write(Buffer.concat([request('SET', 'k', 'v'), times(n + 1, request('WAIT', '1', '0'))]))
  await Promise.all(clients.map((client) => client.frames(1)))
  const one = await server.client(id)
  expect(await one.text('PING')).toBe('PONG')
  const peak = await watched.stop()
  expect(peak.links).toBeLessThanOrEqual(LINKS)
  expect(peak.commands).toBeLessThanOrEqual(MOST_COMMANDS)
  await leave(id, [one, ...clients])
})

test('connections are counted as long as they are open', async () => {
  const id = 'connections'
  const clients = await Promise.all(Array.from({ length: 100 }, () => server.client(id)))
  await eventually(() => clients.filter(({ closed }) => closed).length === 40)
  expect(server.parts.turns.lineOf(id).holders).toBe(60)
  await leave(id, clients)
})
