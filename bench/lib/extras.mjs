// What is not a throughput: logins, start-up, memory of idle connections.
import { Client, encode, load, openMany } from './client.mjs'
import { startContenders, startServer } from './contenders.mjs'
import { residentBytes } from './processes.mjs'
import { spread } from './statistics.mjs'

const WARM_UP = encode(['GET', 'a'])

const row = (id, title, unit, cells) => ({ id, title, unit, cells })

/** Connect, AUTH, close, on 50 connections at a time; a `fresh` token is one that the server has not seen. */
const loginRate = async ({ port }, credential, seconds) => {
  const endsAt = performance.now() + seconds * 1_000
  const startedAt = performance.now()
  let count = 0
  const visitor = async () => {
    while (performance.now() < endsAt) {
      const client = await Client.open({ port, password: credential() })
      client.close()
      count++
    }
  }
  await Promise.all(Array.from({ length: 50 }, visitor))
  return count / ((performance.now() - startedAt) / 1_000)
}

export const logins = async (stage, contenders, { rounds, seconds }) => {
  const known = {}
  const fresh = {}
  let run = 0
  for (let round = 0; round < rounds; round++) {
    for (const { id, target, seals } of contenders) {
      if (id === 'twemproxy') continue
      ;(known[id] ??= []).push(await loginRate(target, () => target.password, seconds))
      if (seals)
        (fresh[id] ??= []).push(await loginRate(target, () => stage.token('bench', `run-${run++}`), seconds))
    }
  }
  const spreads = (runs) => Object.fromEntries(Object.entries(runs).map(([id, rates]) => [id, spread(rates)]))
  return [
    row('logins', 'Connect and log in, the same credential', 'logins/s', spreads(known)),
    row('logins-fresh', 'Connect and log in, a new token each', 'logins/s', spreads(fresh)),
  ]
}

/** Process start until all doors listen. */
export const startUp = async (stage, { rounds }) => {
  const times = []
  for (let round = 0; round < rounds; round++) {
    const server = await startServer(stage)
    times.push(server.readyMs)
    await server.stop()
  }
  return [row('start', 'Start: process to ready', 'ms', { ours: spread(times) })]
}

/**
 * Growth of the resident memory of a fresh process by `count` connections that have logged in and wait. As
 * many come before them, or they would fill what the start has left free in the heap.
 */
export const memory = async (stage, only, { rounds, say }, count = 3_000) => {
  const sizes = {}
  const idle = {}
  for (let round = 0; round < rounds; round++) {
    for (const contender of await startContenders(
      stage,
      'resp',
      only ?? ['pipe', 'twemproxy', 'naive', 'ours'],
      () => {},
    )) {
      if (contender.id === 'redis') continue
      const { id, pid, target } = contender
      try {
        await load(
          Array.from({ length: 50 }, () => target),
          { seconds: 0.3, next: () => WARM_UP, replies: 1 },
        )
        const alone = await residentBytes(pid)
        const clients = await openMany(Array(count).fill(target))
        const before = await residentBytes(pid)
        clients.push(...(await openMany(Array(count).fill(target))))
        const after = await residentBytes(pid)
        for (const client of clients) client.close()
        ;(idle[id] ??= []).push(alone / 1024 / 1024)
        ;(sizes[id] ??= []).push((after - before) / count / 1024)
      } catch (error) {
        say(`memory: ${id} is left out: ${error instanceof Error ? error.message : error}`)
      } finally {
        await contender.stop()
      }
    }
  }
  const spreads = (runs) =>
    Object.fromEntries(Object.entries(runs).map(([id, values]) => [id, spread(values)]))
  return [
    row(
      'memory',
      `Resident memory for each of ${count.toLocaleString('en-US')} idle, logged-in connections`,
      'KiB',
      spreads(sizes),
    ),
    row('memory-process', 'Resident memory of the process, after a little work', 'MiB', spreads(idle)),
  ]
}
