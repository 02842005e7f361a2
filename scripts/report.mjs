// node scripts/report.mjs FILE: one line of a JSON report of vitest; fails when a test failed or none ran.

import { run } from './lib/project.mjs'
import { countsOf, lineOf } from './lib/report.mjs'

await run(() => {
  const counts = countsOf(process.argv[2] ?? '')
  process.stdout.write(`${lineOf(counts)}\n`)
  return counts.failed > 0 || counts.passed === 0 ? 1 : 0
})
