import { describe, expect, test } from 'vitest'
import { RequestDecoder } from '../../../src/protocol/decode.ts'
import { type FrameEvent, Framer } from '../../../src/protocol/framer.ts'
import { type FrameLimits, UNAUTHENTICATED_LIMITS } from '../../../src/protocol/limits.ts'
import {
  byteByByte,
  bytes,
  cutAt,
  LOGGED_IN,
  multibulk,
  type Outcome,
  outcomesOf,
  readAll,
} from './requests.ts'

interface Case {
  name: string
  input: string
  outcomes: Outcome[]
  limits?: FrameLimits
}

const SMALL: FrameLimits = {
  ...LOGGED_IN,
  maxArgs: 4,
  maxBulkBytes: 8,
  hardBulkBytes: 64,
  maxFrameBytes: 48,
  maxInlineBytes: 40,
}
const SMALL_GUEST: FrameLimits = { ...SMALL, authenticated: false }
const error = (text: string): string => `ERR Protocol error: ${text}`
const PING = '*1\r\n$4\r\nPING\r\n'

const CASES: Case[] = [
  { name: 'one argument', input: PING, outcomes: [['PING']] },
  {
    name: 'several arguments',
    input: '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\n',
    outcomes: [['SET', 'k', 'hello']],
  },
  { name: 'an empty bulk', input: '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n', outcomes: [['ECHO', '']] },
  {
    name: 'CRLF, NUL and headers inside a bulk',
    input: '*2\r\n$4\r\nECHO\r\n$12\r\n\r\n*1\0\r\n$4\xff\r\n\r\n',
    outcomes: [['ECHO', '\r\n*1\0\r\n$4\xff\r\n']],
  },
  {
    name: 'two digits in both lengths',
    input: `*10\r\n${'$10\r\n0123456789\r\n'.repeat(10)}`,
    outcomes: [Array.from({ length: 10 }, () => '0123456789')],
  },
  {
    name: 'pipelined requests',
    input: `${PING}*2\r\n$4\r\nECHO\r\n$1\r\na\r\n${PING}`,
    outcomes: [['PING'], ['ECHO', 'a'], ['PING']],
  },
  {
    name: '*0, *-1 and *-10 are skipped',
    input: `*0\r\n${PING}*-1\r\n*-10\r\n${PING}`,
    outcomes: [['PING'], ['PING']],
  },
  {
    name: 'empty lines are skipped',
    input: `\r\n\n  \t\r\n${PING}\r\n${PING}`,
    outcomes: [['PING'], ['PING']],
  },
  {
    name: 'inline',
    input: 'PING\r\nECHO  a\tb \nGET k\r\n',
    outcomes: [['PING'], ['ECHO', 'a', 'b'], ['GET', 'k']],
  },
  {
    name: 'inline between multibulk',
    input: `${PING}ECHO x\r\n${PING}`,
    outcomes: [['PING'], ['ECHO', 'x'], ['PING']],
  },
  {
    name: 'inline: double quotes',
    input: 'ECHO "a b" "\\x41\\xzz\\n\\r\\t\\b\\a\\q\\"" ""\r\n',
    outcomes: [['ECHO', 'a b', 'Axzz\n\r\t\b\x07q"', '']],
  },
  { name: 'inline: single quotes', input: "ECHO 'a \\'b\\n' ''\r\n", outcomes: [['ECHO', "a 'b\\n", '']] },
  { name: 'inline: a quote opens inside a word', input: 'ECHO a"b c"\r\n', outcomes: [['ECHO', 'ab c']] },
  {
    name: 'inline: vertical tab and form feed',
    input: '\v\fECHO a\vb "c"\vd\r\n',
    outcomes: [['ECHO', 'a\vb', 'c', 'd']],
  },
  { name: 'inline: carriage returns', input: 'PING\r\r\n\r*1\r\n', outcomes: [['PING'], ['*1']] },
  { name: 'inline: high bytes', input: 'ECHO \xff\xfe\r\n', outcomes: [['ECHO', '\xff\xfe']] },
  {
    name: 'inline: a double quote left open',
    input: `${PING}ECHO "a\r\n${PING}`,
    outcomes: [['PING'], error('unbalanced quotes in request')],
  },
  {
    name: 'inline: a single quote left open',
    input: "ECHO 'a\\'\r\n",
    outcomes: [error('unbalanced quotes in request')],
  },
  {
    name: 'inline: a backslash before the end',
    input: 'ECHO "\\\r\n',
    outcomes: [error('unbalanced quotes in request')],
  },
  {
    name: 'inline: text after a closing quote',
    input: 'ECHO "a"b\r\n',
    outcomes: [error('unbalanced quotes in request')],
  },
  {
    name: 'inline: too long, ended',
    input: `${'a'.repeat(41)}\r\n`,
    outcomes: [error('too big inline request')],
    limits: SMALL,
  },
  {
    name: 'inline: too long, not ended',
    input: 'a'.repeat(41),
    outcomes: [error('too big inline request')],
    limits: SMALL,
  },
  {
    name: 'inline: too many arguments',
    input: 'a b c d e\r\n',
    outcomes: [error('invalid multibulk length')],
    limits: SMALL,
  },
  {
    name: 'inline: too many arguments, no login',
    input: 'a b c d e f\r\n',
    outcomes: [error('unauthenticated multibulk length')],
    limits: SMALL_GUEST,
  },
  {
    name: 'inline: a long argument',
    input: 'ECHO 123456789\r\nPING\r\n',
    outcomes: ['!bulk', ['PING']],
    limits: SMALL,
  },
  {
    name: 'inline: a long argument, no login',
    input: 'ECHO 123456789\r\n',
    outcomes: [error('unauthenticated bulk length')],
    limits: SMALL_GUEST,
  },
  {
    name: 'nothing is read after an error',
    input: `*x\r\n${PING}PING\r\n*y\r\n`,
    outcomes: [error('invalid multibulk length')],
  },
  ...[
    '',
    '-',
    '-0',
    '01',
    '+1',
    '1 ',
    'x',
    '1x',
    '1048577',
    '1000000000',
    '9223372036854775808',
    '9'.repeat(40),
  ].map((count) => ({
    name: `count ${JSON.stringify(count)}`,
    input: `*${count}\r\n`,
    outcomes: [error('invalid multibulk length')],
  })),
  { name: 'count without LF', input: '*1\rX', outcomes: [error('invalid multibulk length')] },
  {
    name: 'count above the limit',
    input: '*5\r\n',
    outcomes: [error('invalid multibulk length')],
    limits: SMALL,
  },
  {
    name: 'count above the limit, no login',
    input: '*5\r\n',
    outcomes: [error('unauthenticated multibulk length')],
    limits: SMALL_GUEST,
  },
  {
    name: 'count line without end',
    input: `*${'1'.repeat(41)}`,
    outcomes: [error('too big mbulk count string')],
    limits: SMALL,
  },
  ...['', '-', '-0', '-1', '-5', '01', '+1', 'x', '4x', '536870913', '99999999999999999999'].map(
    (length) => ({
      name: `length ${JSON.stringify(length)}`,
      input: `${PING}*1\r\n$${length}\r\n`,
      outcomes: [['PING'], error('invalid bulk length')],
    }),
  ),
  { name: 'length without LF', input: '*1\r\n$4\rX', outcomes: [error('invalid bulk length')] },
  {
    name: 'length line without end',
    input: `*1\r\n$${'z'.repeat(41)}`,
    outcomes: [error('too big bulk count string')],
    limits: SMALL,
  },
  { name: 'an integer for a bulk', input: '*1\r\n:5\r\n', outcomes: [error("expected '$', got ':'")] },
  { name: 'a nested array', input: '*1\r\n*1\r\n$1\r\na\r\n', outcomes: [error("expected '$', got '*'")] },
  { name: 'a control byte for a bulk', input: '*1\r\n\x01\r\n', outcomes: [error("expected '$', got '?'")] },
  { name: 'CR for a bulk', input: '*1\r\n\r\n', outcomes: [error("expected '$', got '?'")] },
  {
    name: 'a bulk longer than it claims',
    input: '*2\r\n$3\r\nSETX\r\n',
    outcomes: [error('expected CRLF after bulk')],
  },
  { name: 'a bulk without LF', input: '*1\r\n$4\r\nPING\rX', outcomes: [error('expected CRLF after bulk')] },
  {
    name: 'a bulk shorter than it claims',
    input: `*1\r\n$5\r\nPING\r\n${PING}`,
    outcomes: [error('expected CRLF after bulk')],
  },
  {
    name: 'an unfinished request',
    input: `${PING}*2\r\n$3\r\nGET\r\n$999999999\r\n`,
    outcomes: [['PING'], error('invalid bulk length')],
  },
  {
    name: 'an oversized bulk',
    input: `*3\r\n$3\r\nSET\r\n$9\r\n123456789\r\n$1\r\nx\r\n${PING}`,
    outcomes: ['!bulk', ['PING']],
    limits: SMALL,
  },
  {
    name: 'an oversized bulk, no login',
    input: '*2\r\n$3\r\nSET\r\n$9\r\n',
    outcomes: [error('unauthenticated bulk length')],
    limits: SMALL_GUEST,
  },
  {
    name: 'a bulk above the hard limit',
    input: '*1\r\n$65\r\n',
    outcomes: [error('invalid bulk length')],
    limits: SMALL,
  },
  {
    name: 'a bulk above the hard limit, no login',
    input: '*1\r\n$65\r\n',
    outcomes: [error('invalid bulk length')],
    limits: SMALL_GUEST,
  },
  {
    name: 'an oversized request',
    input: `${PING}*4\r\n${'$8\r\n12345678\r\n'.repeat(4)}${PING}`,
    outcomes: [['PING'], '!frame', ['PING']],
    limits: SMALL,
  },
  {
    name: 'an oversized request, no login',
    input: `*4\r\n${'$8\r\n12345678\r\n'.repeat(3)}`,
    outcomes: [],
    limits: SMALL_GUEST,
  },
  {
    name: 'an oversized request, no login, seen',
    input: `*4\r\n${'$8\r\n12345678\r\n'.repeat(3)}$8\r\n`,
    outcomes: [error('unauthenticated request length')],
    limits: SMALL_GUEST,
  },
  {
    name: 'an error inside an oversized request',
    input: '*2\r\n$9\r\n123456789\r\n:1\r\n',
    outcomes: [error("expected '$', got ':'")],
    limits: SMALL,
  },
]

describe('requests, whole and cut', () => {
  test.each(CASES)('$name', ({ input, outcomes, limits }) => {
    const data = bytes(input)
    expect(readAll([data], limits)).toEqual(outcomes)
    expect(readAll(byteByByte(data), limits)).toEqual(outcomes)
    for (let at = 1; at < data.length; at++)
      expect(readAll(cutAt(data, at), limits), `cut at ${at}`).toEqual(outcomes)
  })

  test('all good cases one after the other, in chunks of any size', () => {
    const good = CASES.filter(
      ({ limits, outcomes }) =>
        limits === undefined && outcomes.every((outcome) => typeof outcome !== 'string'),
    )
    const data = bytes(good.map(({ input }) => input).join(''))
    const outcomes = good.flatMap((one) => one.outcomes)
    for (let size = 1; size <= data.length; size += 1 + (size >> 3)) {
      const chunks = Array.from({ length: Math.ceil(data.length / size) }, (_, i) =>
        data.subarray(i * size, (i + 1) * size),
      )
      expect(readAll(chunks)).toEqual(outcomes)
    }
  })

  test('the limits before login are those of Redis', () => {
    const read = (input: Buffer): Outcome[] => readAll([input], UNAUTHENTICATED_LIMITS)
    expect(read(multibulk('HELLO', '3', ...'12345678'))).toEqual([['HELLO', '3', ...'12345678']])
    expect(read(bytes('*11\r\n'))).toEqual([error('unauthenticated multibulk length')])
    expect(read(bytes('*1048577\r\n'))).toEqual([error('invalid multibulk length')])
    expect(read(multibulk('AUTH', 'x'.repeat(16384)))).toHaveLength(1)
    expect(read(bytes('*2\r\n$4\r\nAUTH\r\n$16385\r\n'))).toEqual([error('unauthenticated bulk length')])
    expect(read(bytes('*1\r\n$536870913\r\n'))).toEqual([error('invalid bulk length')])
    expect(read(multibulk('x'.repeat(16384), 'x'.repeat(16384), 'x'.repeat(16384)))).toEqual([
      error('unauthenticated request length'),
    ])
    expect(read(bytes('a'.repeat(49153)))).toEqual([error('too big inline request')])
    expect(read(bytes(`${'a '.repeat(20000)}\n`))).toEqual([error('unauthenticated multibulk length')])
  })
})

describe('memory', () => {
  test('whole requests of one chunk come as one slice of it', () => {
    const chunk = Buffer.concat(Array.from({ length: 100 }, (_, i) => multibulk('GET', `key:${i}`)))
    const events: FrameEvent[] = []
    new Framer(LOGGED_IN).push(chunk, (event) => void events.push(event))
    expect(events).toHaveLength(1)
    const [event] = events
    if (event?.type !== 'frames') throw new Error('no frames')
    expect(event.bytes.buffer).toBe(chunk.buffer)
    expect(event.bytes.equals(chunk)).toBe(true)
    expect(new RequestDecoder().decode(event.bytes)[7]?.[1]?.buffer).toBe(chunk.buffer)
  })

  test('a claim allocates nothing', () => {
    const framer = new Framer(LOGGED_IN)
    framer.push(bytes('*1048576\r\n$1048576\r\n'), () => {})
    expect(framer.bufferedBytes).toBeLessThanOrEqual(4096)
  })

  test('before login a request that trickles in never takes more than 64 KiB', () => {
    let most = 0
    const request = multibulk('x'.repeat(16000), 'y'.repeat(16000), 'z'.repeat(16000))
    const outcomes = readAll(
      [...byteByByte(request), ...cutAt(request, 20000)],
      UNAUTHENTICATED_LIMITS,
      (framer) => {
        most = Math.max(most, framer.bufferedBytes)
      },
    )
    expect(outcomes).toHaveLength(2)
    expect(most).toBeLessThanOrEqual(65536)
  })

  test('a malformed header without end is not stored', () => {
    const framer = new Framer({ ...UNAUTHENTICATED_LIMITS, maxInlineBytes: 65536 })
    for (let i = 0; i < 60; i++) framer.push(Buffer.alloc(1024, i === 0 ? '*x' : 'x'), () => {})
    expect(framer.bufferedBytes).toBe(0)
  })

  test('a value of 1 MiB in chunks of 16 KiB is copied once, and held about once', () => {
    const request = multibulk('SET', 'k', Buffer.alloc(1024 * 1024, 'v'))
    const count = Math.ceil(request.length / 16384)
    const chunks = Array.from({ length: count }, (_, i) =>
      Buffer.from(request.subarray(i * 16384, (i + 1) * 16384)),
    )
    let most = 0
    const outcomes = readAll(chunks, LOGGED_IN, (framer) => {
      most = Math.max(most, framer.bufferedBytes)
    })
    expect(outcomes).toEqual([['SET', 'k', 'v'.repeat(1024 * 1024)]])
    expect(most).toBeLessThan(request.length + 65536)
  })

  test('an oversized value is drained without being held, and the next command works', () => {
    const head = bytes('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000000\r\n')
    const body = Buffer.alloc(50000, 'v')
    const chunks = [
      head,
      ...Array.from({ length: 400 }, () => body),
      Buffer.concat([bytes('\r\n'), multibulk('PING')]),
    ]
    let most = 0
    const outcomes = readAll(chunks, LOGGED_IN, (framer) => {
      most = Math.max(most, framer.bufferedBytes)
    })
    expect(outcomes).toEqual(['!bulk', ['PING']])
    expect(most).toBe(0)
  })
})

describe('pauses and limits in the middle of a chunk', () => {
  test('AUTH and what it allows in one packet', () => {
    const framer = new Framer(UNAUTHENTICATED_LIMITS)
    const outcomes: Outcome[] = []
    const onFrame = (event: FrameEvent): boolean => {
      const [outcome] = outcomesOf(event)
      outcomes.push(...outcomesOf(event))
      return outcome?.[0] !== 'AUTH'
    }
    const big = 'v'.repeat(20000)
    framer.push(
      Buffer.concat([
        multibulk('PING'),
        multibulk('AUTH', 'token'),
        multibulk('SET', 'k', big),
        multibulk('PING'),
      ]),
      onFrame,
    )
    expect(framer.paused).toBe(true)
    expect(outcomes).toEqual([['PING'], ['AUTH', 'token']])
    expect(framer.bufferedBytes).toBeGreaterThan(20000)
    framer.push(multibulk('GET', 'k'), onFrame)
    expect(outcomes).toHaveLength(2)
    framer.setLimits(LOGGED_IN)
    framer.resume(onFrame)
    expect(outcomes.slice(2)).toEqual([['SET', 'k', big], ['PING'], ['GET', 'k']])
    expect(framer.paused).toBe(false)
    expect(framer.bufferedBytes).toBe(0)
  })

  test('before login one event is one request', () => {
    const events: FrameEvent[] = []
    new Framer(UNAUTHENTICATED_LIMITS).push(
      Buffer.concat([multibulk('PING'), multibulk('PING')]),
      (event) => void events.push(event),
    )
    expect(events).toHaveLength(2)
  })

  test('setLimits from the callback holds for the next request', () => {
    const framer = new Framer(UNAUTHENTICATED_LIMITS)
    const outcomes: Outcome[] = []
    framer.push(
      Buffer.concat([multibulk('AUTH', 't'), bytes('*11\r\n'), bytes('$1\r\na\r\n'.repeat(11))]),
      (event) => {
        outcomes.push(...outcomesOf(event))
        framer.setLimits(LOGGED_IN)
      },
    )
    expect(outcomes).toEqual([['AUTH', 't'], Array.from({ length: 11 }, () => 'a')])
  })

  test('maxFramesPerEvent bounds what follows a pause', () => {
    const framer = new Framer({ ...LOGGED_IN, maxFramesPerEvent: 3 })
    const sizes: number[] = []
    const onFrame = (event: FrameEvent): boolean => {
      sizes.push(outcomesOf(event).length)
      return false
    }
    framer.push(Buffer.concat(Array.from({ length: 8 }, () => multibulk('PING'))), onFrame)
    expect(sizes).toEqual([3])
    framer.resume(onFrame)
    framer.resume(onFrame)
    framer.resume(onFrame)
    expect(sizes).toEqual([3, 3, 2])
  })

  test('push from within the callback is taken in its turn; a throw loses only its own event', () => {
    const framer = new Framer(LOGGED_IN)
    const outcomes: Outcome[] = []
    const collect = (event: FrameEvent): void => void outcomes.push(...outcomesOf(event))
    framer.push(bytes('FIRST\nSECOND\n'), (event) => {
      collect(event)
      if (outcomes.length === 1) framer.push(bytes('THIRD\n'), collect)
    })
    expect(outcomes).toEqual([['FIRST'], ['SECOND'], ['THIRD']])
    expect(() =>
      framer.push(bytes('A\nB\n'), () => {
        throw new Error('fault')
      }),
    ).toThrow('fault')
    framer.push(bytes('C\n'), collect)
    expect(outcomes.slice(3)).toEqual([['B'], ['C']])
  })

  test('reset starts anew', () => {
    const framer = new Framer(LOGGED_IN)
    const outcomes: Outcome[] = []
    const collect = (event: FrameEvent): void => void outcomes.push(...outcomesOf(event))
    framer.push(bytes('*x\r\n'), collect)
    framer.reset()
    framer.push(bytes('*2\r\n$3\r\nG'), collect)
    framer.reset()
    framer.push(multibulk('PING'), collect)
    expect(outcomes).toEqual([error('invalid multibulk length'), ['PING']])
  })
})

describe('decoder', () => {
  test.each(['*1\r\n$4\r\nPI', '*1\r\n', '*1', '+OK\r\n', '-ERR\r\n', 'x'])(
    'refuses %j, and works afterwards',
    (text) => {
      const decoder = new RequestDecoder()
      expect(() => decoder.decode(bytes(text))).toThrow()
      expect(decoder.decode(multibulk('GET', 'k'))).toEqual([[bytes('GET'), bytes('k')]])
    },
  )
})
