import { writeSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runSequence } from './run-sequence.ts'
import { sequences } from './sequences.ts'
import { type ServerPair, startServerPair } from './server-pair.ts'

const { AUTOMATION_KV_TEST_RUNS: runs, CI: ci } = process.env
/** CI tells of a change of ours, so it asks the same questions each time; elsewhere every run asks others. */
const seed = process.env.AUTOMATION_KV_TEST_SEED ?? (ci === 'true' && runs === undefined ? '7' : undefined)
/**
 * A long run reports how far it is; without one the time is bounded, and as many sequences are run as fit
 * into it.
 */
const numRuns = Math.ceil(Number(runs ?? 3_000) / 2)
const TIME_LIMIT_MS = 10_000
const REPORT_EVERY_MS = 10_000

/** In a long run each of them has half of the sequences. */
describe.for(['here', 'on threads'] as const)('random sequences, scripts %s,', (where) => {
  let servers: ServerPair

  beforeAll(async () => {
    servers = await startServerPair(where)
  })
  afterAll(() => servers?.stop())

  test('are answered, and leave the data, as by a real Redis', {
    timeout: runs === undefined ? 180_000 : 2 ** 31 - 1,
  }, async () => {
    let done = 0
    let reportAt = Date.now() + REPORT_EVERY_MS
    await fc.assert(
      fc.asyncProperty(sequences, async (sequence) => {
        await runSequence(servers, sequence)
        done++
        if (runs !== undefined && Date.now() >= reportAt) {
          reportAt = Date.now() + REPORT_EVERY_MS
          writeSync(2, `conformance, scripts ${where}: ${done} of ${numRuns} sequences are the same\n`)
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
})
