// bull: queues in lists and sorted sets, with messages that scripts publish.
import assert from 'node:assert/strict'
import Queue from 'bull'
import { check, end, host, password, port, version } from './check.mjs'

version('bull')
const redis = { host, port, password }
const queueOf = (name) => new Queue(name, { redis, settings: { drainDelay: 1 } }).on('error', () => {})

await check('a worker takes 50 jobs, five at a time', async () => {
  const queue = queueOf('work')
  const seen = new Set()
  const done = new Promise((resolve) => {
    let count = 0
    queue.on('completed', () => ++count === 50 && resolve())
  })
  queue.process(5, async (job) => seen.add(job.data.n).size)
  await queue.addBulk(Array.from({ length: 50 }, (_, n) => ({ data: { n } })))
  await done
  assert.equal(seen.size, 50)
  assert.equal((await queue.getJobCounts()).completed, 50)
  await queue.close()
})
await check('a job is waited for; the result comes by a message', async () => {
  const queue = queueOf('result')
  queue.process(async (job) => job.data.a * 2)
  assert.equal(await (await queue.add({ a: 21 })).finished(), 42)
  await queue.close()
})
await check('delayed jobs, priorities, retries', async () => {
  const queue = queueOf('order')
  const order = []
  let attempts = 0
  await queue.add({ name: 'late' }, { delay: 500 })
  await queue.add({ name: 'flaky' }, { priority: 2, attempts: 2 })
  await queue.add({ name: 'first' }, { priority: 1 })
  await (await queue.add({ name: 'removed' })).remove()
  const done = new Promise((resolve) => {
    let count = 0
    queue.on('completed', () => ++count === 3 && resolve())
  })
  queue.process(async (job) => {
    if (job.data.name === 'flaky' && ++attempts === 1) throw new Error('once more')
    order.push(job.data.name)
  })
  await done
  assert.deepEqual(order, ['first', 'flaky', 'late'])
  assert.equal(attempts, 2)
  await queue.close()
})
await check('repeated jobs, pause and resume, obliterate', async () => {
  const queue = queueOf('repeat')
  const twice = new Promise((resolve) => {
    let count = 0
    queue.on('completed', () => ++count === 2 && resolve())
  })
  queue.process(async () => {})
  await queue.add({}, { repeat: { every: 200 } })
  await twice
  await queue.pause()
  assert.equal(await queue.isPaused(), true)
  await queue.resume()
  await queue.obliterate({ force: true })
  assert.equal(await queue.count(), 0)
  await queue.close()
})
end()
