import { expect, test } from 'vitest'
import { lcsReply, parseLcsOptions } from '../../../src/commands/strings/lcs-reply.ts'
import { lcs, lcsLength } from '../../../src/redis-semantics/lcs.ts'
import { MapReply } from '../../../src/reply/reply.ts'

const options = (...args: string[]) => parseLcsOptions(args.map((arg) => Buffer.from(arg)))
const run = (a: string, b: string, ...args: string[]) =>
  lcsReply(Buffer.from(a), Buffer.from(b), options(...args))

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
  expect(() => options('LEN', 'IDX')).toThrow(
    'ERR If you want both the length and indexes, please just use IDX.',
  )
  expect(() => options('MINMATCHLEN')).toThrow('ERR syntax error')
  expect(() => options('MINMATCHLEN', 'x')).toThrow('ERR value is not an integer or out of range')
  expect(() => run('a'.repeat(12_000), 'b'.repeat(12_000), 'LEN')).toThrow(
    'ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len',
  )
})
