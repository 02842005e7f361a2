// The comparison: all rows over all contenders, and its page.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/lib/project.mjs'
import { bars } from './chart.mjs'
import { ensureProgram, startContenders, startServer, TITLES } from './contenders.mjs'
import { logins, memory, startUp } from './extras.mjs'
import { floors } from './floors.mjs'
import { flush, measure } from './measure.mjs'
import { PAGE } from './page.mjs'
import { circumstances, extras, figures, floorTable, latencies, throughput, writeSection } from './report.mjs'
import { short } from './statistics.mjs'

/** Short names, where the id is none. */
const BASES = new Map([
  ['redis', 'Redis'],
  ['bare-http', 'bare http'],
  ['bare-rest', 'bare Fastify'],
])
const CHARTED = ['get1', 'set1', 'get16', 'set16', 'incr-hot', 'hgetall', 'rest-get', 'rest-put']

/** Further processes of ours, once the server can start workers. */
const clusterOf = async () => {
  const { SETTINGS } = await import(join(root, 'dist/config/settings.js'))
  if (!SETTINGS.some(({ name }) => name === 'AUTOMATION_KV_WORKERS')) return []
  const start = (stage) => startServer(stage, { env: { AUTOMATION_KV_WORKERS: '2' } })
  return [
    { id: 'workers', title: 'automation-kv, 2 workers', start, login: (stage) => stage.token(), seals: true },
  ]
}

/** Another build of ours, to see what a change is worth. */
const otherBuild = (dist) => {
  if (dist === undefined) return []
  const start = (stage) => startServer(stage, { dist })
  return [{ id: 'other', title: 'other build', start, login: (stage) => stage.token('other'), seals: true }]
}

const chosen = (only, id) => only === undefined || only.some((prefix) => id.startsWith(prefix))

const runDoor = async (stage, door, options, rows, more) => {
  const { against, say } = options
  const withLogins = door === 'resp' && chosen(options.only, 'logins')
  if (rows.length === 0 && !withLogins) return { rows: [], contenders: [] }
  if (door === 'rest' && !(await ensureProgram('wrk', 'wrk', say))) return { rows: [], contenders: [] }
  const contenders = await startContenders(stage, door, against, say, more)
  const results = []
  try {
    for (const workload of rows) {
      const result = await measure(stage, workload, contenders, options)
      results.push(result)
      const figure = ({ rate, p50 }) =>
        result.latency ? `${short(p50.median * 1_000)} us` : short(rate.median)
      say(
        `${result.title}: ${Object.entries(result.cells)
          .map(([id, cell]) => `${id} ${figure(cell)}`)
          .join(', ')}`,
      )
    }
    if (withLogins) {
      await flush(stage)
      return { rows: results, contenders, extras: await logins(stage, contenders, options) }
    }
    return { rows: results, contenders }
  } finally {
    await Promise.all(contenders.map(({ stop }) => stop()))
  }
}

export const compare = async (stage, options) => {
  const { WORKLOADS } = await import('./workloads.mjs')
  const rowsOf = (door) =>
    WORKLOADS.filter((workload) => workload.door === door && chosen(options.only, workload.id))
  const wanted = chosen(options.only, 'logins')
  const resp = await runDoor(stage, 'resp', options, rowsOf('resp'), [
    ...(await clusterOf()),
    ...otherBuild(options.other),
  ])
  const rest = await runDoor(stage, 'rest', options, rowsOf('rest'), [])
  await flush(stage)
  const more = [...(resp.extras ?? [])]
  if (wanted)
    more.push(...(await startUp(stage, options)), ...(await memory(stage, options.against, options)))

  const limits = chosen(options.only, 'floors') ? await floors(stage, options) : []

  const titles = ({ contenders }) => new Map(contenders.map(({ id, title }) => [id, title]))
  const flow = resp.rows.filter(({ latency }) => !latency)
  const single = resp.rows.filter(({ latency }) => latency)
  const parts = []
  const add = (heading, rows, render) => rows.length > 0 && parts.push(`## ${heading}`, '', render(), '')
  add('RESP: throughput', flow, () => throughput(flow, titles(resp), BASES))
  add('RESP: latency of one connection', single, () => latencies(single, titles(resp)))
  const measuredCpu = flow.filter(({ cells }) =>
    Object.values(cells).some(({ cpu }) => cpu.median !== undefined),
  )
  add('RESP: processor time', measuredCpu, () =>
    figures('Microseconds of its own process for a command', measuredCpu, titles(resp), 'cpu'),
  )
  add('REST', rest.rows, () => throughput(rest.rows, titles(rest), BASES))
  add('Logins, start and memory', more, () => extras(more, TITLES))
  add('Floors', limits, () => floorTable(limits))
  const how = `${options.rounds} rounds in turn, ${options.seconds} s for each cell: median (least to most).`
  const text = [circumstances(how), '', ...parts].join('\n')
  process.stdout.write(`${text}\n`)

  const results = { resp: resp.rows, rest: rest.rows, extras: more }
  if (options.write) write(text, results, TITLES)
  return results
}

function write(text, { resp, rest }, titles) {
  const charted = [...resp, ...rest]
    .filter(({ id }) => CHARTED.includes(id))
    .sort((a, b) => CHARTED.indexOf(a.id) - CHARTED.indexOf(b.id))
  const groups = charted.map(({ title, cells, door }) => ({
    title: `${door === 'rest' ? 'REST: ' : ''}${title}`,
    bars: Object.entries(cells).map(([id, { rate }]) => ({ id, label: titles.get(id) ?? id, ...rate })),
  }))
  writeFileSync(
    join(root, 'docs/reports/benchmarks.svg'),
    bars('Commands a second, 50 connections: median, least and most', groups),
  )
  writeSection('docs/reports/benchmarks.md', 'comparison', text, PAGE)
}
