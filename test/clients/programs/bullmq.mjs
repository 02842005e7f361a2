// @ts-nocheck: bullmq is installed in a folder of its own, where this program is copied.
// BullMQ over ioredis: streams for its events, scripts with cmsgpack and cjson, sorted sets for what is
// delayed, BZPOPMIN for the workers.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { FlowProducer, Queue, QueueEvents, Worker } from 'bullmq'
import { feature, host, port, restart, tell, token } from './probe.mjs'

tell('version', createRequire(import.meta.url)('bullmq/package.json').version)
const connection = { host, port, password: token }
const quietly = (part) => part.on('error', () => {})
const completed = (worker, count) =>
  new Promise((resolve) => {
    let done = 0
    worker.on('completed', () => ++done === count && resolve())
  })

const queue = quietly(new Queue('mail', { connection }))
const events = quietly(new QueueEvents('mail', { connection }))
await events.waitUntilReady()

await feature('worker', async () => {
  const seen = new Set()
  const worker = quietly(
    new Worker('mail', async (job) => seen.add(job.data.n).size, { connection, concurrency: 5 }),
  )
  const done = completed(worker, 50)
  await queue.addBulk(Array.from({ length: 50 }, (_, n) => ({ name: 'send', data: { n, text: 'ünïcode' } })))
  await done
  assert.equal(seen.size, 50)
  assert.equal((await queue.getJobCounts('completed')).completed, 50)
  await worker.close()
})
await feature('events', async () => {
  const worker = quietly(new Worker('mail', async () => 'result', { connection }))
  const job = await queue.add('send', {})
  assert.equal(await job.waitUntilFinished(events, 10_000), 'result')
  await worker.close()
})
await feature('delayed', async () => {
  const worker = quietly(new Worker('mail', async () => {}, { connection }))
  const done = completed(worker, 3)
  await queue.add('later', {}, { delay: 200 })
  await queue.add('first', {}, { priority: 1 })
  await queue.add('second', {}, { priority: 2 })
  await done
  await worker.close()
})
await feature('retries', async () => {
  let attempts = 0
  const worker = quietly(
    new Worker(
      'mail',
      async () => {
        if (++attempts < 3) throw new Error('not yet')
      },
      { connection },
    ),
  )
  const done = completed(worker, 1)
  await queue.add('flaky', {}, { attempts: 3, backoff: 10 })
  await done
  assert.equal(attempts, 3)
  await worker.close()
})
await feature('scheduler', async () => {
  const worker = quietly(new Worker('mail', async () => {}, { connection }))
  const done = completed(worker, 2)
  await queue.upsertJobScheduler('tick', { every: 100 })
  await done
  await queue.removeJobScheduler('tick')
  await worker.close()
})
await feature('flow', async () => {
  const flows = quietly(new FlowProducer({ connection }))
  const worker = quietly(
    new Worker(
      'steps',
      async (job) => (job.name === 'parent' ? Object.values(await job.getChildrenValues()).length : 1),
      { connection },
    ),
  )
  const done = completed(worker, 3)
  await flows.add({
    name: 'parent',
    queueName: 'steps',
    children: [
      { name: 'a', queueName: 'steps' },
      { name: 'b', queueName: 'steps' },
    ],
  })
  await done
  await worker.close()
  await flows.close()
})
await feature('maintenance', async () => {
  await queue.pause()
  await queue.resume()
  assert.ok((await queue.getJobs(['completed'], 0, 5)).length > 0)
  await queue.clean(0, 100, 'completed')
  await queue.obliterate({ force: true })
  assert.equal(await queue.count(), 0)
})
await feature('reconnect', async () => {
  const worker = quietly(new Worker('mail', async () => {}, { connection }))
  await worker.waitUntilReady()
  await restart()
  const done = completed(worker, 1)
  await queue.add('after', {})
  await done
  await worker.close(true)
})
process.exit(0)
