// npm test [-- arguments of vitest]: installs, builds and finds a Redis as far as needed, then runs the
// tests.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuild } from './lib/build.mjs'
import { ensureDependencies } from './lib/dependencies.mjs'
import { root, run, say } from './lib/project.mjs'
import { ensureRedis } from './lib/redis.mjs'
import { countsOf, lineOf } from './lib/report.mjs'

/** @param {string} report the file that vitest writes */
const test = (report) => {
  const args = process.argv.slice(2)
  const reporters = args.some((arg) => arg.startsWith('--reporter')) ? [] : ['--reporter=dot']
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const options = ['run', ...reporters, '--reporter=json', `--outputFile.json=${report}`, ...args]
  const { status } = spawnSync(process.execPath, [vitest, ...options], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (!existsSync(report)) {
    say('the tests did not run: vitest left no report')
    return 1
  }
  const counts = countsOf(report)
  if (counts.failed === 0 && counts.passed > 0 && status !== 0)
    say(`vitest ended with ${status}: see the errors above`)
  if (counts.failed + counts.passed === 0) say('no test ran')
  process.stdout.write(`${lineOf(counts)}\n`)
  return status === 0 && counts.failed === 0 && counts.passed > 0 ? 0 : 1
}

await run(() => {
  ensureDependencies()
  ensureBuild()
  // REDIS_URL does not count here: tests start a Redis of their own and never touch one that holds data.
  ensureRedis()
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tmp/test-'))
  try {
    return test(process.env.AUTOMATION_KV_TEST_REPORT || join(folder, 'report.json'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
