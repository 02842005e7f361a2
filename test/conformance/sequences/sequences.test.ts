import { writeSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Duel, startDuel } from './server-pair.ts'
import { fight } from './run-sequence.ts'
import { sequences } from './sequences.ts'

const { AUTOMATION_KV_TEST_RUNS: runs, CI: ci } = process.env
/** CI tells of a change of ours, so it asks the same questions each time; elsewhere every run asks others. */
const seed = process.env['AUTOMATION_KV_TEST_SEED'] ?? (ci === 'true' && runs === undefined ? '7' : undefined)
/** A long run reports how far it is; without one the time is bounded, and as many sequences are run as fit into it. */
const numRuns = Number(runs ?? 1_500)
const TIME_LIMIT_MS = 20_000
const REPORT_EVERY_MS = 10_000

let duel: Duel

beforeAll(async () => {
  duel = await startDuel()
})
afterAll(() => duel?.stop())

test('random sequences are answered, and leave the data, as by a real Redis', { timeout: runs === undefined ? 180_000 : 2 ** 31 - 1 }, async () => {
  let done = 0
  let reportAt = Date.now() + REPORT_EVERY_MS
  await fc.assert(
    fc.asyncProperty(sequences, async (sequence) => {
      await fight(duel, sequence)
      done++
      if (runs !== undefined && Date.now() >= reportAt) {
        reportAt = Date.now() + REPORT_EVERY_MS
        writeSync(2, `differential: ${done} of ${numRuns} sequences are the same\n`)
      }
    }),
    {
      numRuns,
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      ...(runs === undefined ? { interruptAfterTimeLimit: TIME_LIMIT_MS } : {}),
    },
  )
  expect(done).toBeGreaterThan(0)
})
