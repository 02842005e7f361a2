// cacheable: a layer in memory before one in Redis.
import assert from 'node:assert/strict'
import KeyvRedis from '@keyv/redis'
import { Cacheable } from 'cacheable'
import { check, end, url, version } from './check.mjs'

version('cacheable')
const cacheOf = () => new Cacheable({ secondary: new KeyvRedis(url), ttl: '1h' })

await check('what one process keeps another one finds', async () => {
  const [one, other] = [cacheOf(), cacheOf()]
  await one.set('user', { name: 'Ada' })
  assert.deepEqual(await other.get('user'), { name: 'Ada' })
  await one.delete('user')
  assert.equal(await cacheOf().get('user'), undefined)
})
await check('a function is called once', async () => {
  const cache = cacheOf()
  let calls = 0
  const slow = cache.wrap(async (n) => ++calls + n, { ttl: '1m', keyPrefix: 'slow' })
  assert.deepEqual([await slow(1), await slow(1)], [2, 2])
  assert.equal(calls, 1)
})
await check('many at once', async () => {
  const cache = cacheOf()
  await cache.setMany(Array.from({ length: 100 }, (_, i) => ({ key: `k${i}`, value: i, ttl: '1m' })))
  assert.deepEqual(await cacheOf().getMany(['k0', 'k99']), [0, 99])
})
end()
