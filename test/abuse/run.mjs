// npm run test:abuse [-- options]: what one hostile automation does to a quiet neighbour; writes
// docs/data/fair-share.json and docs/reports/fair-share.md.
import { circumstances } from '../../bench/lib/report.mjs'
import { ensureBuild } from '../../scripts/lib/build.mjs'
import { ensureDependencies } from '../../scripts/lib/dependencies.mjs'
import { optionsOf } from '../../scripts/lib/options.mjs'
import { run, Stop, say } from '../../scripts/lib/project.mjs'
import { ensureRedis } from '../../scripts/lib/redis.mjs'
import { ROWS } from './attacks/index.mjs'
import { dataOf, saveResult, writePage } from './lib/page.mjs'
import { abandon } from './lib/subject.mjs'
import { line } from './lib/terminal.mjs'
import { calibrate, trial, tryRow } from './lib/trial.mjs'

const HELP = `npm run test:abuse [-- options]

  (none)             all rows, one process and two; writes docs/data/fair-share.json and
                     docs/reports/fair-share.md
  --only <regexp>    those rows whose name it matches; their results replace those that are kept
  --list             only names the rows
  --seconds <n>      length of each attack (5)
  --after <n>        how long is looked at afterwards (5)
  --quick            1 second each
  --processes <p>    1, 2 or both (both): servers before one Redis; the abuser uses all, the neighbour
                     the first
  --scale <share>    share of the full number of connections, keys and bytes (1)
  --all              all rows at once
  --minutes <n>      with --all: for so long (10)
  --out <file>       other data file; the page is not written then
  --baseline <file>  an earlier run, shown before this one (docs/data/fair-share-before.json when it is there)
  --page             only makes the page anew from the data
  --dist <folder>    another build of the server
`

/** @type {Record<string, string | boolean | undefined>} */
const values = optionsOf(HELP, {
  only: { type: 'string' },
  list: { type: 'boolean' },
  seconds: { type: 'string' },
  after: { type: 'string' },
  quick: { type: 'boolean' },
  processes: { type: 'string' },
  scale: { type: 'string' },
  all: { type: 'boolean' },
  minutes: { type: 'string' },
  out: { type: 'string' },
  baseline: { type: 'string' },
  page: { type: 'boolean' },
  dist: { type: 'string' },
})

/**
 * @param {string} name
 * @param {number} fallback
 */
const number = (name, fallback) => {
  const value = values[name]
  if (value === undefined) return fallback
  const parsed = Number(value)
  if (!(parsed > 0)) throw new Stop(`--${name} takes a number above 0`)
  return parsed
}

/** @param {string} name */
const text = (name) => {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** Shares of one core that are burnt without sending anything. */
const CALIBRATIONS = [0, 0.5, 1]
/** With all rows at once: their processes. */
const ABUSERS = 4

const chosenProcesses = () => {
  const value = text('processes') ?? 'both'
  if (!['1', '2', 'both'].includes(value)) throw new Stop('--processes takes 1, 2 or both')
  return value === 'both' ? [1, 2] : [Number(value)]
}

await run(async () => {
  if (values.list) {
    process.stdout.write(
      ROWS.map(
        ({ name, door, scope, title }) =>
          `${name.padEnd(26)} ${door.padEnd(5)} ${scope.padEnd(8)} ${title}\n`,
      ).join(''),
    )
    return 0
  }
  const baseline = text('baseline')
  if (values.page) {
    writePage(baseline)
    return 0
  }
  const seconds = values.quick ? 1 : number('seconds', 5)
  const pattern = text('only')
  const processCounts = chosenProcesses()
  ensureDependencies()
  const dist = text('dist')
  if (dist === undefined) ensureBuild()
  ensureRedis()
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      abandon()
      process.exit(130)
    })
  }
  const options = {
    seconds,
    after: values.quick ? 1 : number('after', 5),
    scale: number('scale', 1),
    ...(dist === undefined ? {} : { dist }),
  }
  const isChosen = (/** @type {string} */ name) => pattern === undefined || new RegExp(pattern).test(name)
  const chosen = ROWS.filter(({ name }) => isChosen(name))
  const shares = CALIBRATIONS.filter((share) => isChosen(`calibration-${share * 100}`))
  if (chosen.length + shares.length === 0) throw new Stop(`no row's name matches ${pattern}; see --list`)
  const out = text('out')
  const how = circumstances(
    `Every row was run once, for ${seconds} s or a little more; other work shared the machine.`,
  )
  let missed = 0
  for (const processes of processCounts) {
    /** @type {(() => Promise<import('./lib/types.mjs').Result>)[]} */
    const trials = values.all
      ? [
          () => {
            const groups = Array.from({ length: ABUSERS }, (_, index) =>
              chosen.filter((_, n) => n % ABUSERS === index),
            )
            const heading = {
              name: 'all',
              title: `all ${chosen.length} rows at once, a tenth of the connections each`,
              door: /** @type {const} */ ('both'),
              scope: /** @type {const} */ ('kv'),
            }
            return trial(heading, groups, {
              ...options,
              processes,
              seconds: number('minutes', 10) * 60,
              scale: number('scale', 0.1),
              keepServing: true,
            })
          },
        ]
      : [
          ...shares.map((share) => () => calibrate(share, { ...options, processes })),
          ...chosen.map((row) => () => tryRow(row, { ...options, processes })),
        ]
    for (const [index, one] of trials.entries()) {
      try {
        const result = await one()
        process.stdout.write(`${String(index + 1).padStart(3)}/${trials.length} ${line(result)}\n`)
        saveResult(out, how, result)
      } catch (error) {
        missed++
        say(`row ${index + 1} could not be measured: ${error instanceof Error ? error.message : error}`)
      }
    }
  }
  if (out === undefined && dataOf() !== undefined) writePage(baseline)
  return missed === 0 ? 0 : 1
})
