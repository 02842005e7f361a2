// Where the time goes: the server under --cpu-prof with one row of work, functions by self time.
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, Stop, say } from '../../scripts/lib/project.mjs'
import { startServer } from './contenders.mjs'
import { cpuMicros } from './processes.mjs'
import { short } from './statistics.mjs'
import { WORKLOADS } from './workloads.mjs'

const TOP = 25

/** Microseconds of V8's clock, which is that of process.hrtime. */
const clock = () => Number(process.hrtime.bigint() / 1_000n)

const placeOf = ({ url, lineNumber }) => {
  if (url === '') return ''
  return `${url.replace(`file://${root}`, '').replace(/^.*node_modules\//, '')}:${lineNumber + 1}`
}

/**
 * Self time by function between two moments, largest first, as shares of the time in which the process was
 * not idle.
 */
export const selfTimes = ({ nodes, samples, timeDeltas, startTime }, from, to) => {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]))
  const times = new Map()
  let now = startTime
  let busy = 0
  for (let index = 0; index < samples.length; index++) {
    // A delta says how long before a sample the one before it was taken.
    now += timeDeltas[index]
    const frame = byId.get(samples[index])
    if (now < from || now > to || frame.functionName === '(idle)') continue
    const key = `${frame.functionName || '(anonymous)'} ${placeOf(frame)}`.trim()
    const lasts = timeDeltas[index + 1] ?? 0
    times.set(key, (times.get(key) ?? 0) + lasts)
    busy += lasts
  }
  return {
    busy,
    total: to - from,
    functions: [...times].sort((a, b) => b[1] - a[1]).map(([name, time]) => ({ name, share: time / busy })),
  }
}

export const profile = async (stage, id, { seconds }) => {
  const workload = WORKLOADS.find((one) => one.id === id)
  if (workload === undefined)
    throw new Stop(`no row is called ${id}; there are ${WORKLOADS.map((one) => one.id).join(', ')}`)
  const server = await startServer(stage, {
    nodeArgs: ['--cpu-prof', '--cpu-prof-interval', '200', `--cpu-prof-dir=${stage.folder}`],
  })
  const target =
    workload.door === 'rest'
      ? { port: server.httpPort, authorization: `Bearer ${stage.token()}` }
      : { port: server.port, password: stage.token() }
  let rate
  // Until the compiler has seen it all.
  for (let round = 0; round < 3; round++)
    ({ rate } = await workload.run(target, { seconds: 1, rate, contender: 'ours' }))
  const before = [cpuMicros(server.pid), cpuMicros(stage.redis.pid)]
  const from = clock()
  const result = await workload.run(target, { seconds, rate, contender: 'ours' })
  const to = clock()
  const [cpu, redisCpu] = [server.pid, stage.redis.pid].map(
    (pid, index) => (Number(cpuMicros(pid)) - Number(before[index])) / result.count,
  )
  await server.stop()
  const file = readdirSync(stage.folder).find((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Stop('node left no profile')
  const kept = join(root, `.tmp/bench-${id}.cpuprofile`)
  copyFileSync(join(stage.folder, file), kept)
  say(`the whole profile, for the developer tools of a browser: ${kept}`)
  const { busy, total, functions } = selfTimes(
    JSON.parse(readFileSync(join(stage.folder, file), 'utf8')),
    from,
    to,
  )
  const lines = [
    `${workload.title}: ${short(result.rate)} commands/s under the profiler, main thread busy ${short((busy / total) * 100)} %, ` +
      `${short(busy / result.count)} us of it a command (${short(cpu)} us with all threads, and ${short(redisCpu)} us of Redis)`,
    ...functions.slice(0, TOP).map(({ name, share }) => `${(share * 100).toFixed(1).padStart(6)} %  ${name}`),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
