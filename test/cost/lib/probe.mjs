// Loaded into the server under test with `node --expose-gc --import`: tells on a unix socket what time and
// memory it used.
import { createServer } from 'node:net'
import { performance } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

const read = () => {
  const { user, system } = process.cpuUsage()
  const { heapUsed, external } = process.memoryUsage()
  return {
    /** Microseconds in which the event loop of the main thread was not idle. */
    active: performance.eventLoopUtilization().active * 1_000,
    /** Microseconds of all threads. */
    cpu: user + system,
    heap: heapUsed + external,
  }
}

/** A collection takes longer than most requests: garbage below this may stay. */
const LITTLE = 4 * 1024 * 1024
let heapAfterCollection = 0

/** `settle` before a request and after it; `now` while nothing may be done beside it. @param {string} line */
const report = async (line) => {
  // What one collection finalizes (array buffers of sockets) the next one frees.
  for (let i = 0; line === 'settle' && i < 2 && read().heap > heapAfterCollection + LITTLE; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    globalThis.gc?.()
    if (i === 1) heapAfterCollection = read().heap
  }
  return read()
}

if (isMainThread) {
  const server = createServer((socket) => {
    socket.unref()
    socket.on('error', () => {})
    socket.on('data', async (chunk) =>
      socket.write(`${JSON.stringify(await report(String(chunk).trim()))}\n`),
    )
  })
  server.listen(process.env.AUTOMATION_KV_TEST_PROBE)
  server.unref()
}
