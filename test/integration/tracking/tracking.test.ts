import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../../helpers/eventually.ts'
import { Push } from '../../helpers/resp-client.ts'
import { startServer, type TestServer } from '../../helpers/server.ts'
import {
  CachingClient,
  invalidationOf,
  nextInvalidation,
  trackingClient,
} from '../../helpers/tracking-client.ts'

/** Two processes before one Redis. */
let one: TestServer
let two: TestServer
beforeAll(async () => {
  one = await startServer()
  two = await startServer({}, one.redis)
})
afterAll(async () => {
  await two.stop()
  await one.stop()
})

let automations = 0
const newAutomation = (): string => `tracking-${++automations}`

const SEED = Number(process.env.AUTOMATION_KV_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** A generator of its own, so that a seed repeats a run (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

describe.each(['ON', 'ON BCAST'])('CLIENT TRACKING %s: whatever changes a key elsewhere is told', (mode) => {
  const changes: ReadonlyArray<readonly [string, (id: string) => Promise<unknown>]> = [
    ['a command', async (id) => (await two.client(id)).set('k', '1')],
    ['a command that is computed', async (id) => (await two.client(id)).incr('k')],
    ['a script', async (id) => (await two.client(id)).eval("redis.call('set', KEYS[1], 2)", 1, 'k')],
    [
      'a key that a script did not declare',
      async (id) => (await two.client(id)).eval("redis.call('set', 'k', 2)", 0),
    ],
    ['a transaction', async (id) => (await two.client(id)).multi().set('k', '3').get('k').exec()],
    ['a transaction that is computed', async (id) => (await two.client(id)).multi().incr('k').exec()],
    ['REST PUT', (id) => two.fetch(id, 'PUT', '/kv/k', '{"a":1}')],
    [
      'REST batch',
      (id) => two.fetch(id, 'POST', '/kv/batch', '{"operations":[{"op":"set","key":"k","value":1}]}'),
    ],
  ]
  test.each(changes)('%s', async (_what, change) => {
    const id = newAutomation()
    const tracker = await trackingClient(one, id, ...mode.split(' '))
    await tracker.call('GET', 'k')
    await change(id)
    expect(await nextInvalidation(tracker)).toEqual(['k'])
  })

  test('REST DELETE and PATCH', async () => {
    const id = newAutomation()
    await two.fetch(id, 'PUT', '/kv/k', '{"a":1}')
    const tracker = await trackingClient(one, id, ...mode.split(' '))
    await tracker.call('GET', 'k')
    await two.fetch(id, 'PATCH', '/kv/k', '{"path":"a","value":2}')
    expect(await nextInvalidation(tracker)).toEqual(['k'])
    await tracker.call('GET', 'k')
    await two.fetch(id, 'DELETE', '/kv/k')
    expect(await nextInvalidation(tracker)).toEqual(['k'])
  })

  test('that all is deleted', async () => {
    const id = newAutomation()
    const tracker = await trackingClient(one, id, ...mode.split(' '))
    await (await two.client(id)).flushall()
    expect(await nextInvalidation(tracker)).toBeNull()
  })
})

describe('keys that expire are told', () => {
  test.each([
    ['read with their TTL', ['ON'], ['SET', 'k', '1', 'PX', '400'], undefined],
    ['whose TTL is set later', ['ON', 'BCAST'], ['SET', 'k', '1'], ['PEXPIRE', 'k', '400']],
    ['that were there before', ['ON', 'BCAST'], ['SET', 'k', '1', 'PX', '1500'], undefined],
  ] as const)('%s', async (_what, options, first, then) => {
    const id = newAutomation()
    const writer = await two.client(id)
    const [command, ...args] = first
    await writer.call(command, ...args)
    const tracker = await trackingClient(one, id, ...options)
    expect(String(await tracker.call('GET', 'k'))).toBe('1')
    if (then !== undefined) {
      await writer.call(then[0], ...then.slice(1))
      expect(await nextInvalidation(tracker)).toEqual(['k'])
    }
    expect(await nextInvalidation(tracker)).toEqual(['k'])
    // Not before its time.
    expect(await tracker.call('GET', 'k')).toBeNull()
  })

  test('not those whose TTL was taken away or made longer', async () => {
    const id = newAutomation()
    const writer = await two.client(id)
    await writer.set('k', '1', 'PX', '700')
    await writer.set('l', '1', 'PX', '1000')
    const tracker = await trackingClient(one, id, 'ON')
    await tracker.send('GET', 'k').send('GET', 'l').replies(2)
    await writer.persist('k')
    expect(await nextInvalidation(tracker)).toEqual(['k'])
    await tracker.call('GET', 'k')
    // Only the other one is told when both times are over.
    expect(await nextInvalidation(tracker)).toEqual(['l'])
    expect(tracker.pending).toBe(0)
  })
})

test('of two with NOLOOP who change a key at once, each is told of what the other did', async () => {
  const id = newAutomation()
  const clients = await Promise.all(['a', 'b'].map(() => trackingClient(one, id, 'ON', 'BCAST', 'NOLOOP')))
  for (let round = 0; round < 50; round++) {
    // Commands that arrive while one is computed share a commit.
    for (const [i, client] of clients.entries())
      client.send('HINCRBY', `other-${i}`, 'f', '1').send('HINCRBY', 'k', `f${i}`, '1')
    for (const client of clients) {
      const told: string[] = []
      let replies = 0
      while (replies < 2 || !told.includes('k')) {
        const reply = await client.reply()
        if (reply instanceof Push) told.push(...invalidationOf(reply)!)
        else replies++
      }
    }
  }
})

test('a cache that follows what it is told is never out of date for ever', async () => {
  process.stderr.write(`tracking: AUTOMATION_KV_TEST_SEED=${SEED}\n`)
  const random = randomFrom(SEED)
  const id = newAutomation()
  const keys = Array.from({ length: 12 }, (_, i) => `k${i}`)
  const caches = await Promise.all([
    CachingClient.start(one, id, 'ON'),
    CachingClient.start(two, id, 'ON'),
    CachingClient.start(one, id, 'ON', 'BCAST'),
    CachingClient.start(two, id, 'ON', 'BCAST', 'PREFIX', 'k', 'PREFIX', 's'),
  ])
  const writers = await Promise.all([one.client(id), two.client(id), two.client(id)])
  const key = (): string => keys[random(keys.length)]!
  const write = (): Promise<unknown> => {
    const writer = writers[random(writers.length)]!
    const value = String(random(1_000_000))
    switch (random(8)) {
      case 0:
        return writer.del(key())
      case 1:
        return writer.incr(key()).catch(() => {})
      case 2:
        return writer.mset(key(), value, key(), value)
      case 3:
        return writer.eval("redis.call('set', KEYS[1], ARGV[1])", 1, key(), value)
      case 4:
        return writer.multi().set(key(), value).incr(key()).exec()
      case 5:
        return writer.set(key(), value, 'PX', 50 + random(200))
      case 6:
        return one.fetch(id, 'PUT', `/kv/${key()}`, value)
      default:
        return writer.set(key(), value)
    }
  }
  for (let round = 0; round < 150; round++) {
    const writes = Array.from({ length: 1 + random(6) }, write)
    for (const cache of caches) cache.read(keys.filter(() => random(2) === 0))
    await Promise.all(writes)
  }
  // Changes are told in their order: who was told of the last one was told of all. TTLs are over by then.
  await eventually(async () =>
    (await Promise.all(keys.map((each) => writers[0]!.pttl(each)))).every((ttl) => ttl < 0),
  )
  for (const cache of caches) cache.read(['seen', ...keys])
  await eventually(() => caches.every(({ cache, isIdle }) => isIdle && cache.has('seen')))
  await writers[0]!.set('seen', '1')
  await eventually(() => caches.every(({ cache }) => !cache.has('seen')))
  const values = await writers[0]!.mget(keys)
  const holdsOld = (): string[] =>
    caches.flatMap(({ cache }, i) =>
      keys
        .filter((each, k) => cache.has(each) && cache.get(each) !== values[k])
        .map((each) => `${i}: ${each}`),
    )
  // A key whose time was over is told some moments later.
  await eventually(() => holdsOld().length === 0).catch(() => {})
  expect(holdsOld()).toEqual([])
  expect(caches.every(({ invalidations }) => invalidations > 100)).toBe(true)
  for (const cache of caches) cache.stop()
})
