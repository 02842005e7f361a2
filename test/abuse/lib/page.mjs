// docs/data/fair-share.json, and docs/reports/fair-share.md with its chart: of that file and an earlier one.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { bars } from '../../../bench/lib/chart.mjs'
import { short } from '../../../bench/lib/statistics.mjs'
import { root } from '../../../scripts/lib/project.mjs'
import { shown } from '../../load/lib/page.mjs'
import { ROWS } from '../attacks/index.mjs'

/** @typedef {import('./types.mjs').Result} Result */
/** @typedef {{ circumstances: string, results: Result[] }} Data */

const DATA = join(root, 'docs/data/fair-share.json')
const BEFORE = join(root, 'docs/data/fair-share-before.json')
const PAGE = join(root, 'docs/reports/fair-share.md')
const CHART = join(root, 'docs/reports/fair-share.svg')
/** So many rows stand in the chart: those that hurt most. */
const CHARTED = 40

/**
 * @param {string} [file]
 * @returns {Data | undefined}
 */
export const dataOf = (file = DATA) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined)

/** Numbers with more digits than they are worth make a long file. */
const rounded = (/** @type {string} */ _, /** @type {unknown} */ value) =>
  typeof value === 'number' ? Number(value.toPrecision(6)) : value

/**
 * Keeps one result beside those that are there, instead of an earlier one of the same row.
 * @param {string | undefined} out
 * @param {string} circumstances
 * @param {Result} result
 */
export const saveResult = (out, circumstances, result) => {
  const file = out === undefined ? DATA : resolve(out)
  const kept =
    dataOf(file)?.results.filter(
      ({ name, processes }) => name !== result.name || processes !== result.processes,
    ) ?? []
  const order = new Map(ROWS.map(({ name }, index) => [name, index]))
  const results = [...kept, result].sort(
    (a, b) => a.processes - b.processes || (order.get(a.name) ?? -1) - (order.get(b.name) ?? -1),
  )
  // One line for each result, so that a diff shows which changed.
  const lines = results.map((each) => JSON.stringify(each, rounded))
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(
    file,
    `{\n"circumstances": ${JSON.stringify(circumstances)},\n"results": [\n${lines.join(',\n')}\n]\n}\n`,
  )
}

/** @param {Result} result the slowest answer of any door, in ms */
const slowest = ({ during }) => Math.max(during.get.max, during.set.max, during.rest.max)

const table = (/** @type {string[]} */ head, /** @type {string[][]} */ rows) =>
  [head, head.map((_, index) => (index < 2 ? '---' : '---:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')

const bytes = (/** @type {number} */ value) => shown(value, 'bytes')

/** @typedef {(result: Result) => string} Figure */

/** @type {[string, Figure][]} */
const TIMES = [
  ['GET p50', ({ during }) => short(during.get.p50)],
  ['GET p99', ({ during }) => short(during.get.p99)],
  ['GET max', ({ during }) => short(during.get.max)],
  ['SET p99', ({ during }) => short(during.set.p99)],
  ['REST p99', ({ during }) => short(during.rest.p99)],
  ['REST max', ({ during }) => short(during.rest.max)],
  ['login p99', ({ during }) => short(during.login.p99)],
  ['health max', ({ during }) => short(during.health.max)],
  [
    'wrong, errors, refused',
    ({ during, after }) =>
      `${during.wrong + after.wrong}, ${during.errors + after.errors}, ${during.refused + after.refused}`,
  ],
]

/** @type {[string, Figure][]} */
const BYTES = [
  ['resident before', ({ memory }) => bytes(memory.residentBefore)],
  ['peak', ({ memory }) => bytes(memory.residentPeak)],
  ['after', ({ memory }) => bytes(memory.residentAfter)],
  ['Redis before', ({ memory }) => bytes(memory.redisBefore)],
  ['Redis peak', ({ memory }) => bytes(memory.redisPeak)],
  ['Redis after', ({ memory }) => bytes(memory.redisAfter)],
  ['keys', ({ memory }) => String(memory.keys)],
  ['Redis stalled, ms', ({ memory }) => short(memory.redisStall)],
  ['abuser, cores', ({ abuserCpu }) => short(abuserCpu)],
]

/**
 * Each cell holds the figure of the earlier run, an arrow, and that of this one.
 * @param {[string, Figure][]} figures
 * @param {Result[]} results
 * @param {Map<string, Result>} earlier
 */
const figureTable = (figures, results, earlier) =>
  table(
    ['Row', 'Token', ...figures.map(([title]) => title)],
    results.map((result) => {
      const before = earlier.get(result.name)
      const cells = figures.map(([, of]) =>
        before === undefined ? of(result) : `${of(before)} → ${of(result)}`,
      )
      const end = result.ended === undefined ? '' : ' **(server ended)**'
      return [`${result.name}${end}`, result.scope, ...cells]
    }),
  )

const shares = (/** @type {Result[]} */ results, /** @type {Map<string, Result>} */ earlier) =>
  results.flatMap((result) =>
    Object.entries(result.abuser.figures)
      .filter(([what]) => what.endsWith('share of the one'))
      .map(([what, value]) => {
        const before = earlier.get(result.name)?.abuser.figures[what]
        const now = `${short(value * 100)} %`
        return [
          result.title,
          `${result.processes}`,
          before === undefined ? now : `${short(before * 100)} % → ${now}`,
        ]
      }),
  )

/**
 * @param {Data} data
 * @param {Data | undefined} before
 */
const render = (data, before) => {
  const earlierSentence =
    before === undefined ? [] : [`Cells are *before → now*; before: ${before.circumstances}`]
  const sources = ['fair-share', ...(before === undefined ? [] : ['fair-share-before'])]
    .map((name) => `\`docs/data/${name}.json\``)
    .join(' and ')
  const parts = [
    '# Fair share',
    `This page is generated from ${sources} by \`npm run test:abuse\`; do not edit it.`,
    'What one automation that means harm does to a quiet one on the same server. The abuser holds a' +
      ' valid token for its own store, sometimes one that may only read, sometimes none. The neighbour, a' +
      ' process of its own, sends a GET, a SET and a REST GET every 10 to 20 ms, logs in anew and asks for' +
      ' `/livez` (`/healthz` in earlier figures) every 250 ms, and compares every answer with what it stored. A request that was due' +
      ' while the last one was still open counts from the moment when it was due. Times are in ms, of what' +
      ' was due during the attack; what has no answer some seconds after the attack counts as long as it' +
      ' waited until then.',
    [data.circumstances, ...earlierSentence].join(' '),
    '![Slowest answer to the neighbour](fair-share.svg)',
    '`calibration-*` are processes that use as much of a core as their name says and send nothing: what' +
      ' the machine alone does. Compare a row with the one whose share is nearest to its *abuser, cores*.',
  ]
  for (const processes of [1, 2]) {
    const results = data.results.filter((result) => result.processes === processes)
    if (results.length === 0) continue
    const earlier = new Map(
      before?.results
        .filter((result) => result.processes === processes)
        .map((result) => [result.name, result]),
    )
    parts.push(
      processes === 1 ? '## One process' : '## Two processes before one Redis',
      figureTable(TIMES, results, earlier),
      figureTable(BYTES, results, earlier),
    )
    const ended = results.filter(({ ended: why, failed }) => why !== undefined || failed !== undefined)
    if (ended.length > 0)
      parts.push(ended.map(({ name, ended: why, failed }) => `- ${name}: ${why ?? failed}`).join('\n'))
  }
  const share = shares(
    data.results,
    new Map(
      before?.results.filter(({ processes }) => processes === 1).map((result) => [result.name, result]),
    ),
  )
  if (share.length > 0)
    parts.push('## Shares of the commands', table(['', 'Processes', 'of the one connection'], share))
  parts.push(
    '## Rows',
    table(
      ['Row', 'What is sent'],
      ROWS.map(({ name, title }) => [name, title.replaceAll('|', '\\|').replaceAll('*', '\\*')]),
    ),
  )
  return `${parts.join('\n\n')}\n`
}

/**
 * @param {Data} data
 * @param {Data | undefined} before
 */
const chart = (data, before) => {
  const earlier = new Map(
    before?.results.filter(({ processes }) => processes === 1).map((result) => [result.name, result]),
  )
  const first = Math.min(...data.results.map(({ processes }) => processes))
  const worst = (/** @type {Result} */ result) =>
    Math.max(
      slowest(result),
      ...[earlier.get(result.name)].map((one) => (one === undefined ? 0 : slowest(one))),
    )
  const charted = data.results
    .filter(({ processes }) => processes === first)
    .sort((a, b) => worst(b) - worst(a))
    .slice(0, CHARTED)
  const bar = (/** @type {string} */ id, /** @type {string} */ label, /** @type {number} */ value) => ({
    id,
    label,
    median: value,
    min: value,
    max: value,
  })
  const lines = charted.flatMap((result) => {
    const one = earlier.get(result.name)
    return [
      ...(one === undefined ? [] : [bar('redis', `${result.name}, before`, slowest(one))]),
      bar('ours', result.name, slowest(result)),
    ]
  })
  return bars('Slowest answer to a quiet neighbour, ms', [{ title: 'One row for each attack', bars: lines }])
}

/**
 * Without figures of its own the page shows the earlier run alone.
 * @param {string} [baseline] file of an earlier run
 */
export const writePage = (baseline) => {
  const earlier = dataOf(baseline === undefined ? BEFORE : resolve(baseline))
  const latest = dataOf()
  const data = latest ?? earlier
  if (data === undefined) throw new Error(`${DATA} is missing: run npm run test:abuse`)
  const before = latest === undefined ? undefined : earlier
  mkdirSync(dirname(PAGE), { recursive: true })
  writeFileSync(PAGE, render(data, before))
  writeFileSync(CHART, chart(data, before))
}
