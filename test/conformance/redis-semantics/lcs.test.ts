import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lcsReply, parseLcsOptions } from '../../../src/commands/strings/lcs-reply.ts'
import { lcs, lcsLength } from '../../../src/redis-semantics/lcs.ts'
import type { MapReply } from '../../../src/reply/reply.ts'
import { useRedis70 } from '../lib/redis-70.ts'

const options = (...args: string[]) => parseLcsOptions(args.map((arg) => Buffer.from(arg)))

describe('against Redis', () => {
  const call = useRedis70()

  const text = fc
    .string({ unit: fc.constantFrom('a', 'b', 'c', '\xff'), maxLength: 150 })
    .map((value) => Buffer.from(value, 'latin1'))

  test('value, length and ranges are the same', async () => {
    await fc.assert(
      fc.asyncProperty(text, text, fc.integer({ min: -1, max: 5 }), async (a, b, min) => {
        void call('MSET', 'a', a, 'b', b)
        const [value, length, indexes] = await Promise.all([
          call('LCS', 'a', 'b'),
          call('LCS', 'a', 'b', 'LEN'),
          call('LCS', 'a', 'b', 'IDX', 'WITHMATCHLEN', 'MINMATCHLEN', min),
        ])
        expect(lcsReply(a, b, options())).toEqual(value)
        expect(lcsReply(a, b, options('LEN'))).toBe(length)
        const ours = lcsReply(a, b, options('IDX', 'WITHMATCHLEN', 'MINMATCHLEN', String(min))) as MapReply
        const [matchesName, rows, lenName, len] = indexes as [Buffer, unknown, Buffer, number]
        expect(ours.flat).toEqual([String(matchesName), rows, String(lenName), len])
      }),
      { numRuns: 400 },
    )
  })

  const pseudoRandom = (length: number, step: number): Buffer =>
    Buffer.from(Array.from({ length }, (_, i) => (i * i * step + (i >> 3)) % 13))

  test('values of many words give the same value', async () => {
    const a = pseudoRandom(1200, 7)
    const b = pseudoRandom(2100, 5)
    void call('MSET', 'a', a, 'b', b)
    expect(lcs(a, b).value).toEqual(await call('LCS', 'a', 'b'))
  })

  test('what is too long is refused with the same error', async () => {
    const longest = pseudoRandom(11_585, 3)
    void call('MSET', 'a', longest, 'b', longest)
    const refused = await call('LCS', 'a', 'b')
    expect(refused).toBeInstanceOf(Error)
    // 8192 * 8192 cells of 4 bytes are 256 MiB, half of what Redis has.
    const a = longest.subarray(0, 8_191)
    const longer = longest.subarray(0, 8_192)
    expect(() => lcs(longer, a)).toThrow((refused as Error).message)
    expect(() => lcsLength(a, longer)).toThrow((refused as Error).message)
    expect(lcs(a, a).length).toBe(8_191)
    const mebibyte = Buffer.alloc(1_048_576, 'ab')
    expect(() => lcs(mebibyte, mebibyte)).toThrow((refused as Error).message)
  })
})
