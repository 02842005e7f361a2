// Many connections: idle ones, and busy ones.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Stop } from '../../../scripts/lib/project.mjs'
import { othersServed, startBystander } from './bystander.mjs'
import { bulk, drive, encode, NIL, OK, openMany, PONG } from './client.mjs'
import { MIB } from './subject.mjs'

/** A connection from each of these has ephemeral ports of its own, so that their number is no limit. */
const ADDRESSES = process.platform === 'linux' ? 8 : 1
/** @param {number} index */
const addressOf = (index) => (ADDRESSES === 1 ? {} : { fromAddress: `127.0.0.${2 + (index % ADDRESSES)}` })

/** Node raises its own limit to the hard one, which has to be enough. @param {number} count */
const needFiles = (count) => {
  const limit = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  if (limit !== undefined && Number(limit) < count + 500)
    throw new Stop(`ulimit -n must allow ${count + 500} files, and allows ${limit}`)
}

/** @param {{ connections: number, holdSeconds: number }} size @returns {import('./trial.mjs').Scenario} */
export const idle = ({ connections, holdSeconds }) => ({
  id: 'idle',
  logins: connections,
  title: `${connections.toLocaleString('en-US')} idle connections`,
  async work({ ground, server, clients, atMost, check, baseline }) {
    needFiles(connections)
    const startedAt = performance.now()
    const targets = Array.from({ length: connections }, (_, index) => ({
      port: server.port,
      password: ground.token(`idle-${index}`),
      ...addressOf(index),
    }))
    clients.push(...(await openMany(targets)))
    const loginSeconds = (performance.now() - startedAt) / 1_000
    await server.settled()
    const resident = server.resident().now - baseline
    const bystander = await startBystander(server, ground.token('bystander'))
    await delay(holdSeconds * 1_000)
    const measured = await bystander.stop()
    check(
      'all connections stay',
      clients.every(({ closed }) => !closed),
    )
    const pingedAt = performance.now()
    await Promise.all(clients.map((client) => client.send(encode(['PING']), PONG)))
    const pingSeconds = (performance.now() - pingedAt) / 1_000
    // The second part is for the server itself, which few connections would have to share.
    atMost('resident memory for the connections', resident, connections * 32 * 1024 + 32 * MIB, 'bytes')
    return {
      'logins, each of another automation': [connections / loginSeconds, '/s'],
      'resident memory for a connection': [resident / connections, 'bytes'],
      'new client meanwhile: connect, log in, ask; p50': [measured.fresh.p50, 'ms'],
      ...othersServed(measured, atMost),
      'all answer a PING within': [pingSeconds, 's'],
    }
  },
})

/** @param {{ connections: number, seconds: number }} size @returns {import('./trial.mjs').Scenario} */
export const active = ({ connections, seconds }) => ({
  id: 'active',
  title: `${connections.toLocaleString('en-US')} busy connections, GET and SET of 100 B`,
  async work({ ground, server, clients, atMost, peak }) {
    needFiles(connections)
    // Ten connections to an automation, each with a key of its own, so that every value read is known.
    const targets = Array.from({ length: connections }, (_, index) => ({
      port: server.port,
      password: ground.token(`active-${Math.floor(index / 10)}`),
      ...addressOf(index),
    }))
    clients.push(...(await openMany(targets)))
    const values = Array.from({ length: 16 }, (_, n) => Buffer.from(`value ${n} `.padEnd(100, 'v')))
    const replies = values.map(bulk)
    const requests = clients.map((_, index) => ({
      get: encode(['GET', `key:${index}`]),
      sets: values.map((value) => encode(['SET', `key:${index}`, value])),
    }))
    const result = await drive(clients, seconds, (index, n) => {
      const { get, sets } = requests[index]
      if (n === 0) return { request: get, reply: NIL }
      const turn = Math.floor((n - 1) / 2) % values.length
      return n % 2 === 1 ? { request: sets[turn], reply: OK } : { request: get, reply: replies[turn] }
    })
    atMost('peak of resident memory above the baseline', peak(), connections * 64 * 1024 + 192 * MIB, 'bytes')
    return {
      throughput: [result.rate, 'commands/s'],
      'latency, p50': [result.p50, 'ms'],
      'latency, p99': [result.p99, 'ms'],
      'latency, p99.9': [result.p999, 'ms'],
      'commands checked': [result.count, ''],
    }
  },
})
