import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../helpers/eventually.ts'
import { FaultProxy } from '../../helpers/fault-proxy.ts'
import { type OpenServer, startOpenServer } from '../../helpers/open-server.ts'
import { startRedis, type TestRedis } from '../../helpers/redis.ts'
import { Push, type RespClient, type RespReply } from '../../helpers/resp-client.ts'
import { startServer, type TestServer } from '../../helpers/server.ts'
import {
  type Invalidation,
  invalidationOf,
  nextInvalidation,
  trackingClient,
} from '../../helpers/tracking-client.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

let automations = 0
const newAutomation = (): string => `tracking-faults-${++automations}`

/** Changes are told again, after what was told of everything. */
async function isToldAgain(tracker: RespClient, write: (key: string) => Promise<unknown>): Promise<void> {
  await tracker.send('GET', 'again')
  while ((await tracker.reply()) instanceof Push) {
    // It may be told of everything once more, until its own reply comes.
  }
  await write('again')
  let told: Invalidation = null
  while (told === null) told = await nextInvalidation(tracker)
  expect(told).toEqual(['again'])
}

describe('everything is told to be out of date', () => {
  test('when the subscribing link is lost', async () => {
    const id = newAutomation()
    const writer = await server.client(id)
    const [tracker, broadcast] = await Promise.all([
      trackingClient(server, id, 'ON'),
      trackingClient(server, id, 'ON', 'BCAST', 'PREFIX', 'none'),
    ])
    await tracker.call('GET', 'k')
    await server.backing().call('CLIENT', 'KILL', 'TYPE', 'PUBSUB')
    expect(await nextInvalidation(tracker)).toBeNull()
    expect(await nextInvalidation(broadcast)).toBeNull()
    // Once more when it is back: from then on changes are told again.
    expect(await nextInvalidation(tracker)).toBeNull()
    await isToldAgain(tracker, (key) => writer.set(key, '1'))
  })

  test('when all links are lost, and again when they are back', async () => {
    const redis = await startRedis({ port: 'free' })
    const proxy = await FaultProxy.start(redis.port!)
    const broken = await startServer({}, { ...redis, url: proxy.url } satisfies TestRedis)
    onTestFinished(async () => {
      await broken.stop()
      await proxy.close()
      await redis.stop()
    })
    const id = newAutomation()
    const tracker = await trackingClient(broken, id, 'ON')
    await tracker.call('GET', 'k')
    proxy.cut(true)
    expect(await nextInvalidation(tracker)).toBeNull()
    proxy.restore()
    const writer = await broken.client(id, { enableReadyCheck: false })
    await eventually(() =>
      writer.set('other', '1').then(
        () => true,
        () => false,
      ),
    )
    await isToldAgain(tracker, (key) => writer.set(key, '1'))
  })

  test('when changes were not published for a while', async () => {
    const id = newAutomation()
    const tracker = await trackingClient(server, id, 'ON')
    await tracker.call('GET', 'k')
    await server.backing().del(`kv:{${id}}:t`)
    const writer = await server.client(id)
    await writer.set('k', 'unseen')
    expect(await nextInvalidation(tracker)).toBeNull()
    await isToldAgain(tracker, (key) => writer.set(key, '1'))
  })
})

describe('an automation', () => {
  test('is not told of what another does, and cannot redirect to it', async () => {
    const [own, other] = [newAutomation(), newAutomation()]
    const [tracker, stranger] = await Promise.all([
      trackingClient(server, own, 'ON'),
      trackingClient(server, other, 'ON', 'BCAST'),
    ])
    const strangerId = String(await stranger.call('CLIENT', 'ID'))
    await tracker.call('GET', 'k')
    await (await server.client(other)).set('k', '1')
    expect(await nextInvalidation(stranger)).toEqual(['k'])
    await (await server.client(own)).set('k', '1')
    expect(await nextInvalidation(tracker)).toEqual(['k'])
    expect(tracker.pending + stranger.pending).toBe(0)
    expect(await tracker.text('CLIENT', 'TRACKING', 'ON', 'REDIRECT', strangerId)).toBe(
      '-ERR The client ID you want redirect to does not exist',
    )
  })

  test('is not told by a connection that became another’s', async () => {
    const [own, other] = [newAutomation(), newAutomation()]
    const receiver = await trackingClient(server, own)
    const receiverId = await receiver.call('CLIENT', 'ID')
    const tracker = await trackingClient(server, own, 'ON', 'REDIRECT', String(receiverId))
    await tracker.call('GET', 'k')
    await receiver.call('RESET')
    await receiver.call('HELLO', '3', 'AUTH', 'default', await server.token(other))
    await (await server.client(own)).set('k', '1')
    const told = (await tracker.reply()) as Push
    expect(told.items.map(String)).toEqual(['tracking-redir-broken', String(receiverId)])
    expect(await receiver.text('PING')).toBe('PONG')
    expect(receiver.pending).toBe(0)
  })

  test('that tracks nothing has nothing published, whoever else tracks', async () => {
    const [own, other] = [newAutomation(), newAutomation()]
    const tracker = await trackingClient(server, other, 'ON', 'BCAST')
    const writer = await server.client(own)
    await server.backing().config('RESETSTAT')
    await writer.set('k', '1')
    await writer.incr('k')
    await writer.multi().set('a', '1').incr('k').exec()
    await writer.flushall()
    expect(await server.backing().info('commandstats')).not.toContain('cmdstat_publish')
    expect(await server.backing().exists(`kv:{${own}}:t`)).toBe(0)
    await (await server.client(other)).set('k', '1')
    expect(await nextInvalidation(tracker)).toEqual(['k'])
  })
})

describe('bounds', () => {
  let open: OpenServer
  const LIMIT = 512 * 1024
  beforeAll(async () => {
    open = await startOpenServer({
      AUTOMATION_KV_MAX_HELD_BYTES_PER_AUTOMATION: String(LIMIT),
      AUTOMATION_KV_MAX_KEYS: '10000',
    })
  })
  afterAll(() => open.stop())

  const tracking = async (id: string, ...options: string[]): Promise<RespClient> => {
    const client = await open.client(id)
    await client.call('HELLO', '3')
    await client.call('CLIENT', 'TRACKING', ...options)
    return client
  }

  test('of what is tracked: who read what is dropped is told', async () => {
    const id = newAutomation()
    const tracker = await tracking(id, 'ON')
    const held = (): number => open.parts.turns.lineOf(id).heldBytes
    const names = Array.from({ length: 2_000 }, (_, i) => `name-${i}`)
    for (const name of names) tracker.send('GET', name)
    const told = new Set<string>()
    const tell = (reply: RespReply): void => {
      for (const name of invalidationOf(reply) ?? []) told.add(name)
    }
    for (let replies = 0; replies < names.length; ) {
      const reply = await tracker.reply()
      if (reply instanceof Push) tell(reply)
      else replies++
    }
    expect(held()).toBeGreaterThan(LIMIT / 8)
    expect(held()).toBeLessThanOrEqual(LIMIT / 2)
    const before = told.size
    expect(before).toBeGreaterThan(names.length / 4)
    const writer = await open.client(id)
    for (let i = 0; i < names.length; i += 100)
      expect(await writer.text('MSET', ...names.slice(i, i + 100).flatMap((name) => [name, '1']))).toBe('OK')
    while (told.size < names.length) tell(await tracker.reply())
    expect(told.size - before).toBeGreaterThan(0)
  })

  test('of prefixes', async () => {
    const id = newAutomation()
    const tracker = await tracking(id, 'ON', 'BCAST', 'PREFIX', 'a')
    const many = Array.from({ length: 1_001 }, (_, i) => ['PREFIX', `p${i};`]).flat()
    const roomy = await trackingClient(server, id)
    expect(await roomy.text('CLIENT', 'TRACKING', 'ON', 'BCAST', ...many)).toBe(
      '-ERR 1001 prefixes are tracked for this automation in this process, of at most 1000',
    )
    expect(await roomy.text('CLIENT', 'TRACKING', 'ON', 'BCAST', ...many.slice(4))).toBe('OK')
    expect(
      await tracker.text('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'x'.repeat(LIMIT - 300)),
    ).toMatch(/^-OOM .*AUTOMATION_KV_MAX_HELD_BYTES_PER_AUTOMATION/)
    await (await open.client(id)).call('SET', 'a1', '1')
    expect(await nextInvalidation(tracker)).toEqual(['a1'])
  })

  test('of what a connection does not read', async () => {
    const small = await startServer({ AUTOMATION_KV_MAX_BACKLOG: String(1024 * 1024) }, server.redis)
    onTestFinished(() => small.stop())
    const id = newAutomation()
    const slow = await trackingClient(small, id, 'ON', 'BCAST')
    slow.socket.pause()
    const writer = await server.client(id)
    const long = 'n'.repeat(250)
    let sent = 0
    await eventually(async () => {
      const pipeline = writer.pipeline()
      for (let i = 0; i < 200; i++) pipeline.set(`${long}${sent++ % 100}`, '1')
      for (const [error] of (await pipeline.exec())!) expect(error).toBeNull()
      return small.logged().includes('a slow listener was cut')
    }, 20_000)
  })

  test('one write is told to many connections', async () => {
    const id = newAutomation()
    const trackers = await Promise.all(
      Array.from({ length: 150 }, () => trackingClient(server, id, 'ON', 'BCAST')),
    )
    await (await server.client(id)).set('k', '1')
    for (const tracker of trackers) expect(await nextInvalidation(tracker)).toEqual(['k'])
  })
})
