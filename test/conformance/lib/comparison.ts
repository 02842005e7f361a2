import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compare, compareAtOnce, type Oracle, startOracle } from './compare.ts'
import { type Engine, startEngine } from '../../helpers/engine.ts'
import { startRedis, type TestRedis } from '../../helpers/redis.ts'

/** A plain Redis, and the engine before another one, while the tests of a file run. */
export interface Rivals {
  readonly oracle: Oracle
  readonly engine: Engine
  /** The plain Redis. */
  readonly reference: TestRedis
  /** The Redis that the engine stands before. */
  readonly backing: TestRedis
}

/** To be called within a `describe` or a file: starts them before its tests and stops them afterwards. */
export function useRivals(): Rivals {
  let reference: TestRedis
  let backing: TestRedis
  let oracle: Oracle | undefined
  let engine: Engine | undefined

  beforeAll(async () => {
    ;[reference, backing] = await Promise.all([startRedis(), startRedis()])
    oracle = await startOracle(reference.url)
    engine = await startEngine(backing.url)
  })

  afterAll(async () => {
    oracle?.close()
    await engine?.close()
    await Promise.all([reference?.stop(), backing?.stop()])
  })

  return {
    get oracle() {
      return oracle!
    },
    get engine() {
      return engine!
    },
    get reference() {
      return reference
    },
    get backing() {
      return backing
    },
  }
}

/** A test for each script: both answer alike, directly and computed, in RESP2 and RESP3. */
export function scriptsAreAnsweredAlike(rivals: Rivals, scripts: Readonly<Record<string, string>>): void {
  test.each(Object.entries(scripts))('%s', async (_title, script) => {
    expect(await compare(rivals.oracle, rivals.engine, script)).toEqual([])
  })
}

/** The same for random scripts, with `end` behind each; fast-check prints the seed of a failure. */
export function randomScriptsAreAnsweredAlike(rivals: Rivals, scripts: fc.Arbitrary<string>, end: string): void {
  const numRuns = Number(process.env['AUTOMATION_KV_TEST_RUNS'] ?? 40)

  test.each([
    ['one after the other', compare],
    ['all at once', compareAtOnce],
  ])('random commands, %s', { timeout: 600_000 }, async (_title, ask) => {
    await fc.assert(
      fc.asyncProperty(scripts, async (script) => {
        expect(await ask(rivals.oracle, rivals.engine, script + end)).toEqual([])
      }),
      { numRuns },
    )
  })
}
