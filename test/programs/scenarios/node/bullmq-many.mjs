// BullMQ with many jobs: how long adding, working and obliterating take.
import assert from 'node:assert/strict'
import { Queue, Worker } from 'bullmq'
import { check, end, host, password, port, version } from './check.mjs'

version('bullmq')
const connection = { host, port, password }
const sizes = String(process.env.KV_JOBS ?? '1000,10000')
  .split(',')
  .map(Number)
const quietly = (part) => part.on('error', () => {})
const jobs = (count) => Array.from({ length: count }, (_, n) => ({ name: 'job', data: { n } }))

for (const count of sizes) {
  const queue = quietly(new Queue(`many-${count}`, { connection }))
  await queue.waitUntilReady()
  const half = count / 2
  await check(`${count} jobs: half of them added in bulk`, async () => {
    for (let done = 0; done < half; done += 500) await queue.addBulk(jobs(500))
    assert.equal(await queue.getWaitingCount(), half)
  })
  await check(`${count} jobs: the other half one by one, 50 at once`, async () => {
    let left = half
    const add = async () => {
      while (left-- > 0) await queue.add('job', { n: left })
    }
    await Promise.all(Array.from({ length: 50 }, add))
    assert.equal(await queue.getWaitingCount(), count)
  })
  await check(`${count} jobs: worked off, 50 at once`, async () => {
    let worked = 0
    const worker = quietly(new Worker(queue.name, async () => {}, { connection, concurrency: 50 }))
    await new Promise((resolve) => worker.on('completed', () => ++worked === count && resolve()))
    assert.equal(await queue.getCompletedCount(), count)
    await worker.close()
  })
  await check(`${count} jobs: obliterated`, async () => {
    await queue.obliterate({ force: true })
    assert.equal(await queue.getCompletedCount(), 0)
  })
}
end()
