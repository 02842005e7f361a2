// rate-limiter-flexible: counters by a script, with blocks and penalties.
import assert from 'node:assert/strict'
import { Redis } from 'ioredis'
import { BurstyRateLimiter, RateLimiterRedis } from 'rate-limiter-flexible'
import { check, end, host, password, port, version } from './check.mjs'

version('rate-limiter-flexible')
const storeClient = new Redis({ host, port, password })
const refused = (promise) =>
  promise.then(
    () => assert.fail('was allowed'),
    (told) => told,
  )

await check('points are consumed, then refused', async () => {
  const limiter = new RateLimiterRedis({ storeClient, keyPrefix: 'a', points: 5, duration: 60 })
  const told = await Promise.all(Array.from({ length: 5 }, () => limiter.consume('user')))
  assert.equal(Math.min(...told.map((one) => one.remainingPoints)), 0)
  const refusal = await refused(limiter.consume('user'))
  assert.ok(refusal.msBeforeNext > 50_000)
  await limiter.reward('user', 2)
  assert.equal((await limiter.get('user')).consumedPoints, 4)
  await limiter.delete('user')
  assert.equal(await limiter.get('user'), null)
})
await check('a window ends, a block lasts', async () => {
  const limiter = new RateLimiterRedis({
    storeClient,
    keyPrefix: 'b',
    points: 1,
    duration: 1,
    blockDuration: 30,
  })
  await limiter.consume('user')
  await refused(limiter.consume('user'))
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  await refused(limiter.consume('user'))
})
await check('bursts', async () => {
  const bursty = new BurstyRateLimiter(
    new RateLimiterRedis({ storeClient, keyPrefix: 'c', points: 1, duration: 1 }),
    new RateLimiterRedis({ storeClient, keyPrefix: 'd', points: 2, duration: 10 }),
  )
  for (let i = 0; i < 3; i++) await bursty.consume('user')
  await refused(bursty.consume('user'))
})
end()
