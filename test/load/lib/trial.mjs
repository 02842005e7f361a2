// What every scenario has in common: a fresh server, a baseline, the load, and what must hold when the
// clients are gone.
import { setTimeout as delay } from 'node:timers/promises'
import { bulk, CheckedClient, drive, encode, OK, openMany } from './client.mjs'
import { MIB, startSubject } from './subject.mjs'

/** What may be left in the heap and in buffers after a full collection: compiled code, pools. */
const LEFT_LIVE_BYTES = 24 * MIB
/** And for each login with another token: the server remembers 10,000 tokens and as many automations. */
const LEFT_LOGIN_BYTES = 4 * 1024
/**
 * Resident memory goes back to the system as the allocator likes, so it may be this share of what came on
 * top, or this much, above the baseline.
 */
const LEFT_RESIDENT_SHARE = 0.5
const LEFT_RESIDENT_BYTES = 96 * MIB
/** A client must be able to log in and work this soon after the load. */
const ANSWER_WITHIN_MS = 2_000

/** @param {unknown} error */
const messageOf = (error) => (error instanceof Error ? error.message : String(error))

/** @param {import('./subject.mjs').Memory} memory */
const live = ({ heapUsed, external }) => heapUsed + external

/**
 * @typedef {import('./subject.mjs').Ground} Ground
 * @typedef {import('./subject.mjs').Subject} Subject
 * @typedef {Partial<{ value: number, limit: number, unit: string, detail: string }>} Finding
 * @typedef {{ what: string, ok: boolean } & Finding} Check
 * @typedef {Record<string, [value: number, unit: string]>} Figures
 */

/**
 * What the work of a scenario gets; it leaves its clients in `clients`. `peak`: resident bytes above the
 * baseline.
 * @typedef {object} Context
 * @property {Ground} ground
 * @property {Subject} server
 * @property {import('./client.mjs').CheckedClient[]} clients
 * @property {(what: string, ok: boolean, detail?: unknown) => void} check
 * @property {(what: string, value: number, limit: number, unit: string) => void} atMost
 * @property {number} baseline
 * @property {() => number} peak
 */

/** @typedef {(context: Context) => Promise<Figures>} Work */
/** @typedef {{ id: string, title: string, logins?: number, work: Work }} Scenario */

/** @typedef {Awaited<ReturnType<typeof trial>>} Row */

/**
 * Code is compiled and pools are filled before the baseline is taken; else they would look like growth.
 * @param {Subject} server
 * @param {Ground} ground
 * @param {number} seconds
 */
const warm = async (server, ground, seconds) => {
  const clients = await openMany(Array(20).fill({ port: server.port, password: ground.token('warm') }))
  const values = [100, 100_000].map((bytes) => Buffer.alloc(bytes, 'w'))
  await drive(clients, seconds, (index, n) => {
    const value = values[n % 20 === 0 || n % 20 === 1 ? 1 : 0]
    const key = `warm:${index}:${value.length}`
    return n % 2 === 0
      ? { request: encode(['SET', key, value]), reply: OK }
      : { request: encode(['GET', key]), reply: bulk(value) }
  })
  // The first subscription makes the link for messages, which then stays.
  await clients[0]?.send(
    encode(['SUBSCRIBE', 'warm']),
    Buffer.from('*3\r\n$9\r\nsubscribe\r\n$4\r\nwarm\r\n:1\r\n'),
  )
  for (const client of clients) client.close()
}

/**
 * Runs one scenario and answers its row, with `memory` in bytes.
 * @param {Ground} ground
 * @param {Scenario} scenario
 * @param {number} warmSeconds
 */
export const trial = async (ground, { id, title, logins = 0, work }, warmSeconds) => {
  const server = await startSubject(ground)
  /** @type {Check[]} */
  const checks = []
  /** @type {Context['check']} */
  const check = (what, ok, detail = '') =>
    checks.push({ what, ok, ...(ok ? {} : { detail: String(detail) }) })
  /** @type {Context['atMost']} */
  const atMost = (what, value, limit, unit) => checks.push({ what, value, limit, unit, ok: value <= limit })
  try {
    await warm(server, ground, warmSeconds)
    const before = await server.settled()
    // Links to the Redis and the listeners; the clients of the warming up are gone by then.
    const sockets = await server.quiet(0, 500)
    const baseline = server.resident().now
    /** @type {Context['clients']} */
    const clients = []
    const context = {
      ground,
      server,
      clients,
      check,
      atMost,
      baseline,
      peak: () => server.resident().peak - baseline,
    }
    /** @type {Figures} */
    let figures = {}
    try {
      figures = await work(context)
    } catch (error) {
      check('every reply comes, and is right', false, messageOf(error))
    }
    if (!checks.some(({ what }) => what.startsWith('every reply')))
      check('every reply comes, and is right', true)
    const { peak } = server.resident()
    for (const client of clients) client.close()
    const left = await server.quiet(sockets)
    atMost('connections left when the clients are gone', left - sockets, 0, '')
    const idle = server.resident().now
    await delay(1_000)
    const after = await server.settled()
    const resident = server.resident().now
    atMost(
      'heap and buffers above the baseline afterwards',
      live(after) - live(before),
      LEFT_LIVE_BYTES + logins * LEFT_LOGIN_BYTES,
      'bytes',
    )
    const allowed = Math.max(LEFT_RESIDENT_BYTES, (peak - baseline) * LEFT_RESIDENT_SHARE)
    atMost('resident memory above the baseline afterwards', resident - baseline, allowed, 'bytes')
    const startedAt = performance.now()
    const answered = await Promise.race([lives(server, ground), delay(10_000, 'no answer')])
    check('a new client is served afterwards', answered === 'yes', answered)
    atMost(
      'time until a new client is served afterwards',
      performance.now() - startedAt,
      ANSWER_WITHIN_MS,
      'ms',
    )
    check('nothing is wrong in the log', server.faults.length === 0, server.faults[0])
    const memory = {
      baseline,
      peak,
      idle,
      settled: resident,
      liveBefore: live(before),
      liveAfter: live(after),
    }
    return { id, title, figures, checks, memory }
  } finally {
    await server.stop()
  }
}

/** @param {Subject} server @param {Ground} ground */
const lives = async (server, ground) => {
  try {
    const client = await CheckedClient.open({ port: server.port, password: ground.token('afterwards') })
    const value = Buffer.from(`still here ${Date.now()}`)
    await client.send(encode(['SET', 'after', value]), OK)
    await client.send(encode(['GET', 'after']), bulk(value))
    client.close()
    return 'yes'
  } catch (error) {
    return messageOf(error)
  }
}
