import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { run } from './run.ts'

// Signals and replicas are for processes of this machine.
process.env.AUTOMATION_KV_TEST_REDIS ??= 'local'

const { env } = process
const minutes = Number(env.AUTOMATION_KV_TEST_MINUTES ?? 0)
const seed = Number(env.AUTOMATION_KV_TEST_SEED ?? Date.now() % 2 ** 31)
const only = env.AUTOMATION_KV_TEST_FAULTS?.split(',')

test(`no acknowledged write is lost, no refused one is there, under every fault (seed ${seed})`, {
  timeout: (minutes + 5) * 60_000,
}, async () => {
  process.stdout.write(`reliability: seed ${seed}\n`)
  const report = await run({
    seed,
    minutes,
    only,
    // A short run has two servers, which is enough for them to disagree.
    servers: minutes > 0 ? 3 : 2,
    enough: minutes > 0 ? 400 : 60,
    onEpisode: ({ fault, ok, refused, unknown, lost, recoveryMs, refusalMs }) => {
      if (env.AUTOMATION_KV_TEST_VERBOSE === undefined) return
      const outcomes = `ok ${ok}, refused ${refused} (p99 ${refusalMs.p99.toFixed(1)} ms), unknown ${unknown}, lost ${lost}`
      process.stdout.write(
        `${new Date().toISOString()} ${fault}: ${outcomes}, recovered in ${recoveryMs.toFixed(0)} ms\n`,
      )
    },
  })
  if (env.AUTOMATION_KV_TEST_OUTPUT !== undefined)
    writeFileSync(env.AUTOMATION_KV_TEST_OUTPUT, JSON.stringify(report, undefined, 2))
  expect(report.violations.join('\n\n')).toBe('')
  for (const row of report.rows) {
    // Promised are 2 seconds, and refusals at once: usually within some milliseconds. A test machine may be
    // busy.
    expect(row.slowestRecoveryMs, row.fault).toBeLessThan(5_000)
    expect(row.refusalP99Ms, row.fault).toBeLessThan(1_000)
  }
})
