import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Engine, startEngine } from '../../helpers/engine.ts'
import { startRedis, type TestRedis } from '../../helpers/redis.ts'
import { compare, compareAtOnce, type Reference, startReference } from './compare.ts'

/** A plain Redis, and the engine before another one, while the tests of a file run. */
export interface Comparison {
  readonly reference: Reference
  readonly engine: Engine
  readonly referenceRedis: TestRedis
  /** The Redis that the engine stands before. */
  readonly backingRedis: TestRedis
}

/** To be called within a `describe` or a file: starts them before its tests and stops them afterwards. */
export function useComparison(): Comparison {
  let referenceRedis: TestRedis
  let backingRedis: TestRedis
  let reference: Reference | undefined
  let engine: Engine | undefined

  beforeAll(async () => {
    ;[referenceRedis, backingRedis] = await Promise.all([startRedis(), startRedis()])
    reference = await startReference(referenceRedis.url)
    engine = await startEngine(backingRedis.url)
  })

  afterAll(async () => {
    reference?.close()
    await engine?.close()
    await Promise.all([referenceRedis?.stop(), backingRedis?.stop()])
  })

  return {
    get reference() {
      return reference!
    },
    get engine() {
      return engine!
    },
    get referenceRedis() {
      return referenceRedis
    },
    get backingRedis() {
      return backingRedis
    },
  }
}

/** A test for each script: both answer alike, directly and computed, in RESP2 and RESP3. */
export function scriptsAreAnsweredAlike(
  comparison: Comparison,
  scripts: Readonly<Record<string, string>>,
): void {
  test.each(Object.entries(scripts))('%s', async (_title, script) => {
    expect(await compare(comparison.reference, comparison.engine, script)).toEqual([])
  })
}

/** The same for random scripts, with `end` behind each; fast-check prints the seed of a failure. */
export function randomScriptsAreAnsweredAlike(
  comparison: Comparison,
  scripts: fc.Arbitrary<string>,
  end: string,
): void {
  const numRuns = Number(process.env.AUTOMATION_KV_TEST_RUNS ?? 40)

  test.each([
    ['one after the other', compare],
    ['all at once', compareAtOnce],
  ])('random commands, %s', { timeout: 600_000 }, async (_title, ask) => {
    await fc.assert(
      fc.asyncProperty(scripts, async (script) => {
        expect(await ask(comparison.reference, comparison.engine, script + end)).toEqual([])
      }),
      { numRuns },
    )
  })
}
