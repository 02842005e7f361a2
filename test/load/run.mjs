// npm run test:load [-- options]: heavy load on a real server process; writes docs/data/load.json and
// docs/reports/load.md, and fails when a bound breaks.
import { circumstances } from '../../bench/lib/report.mjs'
import { ensureBuild } from '../../scripts/lib/build.mjs'
import { ensureDependencies } from '../../scripts/lib/dependencies.mjs'
import { optionsOf } from '../../scripts/lib/options.mjs'
import { run, say } from '../../scripts/lib/project.mjs'
import { ensureRedis } from '../../scripts/lib/redis.mjs'
import { saveData, shown, writePage } from './lib/page.mjs'
import { FULL, runScenarios, SMALL } from './lib/scenarios.mjs'
import { stopOnSignal } from './lib/subject.mjs'

const HELP = `npm run test:load [-- options]

  (none)          all scenarios; writes docs/data/load.json and docs/reports/load.md
  --only <ids>    those whose id begins with one of these: ${FULL.map(({ id }) => id).join(',')}
  --small         a little of each
  --page          only makes docs/reports/load.md anew from the data
  --dist <folder> another build of the server
  --dry           print only, write no files in docs
`

const values = optionsOf(HELP, {
  only: { type: 'string' },
  small: { type: 'boolean' },
  page: { type: 'boolean' },
  dist: { type: 'string' },
  dry: { type: 'boolean' },
})

const print = ({ title, figures, checks }) => {
  process.stdout.write(`\n${title}\n`)
  for (const [what, [value, unit]] of Object.entries(figures))
    process.stdout.write(`  ${what}: ${shown(value, unit)}\n`)
  for (const { what, ok, value, limit, unit, detail } of checks) {
    const measured =
      value === undefined ? (detail ?? '') : `${shown(value, unit)}, at most ${shown(limit, unit)}`
    process.stdout.write(`  ${ok ? 'holds ' : 'BROKEN'} ${what}${measured === '' ? '' : `: ${measured}`}\n`)
  }
}

await run(async () => {
  if (values.page) {
    writePage()
    return 0
  }
  ensureDependencies()
  if (values.dist === undefined) ensureBuild()
  ensureRedis()
  stopOnSignal()
  const prefixes = values.only?.split(',')
  const chosen = (values.small ? SMALL : FULL).filter(
    ({ id }) => prefixes === undefined || prefixes.some((prefix) => id.startsWith(prefix)),
  )
  const rows = await runScenarios(chosen, { say, warmSeconds: values.small ? 0.5 : 2, dist: values.dist })
  rows.forEach(print)
  // A part of the scenarios would make a page with holes.
  if (prefixes === undefined && !values.small && !values.dry) {
    saveData('load', { circumstances: circumstances('Each scenario was run once.'), rows })
    writePage()
  }
  const broken = rows.flatMap(({ checks }) => checks).filter(({ ok }) => !ok).length
  process.stdout.write(`\n${broken === 0 ? 'all bounds hold' : `${broken} broken`}\n`)
  return broken === 0 ? 0 : 1
})
