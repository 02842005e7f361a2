// Loaded into the server under test with `node --expose-gc --import`: tells its memory on a unix socket,
// after a full collection when asked.
import { createServer } from 'node:net'

/** @returns {Promise<void>} */
const collect = () =>
  new Promise((resolve) =>
    setImmediate(() => {
      globalThis.gc?.()
      resolve()
    }),
  )

/** @param {string} line */
const report = async (line) => {
  // What one collection finalizes (array buffers of sockets) the next one frees.
  if (line === 'gc') for (let i = 0; i < 3; i++) await collect()
  const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  return { ...process.memoryUsage(), sockets }
}

const server = createServer((socket) => {
  socket.unref()
  socket.on('error', () => {})
  socket.on('data', async (chunk) => socket.end(JSON.stringify(await report(String(chunk).trim()))))
})
server.listen(process.env.AUTOMATION_KV_TEST_PROBE)
server.unref()
