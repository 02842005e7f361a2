// BullMQ: its scripts keep jobs in hashes, lists, sorted sets and streams, with cmsgpack and cjson.
import assert from 'node:assert/strict'
import { FlowProducer, Queue, QueueEvents, Worker } from 'bullmq'
import { check, end, host, password, port, version } from './check.mjs'

version('bullmq')
const connection = { host, port, password }
const quietly = (part) => part.on('error', () => {})
const completed = (worker, count) =>
  new Promise((resolve) => {
    let done = 0
    worker.on('completed', () => ++done === count && resolve())
  })
const work = (run, options = {}) => quietly(new Worker('mail', run, { connection, ...options }))

const queue = quietly(new Queue('mail', { connection }))
const events = quietly(new QueueEvents('mail', { connection }))
await Promise.all([queue.waitUntilReady(), events.waitUntilReady()])

await check('a worker takes 100 jobs, ten at a time', async () => {
  const seen = new Set()
  const worker = work(async (job) => seen.add(job.data.n).size, { concurrency: 10 })
  const done = completed(worker, 100)
  await queue.addBulk(Array.from({ length: 100 }, (_, n) => ({ name: 'send', data: { n, text: 'ünïcode' } })))
  await done
  assert.equal(seen.size, 100)
  assert.equal((await queue.getJobCounts('completed')).completed, 100)
  await worker.close()
})
await check('a result is waited for through the events', async () => {
  const worker = work(async () => 'result')
  const job = await queue.add('send', {})
  assert.equal(await job.waitUntilFinished(events, 10_000), 'result')
  await worker.close()
})
await check('delays and priorities', async () => {
  const order = []
  await queue.add('later', {}, { delay: 200 })
  await queue.add('second', {}, { priority: 2 })
  await queue.add('first', {}, { priority: 1 })
  const worker = work(async (job) => order.push(job.name))
  await completed(worker, 3)
  assert.deepEqual(order, ['first', 'second', 'later'])
  await worker.close()
})
await check('retries with a backoff, then failed', async () => {
  let attempts = 0
  const worker = work(async () => {
    attempts++
    throw new Error('not today')
  })
  const failed = new Promise((resolve) =>
    worker.on('failed', (job) => job.attemptsMade === 3 && resolve(job.failedReason)),
  )
  await queue.add('flaky', {}, { attempts: 3, backoff: 10 })
  assert.equal(await failed, 'not today')
  assert.equal(attempts, 3)
  assert.equal((await queue.getFailed()).length, 1)
  await worker.close()
})
await check('a scheduler repeats a job', async () => {
  const worker = work(async () => {})
  const done = completed(worker, 2)
  await queue.upsertJobScheduler('tick', { every: 100 })
  await done
  await queue.removeJobScheduler('tick')
  await worker.close()
})
await check('a flow of parent and children', async () => {
  const flows = quietly(new FlowProducer({ connection }))
  const worker = quietly(
    new Worker(
      'steps',
      async (job) => (job.name === 'parent' ? Object.values(await job.getChildrenValues()).length : 1),
      { connection },
    ),
  )
  const done = new Promise((resolve) =>
    worker.on('completed', (job, result) => job.name === 'parent' && resolve(result)),
  )
  const children = ['a', 'b'].map((name) => ({ name, queueName: 'steps' }))
  await flows.add({ name: 'parent', queueName: 'steps', children })
  assert.equal(await done, 2)
  await worker.close()
  await flows.close()
})
await check('a rate limit of the queue', async () => {
  const times = []
  const worker = work(async () => times.push(Date.now()), { limiter: { max: 2, duration: 300 } })
  const done = completed(worker, 4)
  await queue.addBulk(Array.from({ length: 4 }, () => ({ name: 'limited', data: {} })))
  await done
  assert.ok(times[2] - times[0] >= 200)
  await worker.close()
})
await check('deduplication, pause, clean, obliterate', async () => {
  await queue.pause()
  const first = await queue.add('once', {}, { deduplication: { id: 'x' } })
  const second = await queue.add('once', {}, { deduplication: { id: 'x' } })
  assert.equal(first.id, second.id)
  assert.equal(await queue.isPaused(), true)
  await queue.resume()
  assert.ok((await queue.getJobs(['completed'], 0, 5)).length > 0)
  await queue.clean(0, 100, 'completed')
  await queue.obliterate({ force: true })
  assert.equal(await queue.count(), 0)
})
end()
