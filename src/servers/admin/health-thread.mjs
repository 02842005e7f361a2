// The operator's listener, in a thread of its own: it answers whatever the main thread does. In plain
// JavaScript, since a thread is started from a file as it lies there, compiled or not.
import { createServer } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'

/**
 * What the main thread tells; the times are those of Date.now().
 * @typedef {{ checks: { name: string, ok: boolean, reason?: string }[], at: number }} Facts
 * @typedef {{ status: number, body: unknown }} Answer
 * @typedef {(query: URLSearchParams) => Answer | Promise<Answer>} Handle
 * @typedef {{ method: string, path: string, handle: Handle }} Route
 */

/** A main thread that has not beaten for so long does not serve; nor are older facts believed. */
const SILENCE_MS = 2_000
/** How long an answer waits for the main thread to tell the newest. */
const PATIENCE_MS = 50
/** Sockets of the operator's listener, and how long one may take for a request. */
const MAX_SOCKETS = 256
const REQUEST_MS = 5_000

const {
  beat,
  host,
  port: wanted,
} = /** @type {{ beat: SharedArrayBuffer, host: string, port: number }} */ (workerData)
const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort)
const lastBeat = new Float64Array(beat)

/** @type {Facts} */
let facts = { checks: [{ name: 'start', ok: false, reason: 'the server is starting' }], at: Date.now() }
/** @type {Set<() => void>} */
const listeners = new Set()

/** Asks the main thread, and goes on with what is known when it is slow. */
const refresh = () =>
  new Promise((/** @type {(value: void) => void} */ resolve) => {
    const done = () => {
      clearTimeout(timer)
      listeners.delete(done)
      resolve()
    }
    const timer = setTimeout(done, PATIENCE_MS)
    listeners.add(done)
    port.postMessage({ type: 'facts?' })
  })

/** @type {(verbose: boolean) => Promise<Answer>} */
const readiness = async (verbose) => {
  await refresh()
  const now = Date.now()
  const silentMs = now - (lastBeat[0] ?? 0)
  const oldMs = now - facts.at
  const checks = [
    silentMs > SILENCE_MS
      ? { name: 'main thread', ok: false, reason: `busy for ${Math.round(silentMs)} ms` }
      : { name: 'main thread', ok: true },
    ...facts.checks,
  ]
  if (oldMs > SILENCE_MS && silentMs <= SILENCE_MS)
    checks.push({ name: 'news', ok: false, reason: `nothing heard of the workers for ${oldMs} ms` })
  const failed = checks.filter(({ ok }) => !ok)
  const state =
    failed.length === 0
      ? { status: 'ready' }
      : { status: 'unavailable', reason: failed.map(({ reason }) => reason).join('; ') }
  return { status: failed.length === 0 ? 200 : 503, body: verbose ? { ...state, checks } : state }
}

const lives = () => ({ status: 200, body: { status: 'ok' } })

/** @type {readonly Route[]} */
const ROUTES = [
  { method: 'GET', path: '/livez', handle: lives },
  { method: 'GET', path: '/healthz', handle: lives },
  { method: 'GET', path: '/readyz', handle: (query) => readiness(query.has('verbose')) },
]

/** @type {(method: string, url: string) => Answer | Promise<Answer>} */
const answer = (method, url) => {
  const [path = '', query] = url.split('?', 2)
  const there = ROUTES.filter((route) => route.path === path)
  const route = there.find((each) => each.method === (method === 'HEAD' ? 'GET' : method))
  if (route !== undefined) return route.handle(new URLSearchParams(query))
  return there.length === 0
    ? { status: 404, body: { error: 'not_found', message: 'there is nothing at this address' } }
    : { status: 405, body: { error: 'method_not_allowed', message: 'this address takes GET' } }
}

const server = createServer(
  { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 },
  async (request, response) => {
    const { status, body } = await answer(request.method ?? '', request.url ?? '')
    const text = JSON.stringify(body)
    response
      .writeHead(status, {
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(text),
        'cache-control': 'no-store',
      })
      .end(text)
  },
)
server.maxConnections = MAX_SOCKETS
server.setTimeout(2 * REQUEST_MS)

port.on('message', (/** @type {{ type: 'facts', facts: Facts } | { type: 'close' }} */ message) => {
  if (message.type === 'facts') {
    facts = message.facts
    for (const done of listeners) done()
    return
  }
  server.close()
  server.closeAllConnections()
  port.close()
})
server.once('error', (/** @type {NodeJS.ErrnoException} */ { code, message }) => {
  port.postMessage({ type: 'failed', code, message })
})
server.listen({ host, port: wanted }, () => {
  const address = server.address()
  port.postMessage({ type: 'listening', port: typeof address === 'object' ? address?.port : 0 })
})
