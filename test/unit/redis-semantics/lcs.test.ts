import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lcs, lcsLength } from '../../../src/redis-semantics/lcs.ts'
import { lcsReply, parseLcsOptions } from '../../../src/commands/strings/lcs-reply.ts'
import { MapReply } from '../../../src/reply/reply.ts'
import { useRedis70 } from '../../conformance/lib/redis-70.ts'

const options = (...args: string[]) => parseLcsOptions(args.map((arg) => Buffer.from(arg)))
const run = (a: string, b: string, ...args: string[]) => lcsReply(Buffer.from(a), Buffer.from(b), options(...args))

// The example of https://redis.io/docs/latest/commands/lcs/
test('the documented example', () => {
  const { length, value, matches } = lcs(Buffer.from('ohmytext'), Buffer.from('mynewtext'))
  expect([length, value.toString()]).toEqual([6, 'mytext'])
  expect(matches).toEqual([
    { a: [4, 7], b: [5, 8], length: 4 },
    { a: [2, 3], b: [0, 1], length: 2 },
  ])
  expect(lcsLength(Buffer.from('ohmytext'), Buffer.from('mynewtext'))).toBe(6)
})

test('options choose the reply', () => {
  expect(run('ohmytext', 'mynewtext', 'LEN')).toBe(6)
  expect(run('ohmytext', 'mynewtext')).toEqual(Buffer.from('mytext'))
  expect(run('ohmytext', 'mynewtext', 'idx', 'MINMATCHLEN', '4', 'WITHMATCHLEN')).toEqual(
    new MapReply(['matches', [[[4, 7], [5, 8], 4]], 'len', 6]),
  )
  expect(run('', 'abc')).toEqual(Buffer.alloc(0))
})

test('errors are those of Redis', () => {
  expect(() => options('LEN', 'IDX')).toThrow('ERR If you want both the length and indexes, please just use IDX.')
  expect(() => options('MINMATCHLEN')).toThrow('ERR syntax error')
  expect(() => options('MINMATCHLEN', 'x')).toThrow('ERR value is not an integer or out of range')
  expect(() => run('a'.repeat(12_000), 'b'.repeat(12_000), 'LEN')).toThrow(
    'ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len',
  )
})

describe('against Redis', () => {
  const call = useRedis70()

  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\xff'), maxLength: 150 }).map((value) => Buffer.from(value, 'latin1'))

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

  test('the limit is the same', async () => {
    // 11585 * 11585 cells of 4 bytes are just under 512 MiB.
    const a = pseudoRandom(11_584, 3)
    const longer = Buffer.concat([a, a.subarray(0, 1)])
    void call('MSET', 'a', longer, 'b', a)
    const refused = await call('LCS', 'a', 'b')
    expect(refused).toBeInstanceOf(Error)
    expect(() => lcs(longer, a)).toThrow((refused as Error).message)
    expect(lcs(a, a).length).toBe(11_584)
  })
})
