// The quiet neighbour, in a process of its own: few requests at a steady pace, each answer compared with
// what was stored.
import { Agent, request as httpRequest } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { encode } from '../../../bench/lib/client.mjs'
import { percentiles } from '../../load/lib/client.mjs'
import { Link } from './link.mjs'

/**
 * @typedef {object} Target
 * @property {import('./types.mjs').Doors} doors
 * @property {string} token
 */

/** Each kind of request begins every 10 to 20 ms. */
const PACE_MS = { least: 10, most: 20 }
const VISIT_MS = 250
/** A login or a question about health that takes longer is given up. */
const PATIENCE_MS = 10_000
const KEYS = 10

/** @typedef {'get' | 'set' | 'rest' | 'login' | 'health'} Kind */
/** @type {Kind[]} */
const KINDS = ['get', 'set', 'rest', 'login', 'health']

/**
 * @typedef {object} Phase
 * @property {string} name
 * @property {number} from when it began, by performance.now()
 * @property {Record<Kind, number[]>} latencies
 * @property {number} wrong
 * @property {number} errors
 * @property {number} refused
 * @property {number} unanswered
 * @property {string[]} samples
 */

/**
 * @param {string} name
 * @returns {Phase}
 */
const newPhase = (name) => ({
  name,
  from: performance.now(),
  latencies: { get: [], set: [], rest: [], login: [], health: [] },
  wrong: 0,
  errors: 0,
  refused: 0,
  unanswered: 0,
  samples: [],
})

const phases = [newPhase('warm')]

/**
 * The phase in which a request was due, whenever it could be sent.
 * @param {number} due
 */
const phaseAt = (due) => /** @type {Phase} */ (phases.findLast(({ from }) => from <= due) ?? phases[0])

let stopped = false
const lag = monitorEventLoopDelay({ resolution: 5 })
lag.enable()

/**
 * @param {Phase} into
 * @param {string} text
 */
const sample = (into, text) => {
  const short = text.slice(0, 120)
  if (into.samples.length < 5 && !into.samples.includes(short)) into.samples.push(short)
}

/**
 * Requests of one kind, each when it is due; one that is due while the last is not answered waits, and its
 * waiting counts.
 * @param {Kind} kind
 * @param {() => number} pace ms until the next
 * @param {(into: Phase, n: number) => Promise<void>} work
 */
const steadily = async (kind, pace, work) => {
  let due = performance.now()
  for (let n = 0; !stopped; n++) {
    const wait = due - performance.now()
    if (wait > 1) await delay(wait)
    const into = phaseAt(due)
    const late = () => {
      into.unanswered++
      // This one, and all that have become due behind it.
      for (const now = performance.now(); due < now; due += pace())
        phaseAt(due).latencies[kind].push(now - due)
    }
    atStop.add(late)
    await work(into, n)
    atStop.delete(late)
    if (stopped) return
    into.latencies[kind].push(performance.now() - due)
    due += pace()
  }
}
/** @type {Set<() => void>} */
const atStop = new Set()

const usual = () => PACE_MS.least + Math.random() * (PACE_MS.most - PACE_MS.least)

/**
 * @param {Link} link
 * @param {Phase} into
 * @param {Buffer} request
 * @param {string} expected
 */
const asked = async (link, into, request, expected) => {
  if (!link.ready) {
    await link.open().catch(async () => {
      link.close()
      await delay(50)
    })
  }
  const reply = link.ready ? await link.ask(request) : 'lost'
  if (reply === expected) return
  if (reply === 'lost' || reply.startsWith('-')) into.errors++
  else into.wrong++
  sample(into, reply)
}

/**
 * @param {Target} target
 * @param {number} port
 * @param {string} path
 * @param {Agent} agent
 * @param {string} [body] with PUT
 * @returns {Promise<{ status: number, text: string }>}
 */
const http = ({ token }, port, path, agent, body) =>
  new Promise((resolve) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const method = body === undefined ? 'GET' : 'PUT'
    const request = httpRequest(
      { host: '127.0.0.1', port, path, agent, method, headers, timeout: PATIENCE_MS },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => (text += chunk))
        response.on('error', () => resolve({ status: 0, text: 'lost' }))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      },
    )
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', (error) => resolve({ status: 0, text: error.message }))
    request.end(body)
  })

/**
 * @param {Target} target
 * @param {Phase} into
 */
const visit = async (target, into) => {
  const link = new Link(target)
  const outcome = await Promise.race([
    link.open().then(
      () => link.ask(encode(['PING'])),
      (/** @type {Error} */ error) => error.message,
    ),
    delay(PATIENCE_MS, 'no answer in time'),
  ])
  link.close()
  if (outcome === '+PONG') return
  into.refused++
  sample(into, `login: ${outcome}`)
}

/** @param {Target} target */
const live = async (target) => {
  const [reader, writer] = [new Link(target), new Link(target)]
  await reader.open()
  await writer.open()
  const values = Array.from({ length: KEYS }, (_, n) => `value ${n} `.padEnd(100, 'v'))
  for (const [n, value] of values.entries()) await reader.ask(encode(['SET', `read:${n}`, value]))
  const restAgent = new Agent({ keepAlive: true, maxSockets: 1 })
  const base = '/api/automation/v1/kv'
  const document = '{"name":"neighbour","list":[1,2,3]}'
  await http(target, target.doors.httpPort, `${base}/document`, restAgent, document)
  const restAnswer = `{"key":"document","value":${document}}`
  const gets = values.map((_, n) => encode(['GET', `read:${n}`]))
  const healthAgent = new Agent({ keepAlive: true, maxSockets: 1 })
  process.send?.({ told: 'ready' })
  void steadily('get', usual, (into, n) =>
    asked(reader, into, /** @type {Buffer} */ (gets[n % KEYS]), `$${values[n % KEYS]}`),
  )
  void steadily('set', usual, async (into, n) => {
    const value = `written ${n}`
    await asked(writer, into, encode(['SET', `write:${n % KEYS}`, value]), '+OK')
    // What was acknowledged is there; the time of this GET is a part of the SET's.
    if (n % 10 === 0 && writer.ready) {
      const reply = await writer.ask(encode(['GET', `write:${n % KEYS}`]))
      // After an error reply or a lost connection the last SET may not have happened.
      if (reply.startsWith('$written') && reply !== `$${value}`) into.wrong++
    }
  })
  void steadily('rest', usual, async (into) => {
    const { status, text } = await http(target, target.doors.httpPort, `${base}/document`, restAgent)
    if (status === 200 && text === restAnswer) return
    if (status === 200) into.wrong++
    else into.errors++
    sample(into, `REST ${status} ${text}`)
  })
  void steadily(
    'login',
    () => VISIT_MS,
    (into) => visit(target, into),
  )
  void steadily(
    'health',
    () => VISIT_MS,
    async (into) => {
      const { status, text } = await http(target, target.doors.adminPort, '/livez', healthAgent)
      if (status === 200) return
      into.errors++
      sample(into, `health ${status} ${text}`)
    },
  )
}

/** Longest stall of this process's own event loop in each phase, ms. @type {Map<string, number>} */
const lags = new Map()
const endPhase = () => {
  lags.set(phases.at(-1)?.name ?? '', lag.max / 1e6)
  lag.reset()
}

/** @param {string} name */
const report = (name) => {
  const { latencies, wrong, errors, refused, unanswered, samples } =
    phases.find((phase) => phase.name === name) ?? newPhase(name)
  /** @type {Record<string, import('./types.mjs').Latency>} */
  const figures = {}
  for (const kind of KINDS) {
    const { count, p50, p99, max } = percentiles(latencies[kind])
    figures[kind] = { count, p50, p99, max }
  }
  return { ...figures, wrong, errors, refused, unanswered, samples, ownLag: lags.get(name) ?? 0 }
}

process.on('message', (/** @type {{ do: string, target?: Target, name?: string }} */ message) => {
  if (message.do === 'live' && message.target !== undefined) {
    live(message.target).catch((error) => process.send?.({ told: 'failed', why: String(error) }))
  }
  if (message.do === 'phase') {
    endPhase()
    phases.push(newPhase(message.name ?? ''))
  }
  if (message.do === 'report') {
    stopped = true
    endPhase()
    for (const late of atStop) late()
    process.send?.({
      told: 'report',
      reports: Object.fromEntries(phases.map(({ name }) => [name, report(name)])),
    })
  }
})
process.on('disconnect', () => process.exit(0))
