import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { INT64_MAX, INT64_MIN, parseInteger } from '../../../src/redis-semantics/integers.ts'
import { asText, useRedis70 } from '../lib/redis-70.ts'

describe('against Redis', () => {
  const call = useRedis70()

  const edge = fc
    .integer({ min: -3, max: 3 })
    .chain((step) => fc.constantFrom(INT64_MAX, INT64_MIN).map((n) => String(n + BigInt(step))))
  const text = fc.oneof(
    edge,
    fc.string({ unit: fc.constantFrom(...'-+ 0123456789'), maxLength: 22 }),
    fc.bigInt().map(String),
  )

  test('INCRBY accepts the same texts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 50, maxLength: 50 }), async (texts) => {
        const replies = await Promise.all(
          texts.map(async (value) => {
            void call('SET', 'k', value)
            const sum = call('INCRBY', 'k', 0)
            // The integer reply is a number in ioredis, which cannot hold 64 bits.
            const stored = asText(await call('GET', 'k'))
            const error = await sum
            return error instanceof Error ? error.message : stored
          }),
        )
        const ours = texts.map((value) =>
          String(parseInteger(Buffer.from(value)) ?? 'ERR value is not an integer or out of range'),
        )
        expect(ours).toEqual(replies)
      }),
      { numRuns: 40 },
    )
  })
})
