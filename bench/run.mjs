// npm run bench [-- options]: compares with others and writes docs/reports/benchmarks.md and its drawing.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ensureBuild } from '../scripts/lib/build.mjs'
import { ensureDependencies } from '../scripts/lib/dependencies.mjs'
import { optionsOf } from '../scripts/lib/options.mjs'
import { root, run, Stop, say } from '../scripts/lib/project.mjs'
import { ensureRedis } from '../scripts/lib/redis.mjs'

const HELP = `npm run bench [-- options]

  (none)            all work, all contenders; writes docs/reports/benchmarks.md and benchmarks.svg beside it
  --growth          how figures grow with what is stored; writes docs/reports/benchmarks.md and
                    benchmarks-growth.svg beside it
  --profile <row>   one row (such as set16) against the server under --cpu-prof: functions by self time

  --only <rows>     rows whose id begins with one of these (set16,get); with --growth: panels
  --against <ids>   contenders (redis,pipe,twemproxy,naive,ours,bare-http,bare-rest,webdis)
  --other <dist>    also another build of the server, to see what a change is worth; prints only
  --rounds <n>      default 3
  --seconds <n>     of each cell, default 2
  --quick           1 round of 0.3 s: to see that everything works
  --dry             print only, write no files in docs
`

const list = (text) => text?.split(',').map((part) => part.trim())
const positive = (name, text) => {
  if (Number(text) > 0) return Number(text)
  throw new Stop(`--${name} must be a number above 0`)
}

const values = optionsOf(HELP, {
  growth: { type: 'boolean' },
  profile: { type: 'string' },
  only: { type: 'string' },
  against: { type: 'string' },
  other: { type: 'string' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  quick: { type: 'boolean' },
  dry: { type: 'boolean' },
})

await run(async () => {
  ensureDependencies()
  ensureBuild()
  ensureRedis()
  const { stopAll } = await import('./lib/processes.mjs')
  const { createStage, ensureProgram } = await import('./lib/contenders.mjs')
  if (!(await ensureProgram('redis-benchmark', 'redis-tools', say)))
    throw new Stop('redis-benchmark is needed')
  const options = {
    rounds: positive('rounds', values.rounds ?? (values.quick ? 1 : 3)),
    seconds: positive('seconds', values.seconds ?? (values.quick ? 0.3 : 2)),
    quick: values.quick === true,
    only: list(values.only),
    against: list(values.against),
    other: values.other === undefined ? undefined : resolve(values.other),
    // A part of the rows would make a page with holes.
    write:
      !values.dry && values.other === undefined && values.only === undefined && values.against === undefined,
    say,
  }
  const stage = await createStage()
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      stopAll()
      rmSync(stage.folder, { recursive: true, force: true })
      process.exit(130)
    })
  }
  try {
    if (values.profile !== undefined)
      await (await import('./lib/profile.mjs')).profile(stage, values.profile, options)
    else if (values.growth) keep('growth', await (await import('./lib/growth.mjs')).growth(stage, options))
    else keep('compare', await (await import('./lib/compare.mjs')).compare(stage, options))
  } finally {
    await stage.close()
    stopAll()
  }
  return 0
})

/** The figures themselves, for whoever wants to look closer. */
function keep(name, results) {
  const folder = join(root, '.tmp')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `bench-${name}.json`), `${JSON.stringify(results, null, 2)}\n`)
}
