import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ErrorReply } from '../../src/reply/reply.ts'
import { type Engine, startEngine } from '../helpers/engine.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'

// More arguments, or more elements of a key, than a function call of JavaScript takes (about 120,000).

const MANY = 130_000
const LIST = Array.from({ length: MANY }, (_, i) => `m${i}`)

let redis: TestRedis
let engine: Engine
beforeAll(async () => {
  redis = await startRedis()
  engine = await startEngine(redis.url, { maxKeys: 1_000_000, lockTimeoutMs: 60_000 })
})
afterAll(async () => {
  await engine.close()
  await redis.stop()
})

let automations = 0
const fresh = (): string => `many-${++automations}`
const run = async (id: string, args: readonly string[]): Promise<unknown> => {
  const reply = await engine.run(id, args)
  if (reply instanceof ErrorReply) throw new Error(reply.text)
  return reply
}

describe('arguments', { timeout: 120_000 }, () => {
  const CASES: Readonly<Record<string, readonly string[]>> = {
    PFADD: ['PFADD', 'k', ...LIST],
    EXISTS: ['EXISTS', ...LIST],
    ZUNION: ['ZUNION', String(MANY), ...LIST, 'WEIGHTS', ...LIST.map(() => '1')],
    BITFIELD: ['BITFIELD', 'k', ...LIST.flatMap(() => ['SET', 'u8', '0', '1'])],
    XDEL: ['XDEL', 'k', ...LIST.map((_, i) => `1-${i}`)],
    XACK: ['XACK', 'k', 'g', ...LIST.map((_, i) => `1-${i}`)],
    SORT: ['SORT', 'k', ...LIST.flatMap(() => ['GET', '#'])],
  }
  test.each(Object.entries(CASES))('%s', async (_name, args) => {
    await run(fresh(), args)
  })
})

describe('elements', { timeout: 120_000 }, () => {
  test('a set', async () => {
    const id = fresh()
    await run(id, ['SADD', 'k', ...LIST])
    expect(await run(id, ['SUNIONSTORE', 'd', 'k'])).toBe(MANY)
    expect(await run(id, ['SORT', 'k', 'ALPHA', 'STORE', 'l'])).toBe(MANY)
    expect(await run(id, ['LLEN', 'l'])).toBe(MANY)
  })
})
