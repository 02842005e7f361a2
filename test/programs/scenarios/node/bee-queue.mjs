// bee-queue: lists with BRPOPLPUSH, scripts that publish.
import assert from 'node:assert/strict'
import Queue from 'bee-queue'
import { check, end, host, password, port, version } from './check.mjs'

version('bee-queue')
const queueOf = (name) =>
  new Queue(name, { redis: { host, port, password }, activateDelayedJobs: true }).on('error', () => {})

await check('30 jobs, three at a time', async () => {
  const queue = queueOf('work')
  const seen = new Set()
  const done = new Promise((resolve) => queue.on('succeeded', () => seen.size === 30 && resolve()))
  queue.process(3, async (job) => seen.add(job.data.n).size)
  await queue.saveAll(Array.from({ length: 30 }, (_, n) => queue.createJob({ n })))
  await done
  assert.equal((await queue.checkHealth()).waiting, 0)
  await queue.close()
})
await check('results and progress come as messages', async () => {
  const queue = queueOf('events')
  const job = queue.createJob({ x: 2 })
  const progress = new Promise((resolve) => job.on('progress', resolve))
  const result = new Promise((resolve) => job.on('succeeded', resolve))
  await job.save()
  queue.process(async (taken) => {
    taken.reportProgress({ page: 1 })
    return taken.data.x + 40
  })
  assert.deepEqual(await progress, { page: 1 })
  assert.equal(await result, 42)
  await queue.close()
})
await check('retries, and jobs that are due later', async () => {
  const queue = queueOf('later')
  let attempts = 0
  const done = new Promise((resolve) => queue.on('succeeded', resolve))
  await queue
    .createJob({})
    .retries(2)
    .delayUntil(Date.now() + 200)
    .save()
  queue.process(async () => {
    if (++attempts < 3) throw new Error('again')
  })
  await done
  assert.equal(attempts, 3)
  await queue.close()
})
end()
