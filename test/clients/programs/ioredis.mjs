// ioredis, as its users use it.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { Redis } from 'ioredis'
import { feature, host, none, port, restart, tell, token, url } from './probe.mjs'

tell('version', createRequire(import.meta.url)('ioredis/package.json').version)
/**
 * With the command that `defineCommand` adds.
 * @typedef {object} Bumping
 * @property {(key: string, word: string) => Promise<unknown>} bump
 * @property {() => { bump(key: string, word: string): import('ioredis').ChainableCommander }} pipeline
 */

const redis = new Redis({ host, port, password: token })
redis.on('error', () => {})

await feature('url', async () => {
  const client = new Redis(url, { connectionName: 'probe' })
  assert.equal(await client.ping(), 'PONG')
  assert.equal(await client.client('GETNAME'), 'probe')
  await client.quit()
})
await feature('hostport', async () => {
  assert.equal(await redis.ping(), 'PONG')
  assert.match(await redis.info(), /redis_version/)
})
await feature('strings', async () => {
  assert.equal(await redis.set('s', 'v', 'EX', 100, 'NX'), 'OK')
  assert.equal(await redis.set('s', 'w', 'NX'), null)
  assert.equal(await redis.get('s'), 'v')
  assert.equal(await redis.incr('n'), 1)
  assert.equal(await redis.incrbyfloat('f', 1.5), '1.5')
  assert.equal(await redis.append('s', 'w'), 2)
  await redis.mset({ a: '1', b: '2' })
  assert.deepEqual(await redis.mget('a', 'b', 'c'), ['1', '2', null])
  assert.equal(await redis.getdel('s'), 'vw')
})
await feature('lists', async () => {
  assert.equal(await redis.rpush('l', 'a', 'b', 'c'), 3)
  assert.deepEqual(await redis.lrange('l', 0, -1), ['a', 'b', 'c'])
  assert.equal(await redis.lpop('l'), 'a')
  assert.deepEqual(await redis.rpop('l', 2), ['c', 'b'])
})
await feature('hashes', async () => {
  assert.equal(await redis.hset('h', { a: '1', b: '2' }), 2)
  assert.deepEqual({ ...(await redis.hgetall('h')) }, { a: '1', b: '2' })
  assert.equal(await redis.hincrby('h', 'a', 2), 3)
  assert.deepEqual(await redis.hmget('h', 'a', 'x'), ['3', null])
})
await feature('sets', async () => {
  await redis.sadd('t', 'a', 'b')
  await redis.sadd('u', 'b', 'c')
  assert.deepEqual(await redis.sinter('t', 'u'), ['b'])
  assert.equal(await redis.sismember('t', 'a'), 1)
})
await feature('zsets', async () => {
  await redis.zadd('z', 1, 'a', '2.5', 'b')
  assert.deepEqual(await redis.zrange('z', '0', '-1', 'WITHSCORES'), ['a', '1', 'b', '2.5'])
  assert.equal(await redis.zincrby('z', 2, 'a'), '3')
})
await feature('streams', async () => {
  const id = await redis.xadd('x', '*', 'k', 'v')
  await redis.xgroup('CREATE', 'x', 'g', '0')
  assert.deepEqual(await redis.xreadgroup('GROUP', 'g', 'c', 'COUNT', 1, 'STREAMS', 'x', '>'), [
    ['x', [[id, ['k', 'v']]]],
  ])
  assert.equal(await redis.xack('x', 'g', String(id)), 1)
})
await feature('pipeline', async () => {
  const pipeline = redis.pipeline()
  for (let i = 0; i < 500; i++) pipeline.incr('pipelined')
  assert.deepEqual((await pipeline.exec())?.at(-1), [null, 500])
  const auto = new Redis({ host, port, password: token, enableAutoPipelining: true })
  assert.deepEqual(await Promise.all([auto.set('p', '1'), auto.get('p')]), ['OK', '1'])
  await auto.quit()
})
await feature('transaction', async () => {
  assert.deepEqual(await redis.multi().set('m', '1').incr('m').exec(), [
    [null, 'OK'],
    [null, 2],
  ])
  const watcher = redis.duplicate()
  await watcher.watch('m')
  await redis.set('m', '9')
  assert.equal(await watcher.multi().incr('m').exec(), null)
  await watcher.quit()
})
await feature('pubsub', async () => {
  const listener = redis.duplicate()
  assert.equal(await listener.subscribe('news'), 1)
  assert.equal(await listener.psubscribe('ne*'), 2)
  const message = new Promise((resolve) => listener.once('message', (...args) => resolve(args)))
  const patterned = new Promise((resolve) => listener.once('pmessage', (...args) => resolve(args)))
  assert.equal(await redis.publish('news', 'hello'), 2)
  assert.deepEqual(await message, ['news', 'hello'])
  assert.deepEqual(await patterned, ['ne*', 'news', 'hello'])
  assert.ok(await listener.ping())
  assert.equal(await listener.unsubscribe('news'), 1)
  assert.equal(await listener.punsubscribe('ne*'), 0)
  assert.equal(await listener.get('none'), null)
  await listener.quit()
})
await feature('blocking', async () => {
  const waiter = redis.duplicate()
  const popped = waiter.blpop('later', 10)
  await redis.rpush('later', 'job')
  assert.deepEqual(await popped, ['later', 'job'])
  assert.equal(await waiter.blpop('never', 0.05), null)
  await waiter.quit()
})
await feature('script', async () => {
  redis.defineCommand('bump', {
    numberOfKeys: 1,
    lua: "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}",
  })
  const scripted = /** @type {Bumping} */ (/** @type {unknown} */ (redis))
  assert.deepEqual(await scripted.bump('c', 'x'), ['c', 'x', 1])
  assert.deepEqual(await scripted.bump('c', 'x'), ['c', 'x', 2])
  assert.deepEqual(await scripted.pipeline().bump('c', 'y').exec(), [[null, ['c', 'y', 3]]])
  await assert.rejects(redis.evalsha('0'.repeat(40), 0), /NOSCRIPT/)
})
none('lock', 'not part of the client')
await feature('resp3', async () => {
  for (const protocol of /** @type {const} */ ([2, 3])) {
    const client = new Redis({ host, port, password: token, protocol })
    await client.hset('h3', 'a', '1')
    assert.equal((await client.hgetall('h3')).a, '1')
    const hello = await client.call('HELLO')
    const flat = Array.isArray(hello) ? hello.flat() : Object.entries(/** @type {object} */ (hello)).flat()
    assert.equal(flat[flat.indexOf('proto') + 1], protocol)
    await client.quit()
  }
})
await feature('scan', async () => {
  await Promise.all(Array.from({ length: 150 }, (_, i) => redis.set(`scan:${i}`, i)))
  const found = new Set()
  for await (const keys of redis.scanStream({ match: 'scan:*', count: 10 }))
    for (const key of keys) found.add(key)
  assert.equal(found.size, 150)
})
await feature('binary', async () => {
  const blob = Buffer.concat([
    Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    Buffer.from('\r\n$-1\r\n'),
  ])
  await redis.set(Buffer.from('bin\xff\0', 'latin1'), blob)
  assert.deepEqual(await redis.getBuffer(Buffer.from('bin\xff\0', 'latin1')), blob)
})
await feature('big', async () => {
  const big = randomBytes(900 * 1024)
  await redis.set('big', big)
  assert.deepEqual(await redis.getBuffer('big'), big)
})
await feature('errors', async () => {
  await redis.set('string', 'v')
  await assert.rejects(redis.lpush('string', 'x'), { name: 'ReplyError', message: /^WRONGTYPE / })
  await assert.rejects(redis.config('SET', 'maxmemory', '1'), /^ReplyError: NOPERM/)
  const refusal = async (/** @type {import('ioredis').RedisOptions} */ options) => {
    const client = new Redis({
      host,
      port,
      lazyConnect: true,
      maxRetriesPerRequest: 0,
      retryStrategy: null,
      ...options,
    })
    /** @type {Promise<Error>} */
    const seen = new Promise((resolve) => client.once('error', resolve))
    await assert.rejects(client.connect())
    client.disconnect()
    return (await seen).message
  }
  assert.match(await refusal({ password: 'wrong' }), /^WRONGPASS /)
  assert.match(await refusal({}), /^NOAUTH /)
})
await feature('reconnect', async () => {
  await redis.set('before', '1')
  const listener = redis.duplicate()
  await listener.subscribe('again')
  const message = new Promise((resolve) => listener.once('message', (_, text) => resolve(text)))
  await restart()
  assert.equal(await redis.get('before'), '1')
  while ((await redis.publish('again', 'x')) === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(await message, 'x')
  listener.disconnect()
})
redis.disconnect()
