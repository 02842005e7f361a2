import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import Parser from 'redis-parser'
import { describe, expect, test } from 'vitest'
import type { BackingReply } from '../../../src/backing/wire.ts'
import { ReplyDecoder } from '../../../src/protocol/reply-decoder.ts'

const read = (pieces: readonly Buffer[]): BackingReply[] => {
  const replies: BackingReply[] = []
  const decoder = new ReplyDecoder((reply) => replies.push(reply))
  for (const piece of pieces) decoder.write(piece)
  return replies
}

/** As a text that tells types apart. */
const shown = (reply: unknown): string => {
  if (reply === null) return 'nil'
  if (Array.isArray(reply)) return `[${reply.map(shown).join(' ')}]`
  if (reply instanceof Error) return `${reply.name}<${reply.message}>`
  return Buffer.isBuffer(reply) ? reply.toString('base64') : `${typeof reply} ${String(reply)}`
}

/** What redis-parser makes of it. */
const expected = (bytes: Buffer): string[] => {
  const replies: string[] = []
  const take = (reply: unknown): void => void replies.push(shown(reply))
  new Parser({ returnBuffers: true, returnReply: take, returnError: take }).execute(bytes)
  return replies
}

const line = fc.string({ maxLength: 20 }).map((text) => text.replace(/[\r\n]/g, ' '))
const bulk = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 16_000, max: 200_000 })
      .map((length) => new Uint8Array(length).fill(length % 251)),
  },
)
const { reply } = fc.letrec<{ reply: Buffer }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 4 },
    bulk.map((bytes) => Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')])),
    fc.constantFrom('$-1\r\n', '*-1\r\n', '*0\r\n', '$0\r\n\r\n', ':0\r\n').map((text) => Buffer.from(text)),
    fc.maxSafeInteger().map((value) => Buffer.from(`:${value}\r\n`)),
    fc.tuple(fc.constantFrom('+', '-'), line).map(([type, text]) => Buffer.from(`${type}${text}\r\n`)),
    fc
      .array(tie('reply'), { maxLength: 5 })
      .map((items) => Buffer.concat([Buffer.from(`*${items.length}\r\n`), ...items])),
  ),
}))

describe('replies of the backing Redis', () => {
  test('are what redis-parser makes of them, in whatever pieces they come', () => {
    fc.assert(
      fc.property(
        fc.array(reply, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (replies, cuts) => {
          const bytes = Buffer.concat(replies)
          const at = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b)
          const pieces = [0, ...at].map((from, i) => bytes.subarray(from, at[i]))
          expect(read(pieces).map(shown)).toEqual(expected(bytes))
        },
      ),
      { numRuns: 400 },
    )
  })

  test('may be cut at any byte', () => {
    const bytes = Buffer.from(
      '*3\r\n$3\r\na\r\n\r\n:-12\r\n*2\r\n-ERR no\r\n$-1\r\n+OK\r\n*0\r\n*-1\r\n$0\r\n\r\n',
    )
    const whole = expected(bytes)
    for (let i = 0; i <= bytes.length; i++) {
      for (let k = i; k <= bytes.length; k++)
        expect(read([bytes.subarray(0, i), bytes.subarray(i, k), bytes.subarray(k)]).map(shown)).toEqual(
          whole,
        )
    }
    const long = Buffer.concat([
      Buffer.from('$20000\r\n'),
      Buffer.alloc(20_000, 'x'),
      Buffer.from('\r\n:1\r\n'),
    ])
    for (const i of [1, 8, 9, 10, 20_007, 20_008, 20_009, 20_010, 20_011]) {
      for (let k = i; k <= long.length; k = k < 20_000 ? k + 4_999 : k + 1) {
        expect(read([long.subarray(0, i), long.subarray(i, k), long.subarray(k)]).map(shown)).toEqual(
          expected(long),
        )
      }
    }
  })

  test.each(['x\r\n', '%1\r\n', '+a\rb\r\n', '\r\n:1\r\n'])('that are none are refused: %j', (text) => {
    expect(() => read([Buffer.from(text)])).toThrow(Error)
  })

  test('are whole before they are told', () => {
    expect(read([Buffer.from('*2\r\n:1\r\n')])).toEqual([])
    expect(read([Buffer.from(':1\r')])).toEqual([])
  })
})
