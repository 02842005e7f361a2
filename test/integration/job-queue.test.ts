import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Engine, startEngine } from '../helpers/engine.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'

let redis: TestRedis
let engine: Engine
const faults: Error[] = []

beforeAll(async () => {
  redis = await startRedis()
  engine = await startEngine(redis.url, { report: (error) => faults.push(error) })
})
afterAll(async () => {
  await engine.close()
  await redis.stop()
})

test('a fault in one caller with its outcome is reported, and gives nobody else another answer', async () => {
  const fault = new Error('a fault of a caller')
  const automation = engine.automation('faults')
  const name = Buffer.from('n')
  const outcomes: string[] = []
  const submit = (value: string, then?: () => void): Promise<void> =>
    new Promise((resolve) => {
      engine.store.compute(automation, {
        needs: [{ name, extent: 'meta' }],
        run: (db) => db.setPlain(name, { bytes: Buffer.from(value), json: false }, { expireAt: 0 }),
        done: (error, _result, { version }) => {
          outcomes.push(`${value}: ${error?.message ?? version}`)
          resolve()
          then?.()
        },
      })
    })
  // All three share a batch.
  await Promise.all([
    submit('first'),
    submit('second', () => {
      throw fault
    }),
    submit('third'),
  ])
  expect(outcomes).toEqual(['first: 1', 'second: 2', 'third: 3'])
  expect(faults).toEqual([fault])
  expect(await engine.version('faults')).toBe(3)
})
