// npm run test:reliability [-- options]: the long run. Builds as far as needed, prints a table fault by
// outcome, and writes it to docs/data/reliability.json and docs/reports/reliability.md.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuild } from '../../scripts/lib/build.mjs'
import { ensureDependencies } from '../../scripts/lib/dependencies.mjs'
import { optionsOf } from '../../scripts/lib/options.mjs'
import { root, run, Stop } from '../../scripts/lib/project.mjs'
import { ensureRedis } from '../../scripts/lib/redis.mjs'
import { tableOf, withTable } from './table.mjs'

const HELP = `npm run test:reliability [-- options]

  --minutes <n>      how long faults are injected, default 10
  --seed <n>         repeats the choices of an earlier run, not its timing
  --faults <names>   only these, such as redis-kill,link; the docs are then not written
`

const values = optionsOf(HELP, {
  minutes: { type: 'string', default: '10' },
  seed: { type: 'string' },
  faults: { type: 'string' },
})

await run(() => {
  if (!(Number(values.minutes) > 0)) throw new Stop('--minutes must be a number above 0')
  ensureDependencies()
  ensureBuild()
  ensureRedis()
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tmp/reliability-report-'))
  const output = join(folder, 'report.json')
  try {
    const env = {
      ...process.env,
      AUTOMATION_KV_TEST_MINUTES: values.minutes,
      AUTOMATION_KV_TEST_OUTPUT: output,
      AUTOMATION_KV_TEST_VERBOSE: '1',
      ...(values.seed === undefined ? {} : { AUTOMATION_KV_TEST_SEED: values.seed }),
      ...(values.faults === undefined ? {} : { AUTOMATION_KV_TEST_FAULTS: values.faults }),
    }
    const vitest = join(root, 'node_modules/vitest/vitest.mjs')
    const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/reliability/reliability.test.ts'], {
      cwd: root,
      env,
      stdio: 'inherit',
    })
    if (!existsSync(output)) return status ?? 1
    const report = JSON.parse(readFileSync(output, 'utf8'))
    process.stdout.write(`\n${tableOf(report)}\n`)
    // A run of chosen faults is no proof for the docs, and neither is one that failed.
    if (status === 0 && values.faults === undefined) {
      mkdirSync(join(root, 'docs/data'), { recursive: true })
      writeFileSync(join(root, 'docs/data/reliability.json'), `${JSON.stringify(report, undefined, 2)}\n`)
      const page = join(root, 'docs/reports/reliability.md')
      writeFileSync(page, withTable(readFileSync(page, 'utf8'), report))
    }
    return status ?? 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
