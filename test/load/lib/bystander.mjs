// A client of another automation that goes on working while others misbehave, and measures how long it takes.
import { setTimeout as delay } from 'node:timers/promises'
import { bulk, CheckedClient, encode, OK, percentiles } from './client.mjs'

/** Whatever others do, a client of another automation is answered within this time. */
const PATIENCE_MS = 5_000

/** @typedef {ReturnType<typeof percentiles>} Percentiles */

/**
 * What `stop` has measured, as a check and as figures.
 * @param {{ steady: Percentiles, fresh: Percentiles }} measured
 * @param {import('./trial.mjs').Context['atMost']} atMost
 * @returns {import('./trial.mjs').Figures}
 */
export const othersServed = ({ steady, fresh }, atMost) => {
  atMost('slowest answer to a client of another automation', steady.max, PATIENCE_MS, 'ms')
  return {
    'SET or GET of another client meanwhile; p50': [steady.p50, 'ms'],
    'SET or GET of another client meanwhile; p99': [steady.p99, 'ms'],
    'new client meanwhile: connect, log in, ask; p99': [fresh.p99, 'ms'],
  }
}

/**
 * Until `stop`: each 10 ms a SET and a GET of 100 B by a client that stays, and each 100 ms one that
 * connects, logs in, asks and leaves. `stop` answers both latencies, and rejects when a reply was wrong or
 * missing.
 * @param {import('./subject.mjs').Subject} server
 * @param {string} token
 */
export const startBystander = async (server, token) => {
  const target = { port: server.port, password: token }
  const client = await CheckedClient.open(target)
  /** @type {number[]} */
  const steady = []
  /** @type {number[]} */
  const fresh = []
  let stopped = false

  /** @param {number[]} into @param {() => Promise<void>} work */
  const timed = async (into, work) => {
    const before = performance.now()
    await work()
    into.push(performance.now() - before)
  }
  const work = async () => {
    for (let n = 0; !stopped; n++) {
      const value = Buffer.from(`bystander ${n} `.padEnd(100, 'x'))
      await timed(steady, () => client.send(encode(['SET', 'bystander', value]), OK))
      await timed(steady, () => client.send(encode(['GET', 'bystander']), bulk(value)))
      await delay(10)
    }
  }
  const visit = async () => {
    while (!stopped) {
      await timed(fresh, async () => {
        const visitor = await CheckedClient.open(target)
        await visitor.send(encode(['ECHO', 'here']), bulk(Buffer.from('here')))
        visitor.close()
      })
      await delay(100)
    }
  }
  const done = Promise.all([work(), visit()])
  done.catch(() => {})
  return {
    async stop() {
      stopped = true
      await done
      client.close()
      return { steady: percentiles(steady), fresh: percentiles(fresh) }
    },
  }
}
