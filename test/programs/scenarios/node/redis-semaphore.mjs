// redis-semaphore: a mutex and a semaphore that refresh themselves.
import assert from 'node:assert/strict'
import { Redis } from 'ioredis'
import { Mutex, Semaphore } from 'redis-semaphore'
import { check, end, host, password, port, version } from './check.mjs'

version('redis-semaphore')
const client = new Redis({ host, port, password })

const contend = async (make) => {
  let [inside, most] = [0, 0]
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const lock = make()
      await lock.acquire()
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setTimeout(resolve, 10))
      inside--
      await lock.release()
    }),
  )
  return most
}
await check('a mutex lets in one', async () => {
  assert.equal(await contend(() => new Mutex(client, 'mutex', { retryInterval: 5 })), 1)
})
await check('a semaphore lets in three', async () => {
  const most = await contend(() => new Semaphore(client, 'semaphore', 3, { retryInterval: 5 }))
  assert.ok(most <= 3 && most >= 2)
})
end()
