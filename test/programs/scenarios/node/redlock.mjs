// redlock: locks by scripts that compare a token.
import assert from 'node:assert/strict'
import { Redis } from 'ioredis'
import Redlock from 'redlock'
import { check, end, host, password, port, version } from './check.mjs'

version('redlock')
const client = new Redis({ host, port, password })
const redlock = new Redlock([client], { retryCount: 50, retryDelay: 20, retryJitter: 5 })
redlock.on('clientError', () => {})

await check('ten contenders enter one after the other', async () => {
  let [inside, most, entered] = [0, 0, 0]
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const lock = await redlock.lock('door', 5_000)
      most = Math.max(most, ++inside)
      entered++
      await new Promise((resolve) => setTimeout(resolve, 5))
      inside--
      await lock.unlock()
    }),
  )
  assert.deepEqual([most, entered], [1, 10])
})
await check('a lock is extended, and ends by itself', async () => {
  const once = new Redlock([client], { retryCount: 0 })
  const lock = await once.lock('short', 300)
  await lock.extend(800)
  await new Promise((resolve) => setTimeout(resolve, 400))
  await assert.rejects(once.lock('short', 300))
  await new Promise((resolve) => setTimeout(resolve, 600))
  await (await once.lock('short', 300)).unlock()
})
end()
