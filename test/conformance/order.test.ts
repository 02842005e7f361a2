import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ORDERED_HASHES } from '../../src/backing/embedded/embedded-redis.ts'
import { type Engine, startEngine } from '../helpers/engine.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { compare, type Reference, startReference } from './lib/compare.ts'

/** Orders that programs see in Redis and lean on, though it promises none of them. */
let redises: TestRedis[] = []
let reference: Reference
let engine: Engine

beforeAll(async () => {
  redises = await Promise.all([startRedis(), startRedis({ args: ORDERED_HASHES })])
  reference = await startReference(redises[0]!.url)
  engine = await startEngine(redises[1]!.url)
})
afterAll(async () => {
  reference.close()
  await engine.close()
  await Promise.all(redises.map((redis) => redis.stop()))
})

const numbered = (count: number, item: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => item(i)).join(' ')

test('compose.yaml sets the Redis up as the embedded one is', () => {
  const lines = readFileSync(new URL('../../compose.yaml', import.meta.url), 'utf8').replace(
    /^ *- '?|'$/gm,
    '',
  )
  expect(lines).toContain(ORDERED_HASHES.join('\n'))
})

describe('answers come in the order of Redis', () => {
  test('sets of integers, by their values', async () => {
    const script = `
      SADD s 10 9 -3 9223372036854775807 -9223372036854775808 0 100
      SMEMBERS s
      SSCAN s 0
      SADD t 9 10 1000 5
      SUNION s t
      SINTER t s
      SDIFF s t
      SUNIONSTORE u s t
      SMEMBERS u
      SREM u 10
      SMEMBERS u
      SADD most ${numbered(512, (i) => String((i * 7919) % 100_003))}
      SMEMBERS most
      EVAL "return redis.call('SMEMBERS', KEYS[1])" 1 s
    `
    expect(await compare(reference, engine, script)).toEqual([])
  })

  test('fields of small hashes, as they were added', async () => {
    const script = `
      HSET h zeta 1 alpha 2 {64*m} {64*v} "" 4
      HGETALL h
      HSET h alpha 9 beta 5
      HKEYS h
      HVALS h
      HDEL h zeta
      HSET h zeta 7
      HINCRBY h alpha 3
      HGETALL h
      HSCAN h 0
      HSET most ${numbered(128, (i) => `f${(i * 37) % 128} v${i}`)}
      HGETALL most
      EVAL "redis.call('HSET', KEYS[1], 'new', '1', 'aa', '2') return redis.call('HGETALL', KEYS[1])" 1 h
      HGETALL h
      EVAL "for _, f in ipairs({'z', 'y', 'a', 'b'}) do redis.call('HSET', 'made', f, '1') end return redis.call('HKEYS', 'made')" 0
      HKEYS made
      COPY h copied
      HKEYS copied
      RENAME copied renamed
      HKEYS renamed
    `
    expect(await compare(reference, engine, script)).toEqual([])
  })
})
