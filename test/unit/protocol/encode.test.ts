import fc from 'fast-check'
import Parser from 'redis-parser'
import { describe, expect, test } from 'vitest'
import { encodeReply, OutputBuffer, type Protocol } from '../../../src/protocol/encode.ts'
import {
  BigNumber,
  Double,
  ErrorReply,
  MapReply,
  NULL_ARRAY,
  OK,
  PairsReply,
  PONG,
  PushReply,
  QUEUED,
  type Reply,
  SetReply,
  SimpleString,
  Verbatim,
} from '../../../src/reply/reply.ts'

const encode = (reply: Reply, protocol: Protocol): string => {
  const out = new OutputBuffer()
  encodeReply(reply, protocol, out)
  return Buffer.concat(out.take()).toString('latin1')
}

/** Buffers as text: toEqual would walk them byte by byte. */
const comparable = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(comparable)
  return Buffer.isBuffer(value) ? `bulk ${value.toString('latin1')}` : value
}

const CASES: [name: string, reply: Reply, resp2: string, resp3?: string][] = [
  ['Buffer', Buffer.from([0xff, 0x0d, 0x0a]), '$3\r\n\xff\r\n\r\n'],
  ['empty Buffer', Buffer.alloc(0), '$0\r\n\r\n'],
  ['Buffer of 100 bytes', Buffer.alloc(100, 'x'), `$100\r\n${'x'.repeat(100)}\r\n`],
  ['string', 'hello', '$5\r\nhello\r\n'],
  ['empty string', '', '$0\r\n\r\n'],
  ['string beyond ASCII', 'é€', '$5\r\n\xc3\xa9\xe2\x82\xac\r\n'],
  ['string of 100 characters', 'é'.repeat(100), `$200\r\n${'\xc3\xa9'.repeat(100)}\r\n`],
  ['integer', 1234567890, ':1234567890\r\n'],
  ['0', 0, ':0\r\n'],
  ['-0', -0, ':0\r\n'],
  ['negative integer', -42, ':-42\r\n'],
  ['greatest safe integer', Number.MAX_SAFE_INTEGER, ':9007199254740991\r\n'],
  ['least safe integer', Number.MIN_SAFE_INTEGER, ':-9007199254740991\r\n'],
  ['bigint', -(2n ** 63n), ':-9223372036854775808\r\n'],
  ['true', true, ':1\r\n', '#t\r\n'],
  ['false', false, ':0\r\n', '#f\r\n'],
  ['null', null, '$-1\r\n', '_\r\n'],
  ['null array', NULL_ARRAY, '*-1\r\n', '_\r\n'],
  [
    'array',
    ['a', 1, null, ['b']],
    '*4\r\n$1\r\na\r\n:1\r\n$-1\r\n*1\r\n$1\r\nb\r\n',
    '*4\r\n$1\r\na\r\n:1\r\n_\r\n*1\r\n$1\r\nb\r\n',
  ],
  ['empty array', [], '*0\r\n'],
  ['OK', OK, '+OK\r\n'],
  ['QUEUED', QUEUED, '+QUEUED\r\n'],
  ['PONG', PONG, '+PONG\r\n'],
  ['simple string', new SimpleString('string'), '+string\r\n'],
  ['simple string with CRLF', new SimpleString('a\r\nb\nc\r'), '+abc\r\n'],
  [
    'map',
    new MapReply(['a', 1, 'b', 2]),
    '*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:2\r\n',
    '%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:2\r\n',
  ],
  ['set', new SetReply(['a', 'b']), '*2\r\n$1\r\na\r\n$1\r\nb\r\n', '~2\r\n$1\r\na\r\n$1\r\nb\r\n'],
  [
    'pairs',
    new PairsReply(['a', new Double('1.5'), 'b', new Double('inf')]),
    '*4\r\n$1\r\na\r\n$3\r\n1.5\r\n$1\r\nb\r\n$3\r\ninf\r\n',
    '*2\r\n*2\r\n$1\r\na\r\n,1.5\r\n*2\r\n$1\r\nb\r\n,inf\r\n',
  ],
  ['double', new Double('3.141'), '$5\r\n3.141\r\n', ',3.141\r\n'],
  ['-inf', new Double('-inf'), '$4\r\n-inf\r\n', ',-inf\r\n'],
  ['nan', new Double('nan'), '$3\r\nnan\r\n', ',nan\r\n'],
  [
    'big number',
    new BigNumber('123456789012345678901'),
    '$21\r\n123456789012345678901\r\n',
    '(123456789012345678901\r\n',
  ],
  ['verbatim', new Verbatim('txt', 'a\né'), '$4\r\na\n\xc3\xa9\r\n', '=8\r\ntxt:a\n\xc3\xa9\r\n'],
  [
    'push',
    new PushReply(['message', 'ch', 'x']),
    '*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nx\r\n',
    '>3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nx\r\n',
  ],
  ['error', new ErrorReply('WRONGTYPE text'), '-WRONGTYPE text\r\n'],
  ['error with CRLF', new ErrorReply('ERR a\r\n+OK\r\n'), '-ERR a+OK\r\n'],
  ['error in an array', [new ErrorReply('ERR x'), OK], '*2\r\n-ERR x\r\n+OK\r\n'],
]

describe('encodeReply', () => {
  test.each(CASES)('%s', (_, reply, resp2, resp3) => {
    expect(encode(reply, 2)).toBe(resp2)
    expect(encode(reply, 3)).toBe(resp3 ?? resp2)
  })

  test('integers of every length', () => {
    for (let power = 0; power <= 15; power++) {
      for (const value of [10 ** power - 1, 10 ** power, 10 ** power + 1]) {
        expect(encode(value, 2)).toBe(`:${value}\r\n`)
        expect(encode(-value, 2)).toBe(value === 0 ? ':0\r\n' : `:-${value}\r\n`)
      }
    }
  })

  test.each([1.5, NaN, Infinity, 2 ** 53])('refuses %d as an integer', (value) => {
    expect(() => encode(value, 2)).toThrow(TypeError)
  })

  test('refuses pairs that are not pairs', () => {
    expect(() => encode(new MapReply(['a']), 3)).toThrow(TypeError)
    expect(() => encode(new PairsReply(['a']), 2)).toThrow(TypeError)
  })

  test('whatever is encoded for RESP2, a client reads back', () => {
    const { reply } = fc.letrec<{ reply: Reply }>((tie) => ({
      reply: fc.oneof(
        { depthSize: 'small' },
        fc.uint8Array({ maxLength: 100 }).map((data) => Buffer.from(data)),
        fc.constant(Buffer.alloc(20000, 'L')),
        fc.maxSafeInteger(),
        fc.constant(null),
        fc.array(tie('reply'), { maxLength: 5 }),
      ),
    }))
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 20 }), fc.integer({ min: 1, max: 5 }), (replies, perTake) => {
        const out = new OutputBuffer()
        const sent: Buffer[] = []
        replies.forEach((one, i) => {
          encodeReply(one, 2, out)
          if (i % perTake === 0) sent.push(...out.take())
        })
        sent.push(...out.take())
        const read: unknown[] = []
        const parser = new Parser({
          returnBuffers: true,
          returnReply: (one: unknown) => void read.push(one),
          returnError: () => {},
        })
        parser.execute(Buffer.concat(sent))
        expect(comparable(read)).toEqual(comparable(replies))
      }),
      { numRuns: 300 },
    )
  })
})

describe('OutputBuffer', () => {
  test('long bulks go out by reference, short ones are copied', () => {
    const out = new OutputBuffer()
    const long = Buffer.alloc(16384, 'l')
    const short = Buffer.alloc(16383, 's')
    encodeReply([long, short], 2, out)
    expect(out.bytes).toBe(4 + 8 + 16384 + 2 + 8 + 16383 + 2)
    const chunks = out.take()
    expect(chunks).toContain(long)
    expect(chunks).not.toContain(short)
    expect(Buffer.concat(chunks).toString()).toBe(`*2\r\n$16384\r\n${long}\r\n$16383\r\n${short}\r\n`)
    expect(out.bytes).toBe(0)
    expect(out.take()).toEqual([])
  })

  test('a chunk that was handed over is never written to again', () => {
    const out = new OutputBuffer()
    const taken: Buffer[] = []
    const expected: string[] = []
    for (let i = 0; i < 5000; i++) {
      encodeReply(`reply ${i}`, 2, out)
      if (i % 7 === 0) taken.push(...out.take())
      expected.push(`$${`reply ${i}`.length}\r\nreply ${i}\r\n`)
    }
    taken.push(...out.take())
    expect(Buffer.concat(taken).toString()).toBe(expected.join(''))
  })

  test('many replies make few chunks', () => {
    const out = new OutputBuffer()
    for (let i = 0; i < 100000; i++) encodeReply(OK, 2, out)
    expect(out.take().length).toBeLessThan(20)
  })

  test('clear drops what was not taken', () => {
    const out = new OutputBuffer()
    encodeReply('gone', 2, out)
    out.clear()
    encodeReply(OK, 2, out)
    expect(Buffer.concat(out.take()).toString()).toBe('+OK\r\n')
  })
})
