// The server whose costs are measured, before a Redis of its own.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { createStage, startServer } from '../../../bench/lib/contenders.mjs'
import { root, Stop } from '../../../scripts/lib/project.mjs'
import { encode, noCounters, Peer } from '../../abuse/lib/peer.mjs'

/** @typedef {import('./types.mjs').Case} Case */
/** @typedef {import('./types.mjs').Cost} Cost */
/** @typedef {import('./types.mjs').Request} Request */

/** @typedef {{ active: number, cpu: number, heap: number }} Reading */

/** The probe of a server at this socket. @param {string} path */
const probeAt = async (path) => {
  const socket = connect(path)
  await once(socket, 'connect')
  const lines = createInterface(socket)[Symbol.asyncIterator]()
  return {
    /** @param {'settle' | 'now'} what @returns {Promise<Reading>} */
    read: async (what) => {
      socket.write(what)
      const { value, done } = await lines.next()
      if (done) throw new Stop('the server has ended')
      return JSON.parse(value)
    },
    close: () => socket.destroy(),
  }
}

/** Sums of `INFO` of the backing Redis. @param {Redis} redis */
const readRedis = async (redis) => {
  const info = await redis.info('commandstats', 'stats', 'cpu')
  const sum = (/** @type {RegExp} */ pattern) =>
    [...info.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0)
  return {
    micros: sum(/^cmdstat_(?!info|ping|config|auth|hello|client)\S*usec=(\d+)/gm),
    /** Of its main thread, with what is not a command's. */
    cpu: 1e6 * sum(/^used_cpu_(?:user|sys)_main_thread:([\d.]+)/gm),
    bytes: sum(/^total_net_(?:in|out)put_bytes:(\d+)/gm),
  }
}

/** What a case begins with could not be made. */
export class NotMeasured extends Error {}

/** Starts the server; `measure` tells what one size of a case costs. */
export const startSubject = async () => {
  const stage = await createStage()
  const path = join(stage.folder, 'probe')
  const server = await startServer(stage, {
    nodeArgs: ['--expose-gc', '--import', join(root, 'test/cost/lib/probe.mjs')],
    env: { AUTOMATION_KV_TEST_PROBE: path },
  }).catch(async (error) => {
    await stage.close()
    throw error
  })
  const probe = await probeAt(path)
  const redis = new Redis(stage.redis.url, { protocol: 2 })
  const agent = new Agent({ keepAlive: true })
  const run = randomBytes(4).toString('hex')
  let automations = 0

  /**
   * The bytes of the answer, and its error.
   * @param {string} token
   * @param {Request & { door: 'rest' }} request
   */
  const rest = async (token, { method, path: at, body }) => {
    const call = httpRequest({
      agent,
      host: '127.0.0.1',
      port: server.httpPort,
      method,
      path: `/api/automation/v1${at}`,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
    })
    call.end(body)
    const [response] = await once(call, 'response')
    let received = 0
    let start = ''
    for await (const chunk of response) {
      received += chunk.length
      if (start.length < 200) start += chunk.toString('utf8', 0, 200)
    }
    return { received, error: response.statusCode < 400 ? undefined : start.slice(0, 200) }
  }

  /**
   * What one size of a case costs, in a store of its own.
   * @param {Case} one
   * @param {number} size
   */
  const measure = async (one, size) => {
    const automation = `cost-${run}-${++automations}`
    const token = stage.token(automation)
    const counters = noCounters()
    const over = new AbortController()
    const peer = await Peer.open({ port: server.port, password: token, counters, signal: over.signal })
    const charged = async () => Number((await redis.get(`kv:{${automation}}:u`)) ?? 0)
    try {
      const setup = one.setup?.(size) ?? []
      if (setup.length > 0) await peer.send(Buffer.concat(setup.map(encode)), setup.length)
      if (counters.errors > 0) throw new NotMeasured(`setup of ${one.name}: ${counters.samples[0]}`)
      const chargedBefore = await charged()
      const request = one.request(size)
      const { received, errors } = counters
      const before = { ...(await probe.read('settle')), inRedis: await readRedis(redis) }
      peer.lastError = undefined
      const answer =
        request.door === 'rest'
          ? await rest(token, request)
          : await peer.send(request.bytes, request.replies).then(() => ({
              received: counters.received - received,
              error: counters.errors > errors ? (peer.lastError ?? counters.samples.at(-1)) : undefined,
            }))
      const after = { ...(await probe.read('now')), inRedis: await readRedis(redis) }
      const { heap } = await probe.read('settle')
      const sent =
        request.door === 'resp'
          ? request.bytes.length
          : request.path.length + Buffer.byteLength(request.body ?? '')
      const cpu = after.cpu - before.cpu
      return {
        work: sent + answer.received + chargedBefore + (await charged()) + 1_000,
        main: Math.min(cpu, after.active - before.active),
        threads: cpu,
        // By its clock, which goes on while it is interrupted, or by its processor time.
        redis: Math.min(after.inRedis.micros - before.inRedis.micros, after.inRedis.cpu - before.inRedis.cpu),
        wire: after.inRedis.bytes - before.inRedis.bytes,
        held: Math.max(0, heap - before.heap),
        error: answer.error,
      }
    } finally {
      over.abort()
      await redis.flushall()
    }
  }

  return {
    measure,
    async close() {
      agent.destroy()
      redis.disconnect()
      probe.close()
      await server.stop()
      await stage.close()
    },
  }
}
