// node-redis, as its users use it; the argument is the protocol.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { createClient, createClientPool, defineScript, RESP_TYPES, WatchError } from 'redis'
import { feature, host, none, port, restart, tell, token, url } from './probe.mjs'

const RESP = process.argv[2] === '3' ? 3 : 2
tell('version', createRequire(import.meta.url)('redis/package.json').version)

const bump = defineScript({
  SCRIPT: "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}",
  NUMBER_OF_KEYS: 1,
  parseCommand(parser, /** @type {string} */ key, /** @type {string} */ text) {
    parser.pushKey(key)
    parser.push(text)
  },
  transformReply: (reply) => reply,
})
/** @param {import('redis').RedisClientOptions} options */
const open = async (options) => {
  const client = createClient({ RESP, scripts: { bump }, ...options })
  client.on('error', () => {})
  await client.connect()
  return client
}
const redis = await open({ socket: { host, port }, password: token })
const bytes = redis.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })

await feature('url', async () => {
  const client = await open({ url, name: 'probe' })
  assert.equal(await client.ping(), 'PONG')
  assert.equal(await client.clientGetName(), 'probe')
  await client.close()
})
await feature('hostport', async () => {
  assert.equal(await redis.ping(), 'PONG')
  assert.match(await redis.info(), /redis_version/)
  assert.ok((await redis.clientInfo()).id > 0)
})
await feature('strings', async () => {
  assert.equal(await redis.set('s', 'v', { expiration: { type: 'EX', value: 100 }, condition: 'NX' }), 'OK')
  assert.equal(await redis.set('s', 'w', { condition: 'NX' }), null)
  assert.equal(await redis.get('s'), 'v')
  assert.equal(await redis.incr('n'), 1)
  assert.equal(await redis.incrByFloat('f', 1.5), '1.5')
  assert.equal(await redis.append('s', 'w'), 2)
  await redis.mSet({ a: '1', b: '2' })
  assert.deepEqual(await redis.mGet(['a', 'b', 'c']), ['1', '2', null])
  assert.equal(await redis.getDel('s'), 'vw')
})
await feature('lists', async () => {
  assert.equal(await redis.rPush('l', ['a', 'b', 'c']), 3)
  assert.deepEqual(await redis.lRange('l', 0, -1), ['a', 'b', 'c'])
  assert.equal(await redis.lPop('l'), 'a')
  assert.deepEqual(await redis.rPopCount('l', 2), ['c', 'b'])
})
await feature('hashes', async () => {
  assert.equal(await redis.hSet('h', { a: '1', b: '2' }), 2)
  assert.deepEqual({ ...(await redis.hGetAll('h')) }, { a: '1', b: '2' })
  assert.equal(await redis.hIncrBy('h', 'a', 2), 3)
  const seen = []
  for await (const entries of redis.hScanIterator('h')) seen.push(...[entries].flat())
  assert.equal(seen.length, 2)
})
await feature('sets', async () => {
  await redis.sAdd('t', ['a', 'b'])
  await redis.sAdd('u', ['b', 'c'])
  assert.deepEqual([...(await redis.sInter(['t', 'u']))], ['b'])
  assert.deepEqual(new Set(await redis.sMembers('t')), new Set(['a', 'b']))
})
await feature('zsets', async () => {
  await redis.zAdd('z', [
    { score: 1, value: 'a' },
    { score: 2.5, value: 'b' },
  ])
  const pairs = (/** @type {{ value: unknown, score: unknown }[]} */ found) =>
    found.map(({ value, score }) => ({ value, score }))
  assert.deepEqual(pairs(await redis.zRangeWithScores('z', 0, -1)), [
    { value: 'a', score: 1 },
    { value: 'b', score: 2.5 },
  ])
  assert.equal(await redis.zScore('z', 'b'), 2.5)
  assert.equal((await redis.zPopMin('z'))?.value, 'a')
})
await feature('streams', async () => {
  const id = await redis.xAdd('x', '*', { k: 'v' })
  assert.equal(await redis.xGroupCreate('x', 'g', '0'), 'OK')
  const [stream] = (await redis.xReadGroup('g', 'c', [{ key: 'x', id: '>' }], { COUNT: 1 })) ?? []
  assert.equal(stream?.name, 'x')
  assert.deepEqual([stream?.messages[0].id, { ...stream?.messages[0].message }], [id, { k: 'v' }])
  assert.equal((await redis.xInfoStream('x')).length, 1)
  assert.equal(await redis.xAck('x', 'g', id), 1)
})
await feature('pipeline', async () => {
  const replies = await Promise.all(Array.from({ length: 500 }, () => redis.incr('pipelined')))
  assert.equal(replies.at(-1), 500)
  assert.deepEqual(await redis.multi().set('p', '1').get('p').execAsPipeline(), ['OK', '1'])
})
await feature('transaction', async () => {
  assert.deepEqual(await redis.multi().set('m', '1').incr('m').exec(), ['OK', 2])
  const watcher = await redis
    .duplicate()
    .on('error', () => {})
    .connect()
  await watcher.watch('m')
  await redis.set('m', '9')
  await assert.rejects(watcher.multi().incr('m').exec(), WatchError)
  await watcher.close()
})
await feature('pubsub', async () => {
  const listener = await redis
    .duplicate()
    .on('error', () => {})
    .connect()
  /** @type {string[]} */
  const heard = []
  const kept = (/** @type {string[]} */ ...words) => heard.push(words.join(' '))
  await listener.subscribe('news', kept)
  await listener.pSubscribe('ne*', kept)
  await listener.sSubscribe('shard', kept)
  await listener.ping()
  assert.equal(await redis.publish('news', 'hello'), 2)
  assert.equal(await redis.sPublish('shard', 's'), 1)
  await listener.ping()
  assert.deepEqual(heard.sort(), ['hello news', 'hello news', 's shard'])
  await listener.unsubscribe()
  await listener.pUnsubscribe()
  await listener.sUnsubscribe()
  assert.equal(await listener.get('none'), null)
  listener.destroy()
})
await feature('blocking', async () => {
  const waiter = await redis
    .duplicate()
    .on('error', () => {})
    .connect()
  const popped = waiter.blPop('later', 10)
  await redis.rPush('later', 'job')
  assert.deepEqual({ ...(await popped) }, { key: 'later', element: 'job' })
  assert.equal(await waiter.bzPopMin('never', 0.05), null)
  await waiter.close()
  const pool = await createClientPool({ RESP, url })
    .on('error', () => {})
    .connect()
  assert.equal(await pool?.ping(), 'PONG')
  await pool?.close()
})
await feature('script', async () => {
  assert.deepEqual(await redis.bump('c', 'x'), ['c', 'x', 1])
  assert.deepEqual(await redis.bump('c', 'x'), ['c', 'x', 2])
  assert.deepEqual(await redis.multi().bump('c', 'y').exec(), [['c', 'y', 3]])
  await assert.rejects(redis.evalSha('0'.repeat(40)), /NOSCRIPT/)
})
none('lock', 'not part of the client')
await feature('resp3', async () => {
  assert.equal((await redis.hello()).proto, RESP)
})
await feature('scan', async () => {
  await Promise.all(Array.from({ length: 150 }, (_, i) => redis.set(`scan:${i}`, `${i}`)))
  const found = new Set()
  for await (const keys of redis.scanIterator({ MATCH: 'scan:*', COUNT: 10 }))
    for (const key of keys) found.add(key)
  assert.equal(found.size, 150)
})
await feature('binary', async () => {
  const blob = Buffer.concat([
    Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    Buffer.from('\r\n$-1\r\n'),
  ])
  await redis.set(Buffer.from('bin\xff\0', 'latin1'), blob)
  assert.deepEqual(await bytes.get(Buffer.from('bin\xff\0', 'latin1')), blob)
})
await feature('big', async () => {
  const big = randomBytes(900 * 1024)
  await redis.set('big', big)
  assert.deepEqual(await bytes.get('big'), big)
})
await feature('errors', async () => {
  await redis.set('string', 'v')
  await assert.rejects(redis.lPush('string', 'x'), { message: /^WRONGTYPE / })
  await assert.rejects(redis.configSet('maxmemory', '1'), { message: /^NOPERM / })
  const refusal = (
    /** @type {import('redis').RedisClientOptions} */ options,
    /** @type {RegExp} */ pattern,
  ) =>
    assert.rejects(
      open({ socket: { host, port, reconnectStrategy: false }, ...options }).then((client) =>
        client.get('x').finally(() => client.destroy()),
      ),
      pattern,
    )
  await refusal({ password: 'wrong' }, /WRONGPASS/)
  await refusal({}, /NOAUTH/)
})
await feature('reconnect', async () => {
  await redis.set('before', '1')
  const listener = await redis
    .duplicate()
    .on('error', () => {})
    .connect()
  /** @type {(message: string) => void} */
  let heard = () => {}
  const got = new Promise((resolve) => {
    heard = resolve
  })
  await listener.subscribe('again', (message) => heard(message))
  await restart()
  assert.equal(await redis.get('before'), '1')
  while ((await redis.publish('again', 'x')) === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(await got, 'x')
  listener.destroy()
})
redis.destroy()
