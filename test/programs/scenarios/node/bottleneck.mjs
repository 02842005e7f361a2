// bottleneck: limits of several processes by scripts, which tell each other by messages.
import assert from 'node:assert/strict'
import Bottleneck from 'bottleneck'
import { Redis } from 'ioredis'
import { check, end, host, password, port, version } from './check.mjs'

version('bottleneck')
const limiterOf = (id, options) => {
  const limiter = new Bottleneck({
    id,
    datastore: 'ioredis',
    Redis,
    clearDatastore: false,
    clientOptions: { host, port, password },
    ...options,
  })
  limiter.on('error', () => {})
  return limiter
}

await check('two processes share a limit of concurrency', async () => {
  const limiters = [1, 2].map(() => limiterOf('shared', { maxConcurrent: 2 }))
  await Promise.all(limiters.map((limiter) => limiter.ready()))
  let [running, most] = [0, 0]
  const task = async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 10))
    running--
  }
  await Promise.all(Array.from({ length: 20 }, (_, i) => limiters[i % 2].schedule(task)))
  assert.equal(most, 2)
  await Promise.all(limiters.map((limiter) => limiter.disconnect()))
})
await check('a reservoir that is filled again', async () => {
  const limiter = limiterOf('reservoir', {
    reservoir: 3,
    reservoirRefreshAmount: 3,
    reservoirRefreshInterval: 500,
  })
  await limiter.ready()
  const began = Date.now()
  await Promise.all(Array.from({ length: 4 }, () => limiter.schedule(async () => {})))
  assert.ok(Date.now() - began >= 300)
  await limiter.disconnect()
})
await check('messages between limiters', async () => {
  const [one, other] = [limiterOf('talk', {}), limiterOf('talk', {})]
  await Promise.all([one.ready(), other.ready()])
  const heard = new Promise((resolve) => other.on('message', resolve))
  await one.publish('hello')
  assert.equal(await heard, 'hello')
  await Promise.all([one.disconnect(), other.disconnect()])
})
end()
