// One row from start to end: fresh server, neighbour, abuser, attack, the time after it.
import { setTimeout as delay } from 'node:timers/promises'
import { Abuser } from './abuser.mjs'
import { startMeasuring } from './measure.mjs'
import { startNeighbour } from './neighbour.mjs'
import { startSubject } from './subject.mjs'
import { mint } from './tokens.mjs'

/** Filling a store may take so long. */
const SETUP_MS = 60_000
const WARM_MS = 500

/**
 * @typedef {object} TrialOptions
 * @property {number} seconds of the attack
 * @property {number} after seconds after it
 * @property {number} processes
 * @property {number} [scale]
 * @property {string} [dist]
 * @property {Record<string, string>} [env]
 */

/** @typedef {import('./types.mjs').Result} Result */
/** @typedef {import('./types.mjs').Row} Row */

/**
 * Runs rows at the same time, each with an automation of its own and spread over some processes. With
 * `keepServing` a server that ends is started again; else the row is over. `share` burns processor time
 * instead.
 * @param {Pick<Row, 'name' | 'title' | 'door' | 'scope'>} heading
 * @param {Row[][]} groups rows by the process that runs them
 * @param {TrialOptions & { keepServing?: boolean, share?: number }} options
 * @returns {Promise<Result>}
 */
export const trial = async (heading, groups, options) => {
  const { seconds, after, processes, scale = 1, keepServing = false, share, dist, env } = options
  const subject = await startSubject({
    processes,
    ...(dist === undefined ? {} : { dist }),
    ...(env === undefined ? {} : { env }),
  })
  /** @type {string | undefined} */
  let ended
  /** @type {() => void} */
  let giveUp = () => {}
  const over = /** @type {Promise<void>} */ (new Promise((resolve) => (giveUp = resolve)))
  const measuring = startMeasuring(subject, (why) => {
    ended ??= `${why}${reasonIn(subject)}`
    if (!keepServing) return giveUp()
    void Promise.all(subject.servers.map((_, index) => subject.restart(index))).then(
      () => measuring.again(),
      () => giveUp(),
    )
  })
  const abusers = groups.map(() => new Abuser())
  /** @type {Awaited<ReturnType<typeof startNeighbour>> | undefined} */
  let neighbour
  try {
    const [first] = subject.servers
    if (first === undefined) throw new Error('no server')
    const servers = subject.servers.map(({ port, httpPort, adminPort }) => ({ port, httpPort, adminPort }))
    const { secret } = subject.stage
    const prepared = await Promise.all(
      groups.map((rows, index) =>
        abusers[index]?.setup({ rows: rows.map(({ name }) => name), servers, secret, scale }, SETUP_MS),
      ),
    )
    const failures = abusers.flatMap((abuser) => abuser.failures)
    if (prepared.includes(false))
      failures.push(
        `the setup did not end${abusers.map(({ complaint }) => complaint.slice(0, 300)).join(' ')}`,
      )
    neighbour = await startNeighbour({
      doors: /** @type {import('./types.mjs').Doors} */ (servers[0]),
      token: mint(secret, 'neighbour'),
    })
    await delay(WARM_MS)
    measuring.begin()
    neighbour.phase('during')
    const cpuBefore = abusers.reduce((sum, abuser) => sum + abuser.cpu, 0)
    const startedAt = performance.now()
    for (const abuser of abusers) {
      if (share === undefined) abuser.attack(seconds)
      else abuser.burn(share)
    }
    await Promise.race([delay(seconds * 1_000), over])
    const cpu =
      (abusers.reduce((sum, abuser) => sum + abuser.cpu, 0) - cpuBefore) /
      1_000 /
      (performance.now() - startedAt)
    for (const abuser of abusers) await abuser.kill()
    neighbour.phase('after')
    await Promise.race([delay(after * 1_000), over])
    const reports = await neighbour.report()
    const memory = measuring.stop()
    const restarts = subject.servers.reduce((sum, server) => sum + server.restarts, 0)
    return {
      name: heading.name,
      title: heading.title,
      door: heading.door,
      scope: heading.scope,
      processes,
      seconds,
      during: /** @type {import('./types.mjs').Neighbour} */ (reports.during),
      after: /** @type {import('./types.mjs').Neighbour} */ (reports.after),
      memory,
      abuser: sumOf(abusers.map(({ counters }) => counters)),
      abuserCpu: cpu,
      ...(ended === undefined
        ? {}
        : { ended: restarts > 0 ? `${ended}; started again ${restarts} times` : ended }),
      ...(failures.length === 0 ? {} : { failed: failures.join('; ') }),
    }
  } finally {
    measuring.stop()
    for (const abuser of abusers) await abuser.kill()
    await neighbour?.kill()
    await subject.close()
  }
}

/**
 * What the log of a server that ended says of it.
 * @param {import('./subject.mjs').Subject} subject
 */
const reasonIn = (subject) => {
  for (const index of subject.servers.keys()) {
    const line =
      /(heap out of memory|Cannot create a string|ERR_[A-Z_]+|RangeError[^\n]*|uncaught[^\n]*)/i.exec(
        subject.tail(index),
      )
    if (line !== null) return `: ${String(line[0]).slice(0, 100)}`
  }
  return ''
}

/**
 * @param {import('./types.mjs').Counters[]} all
 * @returns {import('./types.mjs').Counters}
 */
const sumOf = (all) => {
  const of = (
    /** @type {'opened' | 'refused' | 'lost' | 'replies' | 'errors' | 'sent' | 'received' | 'rounds'} */ name,
  ) => all.reduce((sum, counters) => sum + counters[name], 0)
  return {
    opened: of('opened'),
    refused: of('refused'),
    lost: of('lost'),
    replies: of('replies'),
    errors: of('errors'),
    sent: of('sent'),
    received: of('received'),
    rounds: of('rounds'),
    samples: all.flatMap(({ samples }) => samples).slice(0, 5),
    figures: Object.assign({}, ...all.map(({ figures }) => figures)),
  }
}

/**
 * @param {Row} row
 * @param {TrialOptions} options
 */
export const tryRow = (row, options) =>
  trial(row, [[row]], { ...options, seconds: Math.max(options.seconds, row.least ?? 0) })

/**
 * The machine's part: a process that uses a share of one core and sends nothing.
 * @param {number} share
 * @param {TrialOptions} options
 */
export const calibrate = (share, options) => {
  const percent = Math.round(share * 100)
  const title = share === 0 ? 'nobody else' : `a process that uses ${percent} % of a core and sends nothing`
  return trial({ name: `calibration-${percent}`, title, door: 'both', scope: 'none' }, [[]], {
    ...options,
    share,
  })
}
