// npm run test:soak [-- options]: mixed load on one server for long; writes docs/data/soak.json,
// docs/reports/load.md, docs/reports/load-soak.svg.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { curves } from '../../../bench/lib/chart.mjs'
import { Client } from '../../../bench/lib/client.mjs'
import { circumstances } from '../../../bench/lib/report.mjs'
import { ensureBuild } from '../../../scripts/lib/build.mjs'
import { ensureDependencies } from '../../../scripts/lib/dependencies.mjs'
import { optionsOf } from '../../../scripts/lib/options.mjs'
import { root, run, Stop, say } from '../../../scripts/lib/project.mjs'
import { ensureRedis } from '../../../scripts/lib/redis.mjs'
import { percentiles } from '../lib/client.mjs'
import { saveData, writePage } from '../lib/page.mjs'
import { createGround, MIB, startSubject, stopOnSignal } from '../lib/subject.mjs'
import { lows, trendOf } from './trend.mjs'
import { WORKERS } from './work.mjs'

const WARM_SECONDS = 15
const MOST_FAILURES = 20
/** The Redis must not be asked for more links, however many clients come. */
const MOST_LINKS = 10

const rounded = (value, digits = 2) => Math.round(value * 10 ** digits) / 10 ** digits

/** Runs the workers until `seconds` are over; answers samples, counts and failures. */
const soakFor = async (ground, server, seconds, sampleSeconds) => {
  /** @type {string[]} */
  const failures = []
  const totals = { commands: 0 }
  /** @type {number[]} */
  let latencies = []
  /** @type {import('./work.mjs').Soak} */
  const soak = {
    server,
    running: true,
    token: ground.token,
    count: (n) => void (totals.commands += n),
    async timed(work, commands = 1) {
      const before = performance.now()
      const result = await work()
      latencies.push(performance.now() - before)
      totals.commands += commands
      return result
    },
  }
  const started = WORKERS.flatMap(([work, count]) =>
    Array.from({ length: count }, async (_, index) => {
      while (soak.running) {
        try {
          await work(soak, index)
        } catch (error) {
          failures.push(`${work.name}: ${error instanceof Error ? error.message : error}`)
          await delay(100)
        }
        if (failures.length >= MOST_FAILURES) soak.running = false
      }
    }),
  )
  const samples = []
  const startedAt = performance.now()
  const elapsed = () => (performance.now() - startedAt) / 1_000
  let told = 0
  let counted = 0
  while (elapsed() < seconds && soak.running) {
    await delay(Math.min(sampleSeconds, seconds - elapsed()) * 1_000)
    const { heapUsed, external, sockets } = await server.memory()
    const { p50, p99 } = percentiles(latencies)
    latencies = []
    const second = elapsed()
    const rate = (totals.commands - counted) / (second - (samples.at(-1)?.second ?? 0))
    counted = totals.commands
    samples.push({
      second: rounded(second, 1),
      resident: server.resident().now,
      heapUsed,
      external,
      sockets,
      p50: rounded(p50),
      p99: rounded(p99),
      rate: Math.round(rate),
    })
    if (Math.floor(second / 60) === told) continue
    told = Math.floor(second / 60)
    const { resident } = samples.at(-1)
    say(
      `${told} min: ${totals.commands} commands, resident ${Math.round(resident / MIB)} MiB, heap ${Math.round(heapUsed / MIB)} MiB, p99 ${p99.toFixed(1)} ms`,
    )
  }
  soak.running = false
  await Promise.race([Promise.all(started), delay(40_000).then(() => failures.push('a worker does not end'))])
  return { samples, commands: totals.commands, failures }
}

const linksOf = async (ground) => {
  const { connected_clients: clients } = await infoOf(ground)
  return Number(clients) - 1
}

/** INFO clients and memory of the Redis, as names and values. */
const infoOf = async ({ redis }) => {
  const client = await Client.open(redis)
  let text = ''
  client.socket.on('data', (chunk) => (text += chunk))
  await client.call(['INFO', 'everything'])
  client.close()
  return Object.fromEntries(text.split('\r\n').map((line) => line.split(':')))
}

const soakRun = async (minutes, dist) => {
  const ground = await createGround(dist)
  const server = await startSubject(ground, { AUTOMATION_KV_LOG_LEVEL: 'info' })
  try {
    const seconds = minutes * 60
    await soakFor(ground, server, Math.min(WARM_SECONDS, seconds / 4), 5)
    await server.quiet(0, 2_000)
    const before = await server.settled()
    say(
      `warm: resident ${Math.round(server.resident().now / MIB)} MiB, in use ${Math.round((before.heapUsed + before.external) / MIB)} MiB`,
    )
    const redisBefore = Number((await infoOf(ground)).used_memory)
    const { samples, commands, failures } = await soakFor(ground, server, seconds, Math.min(5, seconds / 30))
    const links = await linksOf(ground)
    const redisAfter = Number((await infoOf(ground)).used_memory)
    const sockets = await server.quiet(before.sockets)
    const after = await server.settled()
    /** @param {'resident' | 'heapUsed'} name @returns {import('./trend.mjs').Point[]} */
    const series = (name) => samples.map((sample) => [sample.second, sample[name]])
    // Thirty windows: those of the last third are ten.
    const trends = { resident: trendOf(series('resident')), heapUsed: trendOf(lows(series('heapUsed'), 30)) }
    const grew = after.heapUsed + after.external - before.heapUsed - before.external
    const checks = [
      { what: 'every reply comes, and is right', ok: failures.length === 0, detail: failures[0] },
      { what: 'resident memory does not grow in the last third', ok: !trends.resident.grows },
      { what: 'the heap in use does not grow in the last third', ok: !trends.heapUsed.grows },
      {
        what: 'heap and buffers above the beginning, after the clients left and a full collection',
        value: grew,
        limit: 24 * MIB,
        unit: 'bytes',
        ok: grew <= 24 * MIB,
      },
      {
        what: 'connections left when the clients are gone',
        value: sockets - before.sockets,
        limit: 0,
        unit: '',
        ok: sockets <= before.sockets,
      },
      { what: 'links to the Redis', value: links, limit: MOST_LINKS, unit: '', ok: links <= MOST_LINKS },
      { what: 'nothing is wrong in the log', ok: server.faults.length === 0, detail: server.faults[0] },
    ]
    return {
      circumstances: circumstances(`The soak ran for ${minutes} minutes.`),
      minutes,
      commands,
      failures,
      redisBytes: { before: redisBefore, after: redisAfter },
      settled: {
        before: before.heapUsed + before.external,
        after: after.heapUsed + after.external,
        resident: server.resident().now,
      },
      trends,
      checks,
      samples,
    }
  } finally {
    await server.stop()
    await ground.close()
  }
}

/** Memory and latency over time. */
const chartOf = ({ samples, minutes }) => {
  const line = (label, figure) => ({
    label,
    points: samples.map((sample) => [sample.second / 60, figure(sample)]),
  })
  const linear = { linear: true, xUnit: 'min' }
  return curves(`${minutes} minutes of mixed load on one server`, [
    {
      title: 'Memory',
      unit: 'MiB',
      ...linear,
      lines: [
        line('resident', ({ resident }) => resident / MIB),
        line('heap used', ({ heapUsed }) => heapUsed / MIB),
      ],
    },
    {
      title: 'Latency',
      unit: 'ms',
      ...linear,
      lines: [line('p50', ({ p50 }) => p50), line('p99', ({ p99 }) => p99)],
    },
  ])
}

const HELP = `npm run test:soak [-- options]

  --minutes <n>     default 30
  --dist <folder>   another build of the server
  --dry             print only, write no files in docs
`

const values = optionsOf(HELP, {
  minutes: { type: 'string', default: '30' },
  dist: { type: 'string' },
  dry: { type: 'boolean' },
})

await run(async () => {
  const minutes = Number(values.minutes)
  if (!(minutes > 0)) throw new Stop('--minutes must be a number above 0')
  ensureDependencies()
  if (values.dist === undefined) ensureBuild()
  ensureRedis()
  stopOnSignal()
  const result = await soakRun(minutes, values.dist)
  for (const { what, ok, value, limit, detail } of result.checks)
    say(
      `${ok ? 'holds' : 'BROKEN'}: ${what}${value === undefined ? '' : ` (${value}, at most ${limit})`}${detail === undefined ? '' : `: ${detail}`}`,
    )
  for (const [name, { growth, allowed, error }] of Object.entries(result.trends))
    say(
      `${name}: ${(growth / MIB).toFixed(1)} MiB over the last third, standard error ${(error / MIB).toFixed(1)}, allowed ${(allowed / MIB).toFixed(1)}`,
    )
  for (const failure of result.failures) say(failure)
  if (!values.dry) {
    saveData('soak', result)
    writeFileSync(join(root, 'docs/reports/load-soak.svg'), chartOf(result))
    writePage()
  }
  return result.checks.every(({ ok }) => ok) ? 0 : 1
})
