// How throughput and latency change while one thing grows. A panel is a curve for each figure over that
// thing.
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import { root, Stop } from '../../scripts/lib/project.mjs'
import { curves } from './chart.mjs'
import { Client, encode, load } from './client.mjs'
import { startServer } from './contenders.mjs'
import { fillOthers } from './fill.mjs'
import { redisBenchmark } from './generators.mjs'
import { flush } from './measure.mjs'
import { PAGE } from './page.mjs'
import { circumstances, writeSection } from './report.mjs'
import { short, spread } from './statistics.mjs'

const CONNECTIONS = 50
const range = (count) => Array.from({ length: count }, (_, index) => index)
const text = (bytes) => randomBytes(bytes).toString('base64url').slice(0, bytes)

/** A value of 100 bytes in each of `count` keys. */
const store = async (target, count) => {
  const client = await Client.open(target)
  const value = text(100)
  await client.callAll(range(count).map((index) => ['SET', `key:${index}`, value]))
  client.close()
}

/** Medians of `rounds` measurements, figure by figure. */
const medians = async (rounds, measure) => {
  const all = []
  for (let round = 0; round < rounds; round++) all.push(await measure())
  const median = (figure) => spread(all.map((one) => one[figure])).median
  return { rate: median('rate'), p50: median('p50') }
}

/**
 * Throughput at pipeline 16 and latency at 1, of SET and GET over `keys` keys; each connection logs in to the
 * target of its place.
 */
const setsAndGets = async (targets, keys, { seconds, rounds }) => {
  const value = text(100)
  const some = () => `key:${Math.floor(Math.random() * keys)}`
  const one = { set: () => encode(['SET', some(), value]), get: () => encode(['GET', some()]) }
  const results = {}
  for (const name of ['set', 'get']) {
    // Requests are made ahead: making them while the load runs would take the processor from the server.
    const turns = range(200).map(() => Buffer.concat(range(16).map(one[name])))
    let turn = 0
    results[name] = await medians(rounds, async () => {
      const { rate } = await load(targets, { seconds, next: () => turns[turn++ % turns.length], replies: 16 })
      const { p50 } = await load(targets.slice(0, 1), { seconds: seconds / 2, next: one[name], replies: 1 })
      return { rate, p50 }
    })
  }
  return results
}

/** Curves of rate and of latency from points of `setsAndGets`. */
const panelsOf = (title, points) => {
  const line = (label, figure) => ({ label, points: points.map(([x, y]) => [x, figure(y)]) })
  return [
    {
      title,
      unit: 'commands/s, pipeline 16',
      lines: [line('SET', ({ set }) => set.rate), line('GET', ({ get: reads }) => reads.rate)],
    },
    {
      title,
      unit: 'latency of one connection, µs',
      lines: [line('SET', ({ set }) => set.p50 * 1_000), line('GET', ({ get: reads }) => reads.p50 * 1_000)],
    },
  ]
}

/** Other automations, 10 keys each; the load comes from 50 of their kind. */
const automations = async (stage, server, options) => {
  const { steps, say } = options
  const targets = range(CONNECTIONS).map((index) => ({
    port: server.port,
    password: stage.token(`active-${index}`),
  }))
  for (const target of targets) await store(target, 100)
  const points = []
  let stored = 0
  for (const count of steps(100_000)) {
    await fillOthers(stage, { from: stored, to: count, keysEach: 10 })
    stored = count
    points.push([count, await setsAndGets(targets, 100, options)])
    say(`automations: ${count}`)
  }
  return panelsOf('Automations stored', points)
}

const keysEach = async (stage, server, options) => {
  const { steps, say } = options
  const points = []
  for (const count of steps(100_000)) {
    const target = { port: server.port, password: stage.token(`keys-${count}`) }
    await store(target, count)
    points.push([
      count,
      await setsAndGets(
        range(CONNECTIONS).map(() => target),
        count,
        options,
      ),
    ])
    say(`keys of one automation: ${count}`)
  }
  return panelsOf('Keys of one automation', points)
}

/** One figure of redis-benchmark over sizes or numbers of connections. */
const benchmarked = async (target, steps, { seconds, rounds }, optionsOf) => {
  const lines = []
  for (const name of ['set', 'get']) {
    const points = []
    for (const step of steps) {
      const options = optionsOf(step)
      const enough = (rate) => Math.max(options.connections * 2, Math.round(rate * seconds))
      // GET finds what the SETs before it left.
      await redisBenchmark(target, { ...options, command: ['-t', 'set'], requests: enough(200) })
      const { rate } = await redisBenchmark(target, {
        ...options,
        command: ['-t', name],
        requests: enough(500),
      })
      const measured = { ...options, command: ['-t', name], requests: enough(rate) }
      points.push([step, await medians(rounds, () => redisBenchmark(target, measured))])
    }
    lines.push({ label: name.toUpperCase(), points })
  }
  const lineOf = ({ label, points }, figure) => ({ label, points: points.map(([x, y]) => [x, figure(y)]) })
  const panel = (unit, figure) => ({ unit, lines: lines.map((line) => lineOf(line, figure)) })
  return {
    rate: panel('commands/s', ({ rate }) => rate),
    p50: panel('latency, median, ms', ({ p50 }) => p50),
  }
}

const valueSize = async (stage, server, options) => {
  const target = { port: server.port, password: stage.token('sizes') }
  const sizes = options.quick ? [10, 1_000, 100_000] : [10, 100, 1_000, 10_000, 100_000, 1_048_576]
  const { rate, p50 } = await benchmarked(target, sizes, options, (bytes) => ({
    bytes,
    connections: 10,
    keys: 10,
  }))
  const title = 'Bytes of a value, 10 connections'
  return [
    { title, ...rate },
    { title, ...p50 },
  ]
}

const connections = async (stage, server, { seconds, rounds, quick, say }) => {
  const target = { port: server.port, password: stage.token('connections') }
  const counts = quick ? [1, 10, 100] : [1, 10, 100, 1_000, 10_000]
  await store(target, 100)
  const requests = { SET: encode(['SET', 'key:1', text(100)]), GET: encode(['GET', 'key:1']) }
  const lines = new Map()
  for (const [label, bytes] of Object.entries(requests)) {
    const points = []
    // Each connection gets some turns, however many there are.
    for (const count of counts) {
      const measured = { seconds: seconds + count / 2_000, next: () => bytes, replies: 1 }
      points.push([count, await medians(rounds, () => load(Array(count).fill(target), measured))])
    }
    lines.set(label, points)
    say(`connections: ${label} done`)
  }
  const drawn = (figure) =>
    [...lines].map(([label, points]) => ({ label, points: points.map(([x, y]) => [x, figure(y)]) }))
  return [
    { title: 'Connections', unit: 'commands/s', lines: drawn(({ rate }) => rate) },
    { title: 'Connections', unit: 'latency, median, ms', lines: drawn(({ p50 }) => p50) },
  ]
}

const agent = new Agent({ keepAlive: true })
/** @param {{ httpPort: number }} server @param {string} token @returns {Promise<void>} */
const listOnce = (server, token) =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    get(
      { port: server.httpPort, host: '127.0.0.1', path: '/api/automation/v1/kv', agent, headers },
      (response) => {
        const { statusCode } = response.resume()
        response.on('end', () =>
          statusCode === 200 ? resolve() : reject(new Stop(`GET /kv answered ${statusCode}`)),
        )
      },
    ).on('error', reject)
  })

/** Milliseconds of an automation with 100 keys that asks what it has, beside ever more keys of others. */
const neighbours = async (stage, server, { rounds, quick, say }) => {
  const token = stage.token('small')
  const target = { port: server.port, password: token }
  await store(target, 100)
  const client = await Client.open(target)
  const questions = new Map([
    ['KEYS', () => client.call(['KEYS', '*'])],
    ['SCAN', () => client.call(['SCAN', '0', 'COUNT', '1000'])],
    ['DBSIZE', () => client.call(['DBSIZE'])],
    ['GET /kv', () => listOnce(server, token)],
  ])
  const lines = new Map(
    [...questions.keys()].map((label) => [label, { label, points: /** @type {[number, number][]} */ ([]) }]),
  )
  let stored = 0
  // Shown from 100, its own keys: the axis is logarithmic and has no 0.
  for (const total of quick ? [100, 10_000] : [100, 10_000, 100_000, 1_000_000]) {
    const others = total === 100 ? 0 : total / 100
    await fillOthers(stage, { from: stored, to: others, keysEach: 100 })
    stored = others
    // In turn, so that what the filling left to do (rehashing) meets all of them alike.
    const times = new Map([...questions.keys()].map((label) => [label, /** @type {number[]} */ ([])]))
    for (let turn = 0; turn < 200 * rounds + 200; turn++) {
      for (const [label, ask] of questions) {
        const before = performance.now()
        await ask()
        if (turn >= 200) times.get(label)?.push(performance.now() - before)
      }
    }
    for (const [label, some] of times) lines.get(label)?.points.push([total, spread(some).median * 1_000])
    say(`keys of others: ${others * 100}`)
  }
  client.close()
  agent.destroy()
  return [
    {
      title: 'Own 100 keys, beside those of others',
      unit: 'median, µs; at 100 there are no others',
      lines: [...lines.values()],
    },
  ]
}

const PANELS = { automations, keys: keysEach, size: valueSize, connections, neighbours }

export const growth = async (stage, options) => {
  const most = options.quick ? 1_000 : Infinity
  const steps = (last) => [10, 100, 1_000, 10_000, 100_000].filter((step) => step <= Math.min(last, most))
  const panels = []
  for (const [name, measurePanel] of Object.entries(PANELS)) {
    if (options.only !== undefined && !options.only.some((prefix) => name.startsWith(prefix))) continue
    await flush(stage)
    // A fresh process for each: what one panel left in its memory must not show in the next.
    const server = await startServer(stage)
    try {
      const warm = { port: server.port, password: stage.token('warm') }
      const requests = options.quick ? 5_000 : 50_000
      await redisBenchmark(warm, { pipeline: 16, keys: 100, bytes: 100, command: ['-t', 'set'], requests })
      panels.push(...(await measurePanel(stage, server, { ...options, steps })))
    } finally {
      await server.stop()
    }
  }
  const text = [
    circumstances(`Each point is the median of ${options.rounds} measurements of ${options.seconds} s.`),
    '',
    ...panels.flatMap(sectionOf),
  ].join('\n')
  process.stdout.write(`${text}\n`)
  if (options.write) {
    writeFileSync(join(root, 'docs/reports/benchmarks-growth.svg'), curves('How automation-kv grows', panels))
    writeSection('docs/reports/benchmarks.md', 'growth', text, PAGE)
  }
  return panels
}

const sectionOf = ({ title, unit, lines }) => {
  const xs = lines[0].points.map(([x]) => x)
  return [
    `**${title}** (${unit})`,
    '',
    `| | ${xs.map((x) => x.toLocaleString('en-US')).join(' | ')} |`,
    `| --- |${' ---: |'.repeat(xs.length)}`,
    ...lines.map(({ label, points }) => `| ${label} | ${points.map(([, y]) => short(y)).join(' | ')} |`),
    '',
  ]
}
