import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ClientSource, clientsOfRedis, clientsOfServers } from '../helpers/client-source.ts'
import { eventually } from '../helpers/eventually.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { type RespClient, request } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
let real: TestRedis

beforeAll(async () => {
  ;[server, real] = await Promise.all([startServer(), startRedis()])
})
afterAll(() => Promise.all([server.stop(), real.stop()]))

const words = (line: string): string[] => line.split(' ')

/** Runs it on both; they must show the same. Answers what they show. */
async function same(scenario: (source: ClientSource) => Promise<unknown>): Promise<unknown> {
  const shown: unknown[] = []
  for (const source of [await clientsOfRedis(real), await clientsOfServers([server])]) {
    shown.push(await scenario(source))
    source.close()
  }
  expect(shown[1]).toEqual(shown[0])
  return shown[1]
}

/** Commands of one client that do not wait; what each answers. */
const calls = (lines: readonly string[], protocol: 2 | 3 = 2) =>
  same(async (source) => {
    const client = await source.client(protocol)
    const replies: string[] = []
    for (const line of lines) replies.push(`${line} => ${await client.raw(...words(line))}`)
    return replies
  })

/**
 * Commands that only look: they are run when all have been served, since here a waiter is served a moment
 * after the write was answered.
 */
const LOOKS = /^(EXISTS|LRANGE|ZRANGE|XPENDING) /

/**
 * `waiting` block one after the other, then `after` are run; what the waiting are told, and what `after`
 * answer. `served n`: goes on when only n still wait; `stay` are left in the end.
 */
const woken = (
  before: readonly string[],
  waiting: readonly string[],
  after: readonly string[],
  { protocol = 2 as 2 | 3, stay = 0 } = {},
) =>
  same(async (source) => {
    const writer = await source.client()
    for (const line of before) await writer.raw(...words(line))
    const blockedClients: RespClient[] = []
    for (const line of waiting) {
      const waiter = await source.client(protocol)
      waiter.send(...words(line))
      blockedClients.push(waiter)
      await source.untilBlocked(blockedClients.length)
    }
    const replies: unknown[] = []
    for (const line of after) {
      if (LOOKS.test(line)) await source.untilBlocked(stay)
      if (line.startsWith('served ')) await source.untilBlocked(Number(line.slice(7)))
      else replies.push(await writer.raw(...words(line)))
    }
    await source.untilBlocked(stay)
    const told: unknown[] = []
    for (const waiter of blockedClients.slice(0, blockedClients.length - stay))
      told.push(await waiter.frame())
    return { told, replies, left: blockedClients.map(({ pending }) => pending) }
  })

const KEYS = [
  'RPUSH l a b c',
  'ZADD z 1 a 2 b 3 c',
  'XADD s 1-1 f v',
  'XADD s 1-2 f w',
  'XGROUP CREATE s g 0',
  'SET str x',
]

describe.each([2, 3] as const)('RESP%i', (protocol) => {
  test('what is there is answered at once', () =>
    calls(
      [
        ...KEYS,
        ...[
          'BLPOP none l 0',
          'BRPOP l 0',
          'BLPOP l l 0',
          'EXISTS l',
          'RPUSH l a b c',
          'BLMOVE l m LEFT RIGHT 0',
          'BRPOPLPUSH l m 0',
        ],
        ...[
          'LRANGE m 0 -1',
          'BLMOVE m m LEFT RIGHT 0',
          'LRANGE m 0 -1',
          'BLMPOP 0 2 none m LEFT COUNT 5',
          'BLMPOP 0 2 none l RIGHT',
        ],
        ...[
          'BZPOPMIN none z 0',
          'BZPOPMAX z 0',
          'ZADD z 1 a 2.5 b 3 c',
          'BZMPOP 0 2 none z MAX COUNT 2',
          'BZMPOP 0 1 z MIN',
        ],
        ...[
          'XREAD BLOCK 0 STREAMS none s 0 0',
          'XREAD COUNT 1 BLOCK 0 STREAMS s 0',
          'XREADGROUP GROUP g c COUNT 1 BLOCK 0 STREAMS s >',
        ],
        ...[
          'XREADGROUP GROUP g c BLOCK 0 STREAMS s >',
          'XREADGROUP GROUP g c BLOCK 0 STREAMS s 0',
          'XREADGROUP GROUP g d BLOCK 0 STREAMS s 0',
        ],
      ],
      protocol,
    ))

  test('nothing comes in time', () =>
    calls(
      [
        ...[
          'BLPOP a b 0.01',
          'BRPOP a 0.01',
          'BLMOVE a b LEFT LEFT 0.01',
          'BRPOPLPUSH a b 0.01',
          'BLMPOP 0.01 1 a LEFT',
          'BZPOPMIN a 0.01',
        ],
        ...[
          'BZPOPMAX a 0.01',
          'BZMPOP 0.01 1 a MIN',
          'XREAD BLOCK 10 STREAMS a 0',
          'XADD s 1-1 f v',
          'XREAD BLOCK 10 STREAMS s $',
        ],
        ...[
          'XGROUP CREATE s g $',
          'XREADGROUP GROUP g c BLOCK 10 STREAMS s >',
          'BLPOP a 1e-400',
          'BLPOP a 0x1p-10',
          'BLPOP a 0.0000001',
        ],
      ],
      protocol,
    ))

  test('in a transaction nothing waits', () =>
    same(async (source) => {
      const client = await source.client(protocol)
      const waits = [
        'BLPOP a 0',
        'BLMOVE a b LEFT LEFT 0',
        'BRPOPLPUSH a b 0',
        'BLMPOP 0 1 a LEFT',
        'BZPOPMIN a 0',
        'BZMPOP 0 1 a MIN',
      ]
      const streams = ['XREAD BLOCK 0 STREAMS a 0', 'XREAD BLOCK 0 STREAMS a $']
      for (const line of ['MULTI', ...waits, ...streams, 'BLPOP a x', 'RPUSH a 1', 'BLPOP a 0'])
        await client.raw(...words(line))
      return client.raw('EXEC')
    }))

  test('what comes later is in the form of the protocol', async () => {
    await woken([], ['BLPOP l 0'], ['RPUSH l a'], { protocol })
    await woken([], ['BLMPOP 0 1 l LEFT COUNT 2'], ['RPUSH l a b c'], { protocol })
    await woken([], ['BZPOPMIN z 0'], ['ZADD z 1.5 a 2 b'], { protocol })
    await woken([], ['BZMPOP 0 1 z MAX COUNT 2'], ['ZADD z 1.5 a 2 b'], { protocol })
    await woken([], ['XREAD BLOCK 0 STREAMS s $'], ['XADD s 1-1 f v'], { protocol })
  })
})

test('errors, and which of them comes first', () =>
  calls([
    ...KEYS,
    ...[
      'BLPOP str x',
      'BLPOP str -1',
      'BLPOP str 1',
      'BLPOP none str 1',
      'BLPOP l str 0',
      'BLPOP',
      'BLPOP a',
      'BZPOPMIN str 0',
      'BZPOPMIN str x',
    ],
    ...[
      'BZPOPMAX none str 0',
      'BLMOVE a b X Y z',
      'BLMOVE a b LEFT Y z',
      'BLMOVE a b LEFT LEFT z',
      'BLMOVE a b LEFT LEFT',
      'BLMOVE str b LEFT LEFT 1',
    ],
    ...[
      'BLMOVE none str LEFT LEFT 0.01',
      'BLMOVE l str LEFT LEFT 0',
      'BRPOPLPUSH a b z',
      'BRPOPLPUSH str b 0',
      'BRPOPLPUSH none str 0.01',
    ],
    ...[
      'BLMPOP x 0 a LEFT',
      'BLMPOP 0 0 a LEFT',
      'BLMPOP -1 0 a LEFT',
      'BLMPOP 0 x a LEFT',
      'BLMPOP 0 2 a LEFT',
      'BLMPOP 0 1 a FOO',
      'BLMPOP 0 1 a',
    ],
    ...[
      'BLMPOP 0 1 a LEFT COUNT 0',
      'BLMPOP 0 1 a LEFT COUNT x',
      'BLMPOP 0 1 a LEFT FOO 1',
      'BLMPOP 0 1 a LEFT COUNT 1 COUNT 1',
      'BLMPOP 0 1 str LEFT',
    ],
    ...[
      'BLMPOP 0 -1 a LEFT',
      'BLMPOP 0 99999999999999999999 a LEFT',
      'BLMPOP x 1 a LEFT',
      'BLMPOP -1 1 a LEFT',
      'BZMPOP x 0 a MIN',
      'BZMPOP 0 0 a MIN',
    ],
    ...[
      'BZMPOP 0 1 a FOO',
      'BZMPOP 0 1 a MIN COUNT 0',
      'BZMPOP 0 1 str MIN',
      'BZMPOP x 1 a MIN',
      'XREAD BLOCK 0 STREAMS str 0',
      'XREAD BLOCK 0 STREAMS str $',
    ],
    ...[
      'XREAD BLOCK 10 STREAMS a',
      'XREAD BLOCK 10 STREAMS a b 0',
      'XREAD BLOCK x STREAMS',
      'XREAD BLOCK -1 STREAMS a 0',
      'XREAD BLOCK 1.5 STREAMS a 0',
    ],
    ...[
      'XREAD BLOCK 9223372036854775808 STREAMS a 0',
      'XREAD BLOCK 10 STREAMS a >',
      'XREAD BLOCK 10 STREAMS a foo',
    ],
    ...[
      'XREADGROUP GROUP g c BLOCK 0 STREAMS none >',
      'XREADGROUP GROUP g c BLOCK 0 STREAMS str >',
      'XREADGROUP GROUP g c BLOCK 10 STREAMS str $',
    ],
    ...[
      'BLPOP a inf',
      'BLPOP a -inf',
      'BLPOP a nan',
      'BLPOP a 1e16',
      'BLPOP a 9223372036854775.808',
      'BLPOP a 1e400',
      'BLPOP a 1e5000',
      'BLPOP a 1x',
    ],
    ...[
      'CLIENT UNBLOCK x',
      'CLIENT UNBLOCK x FOO',
      'CLIENT UNBLOCK 99 TIMEOUT x',
      'CLIENT UNBLOCK 99',
      'CLIENT UNBLOCK 99 timeout',
      'CLIENT UNBLOCK',
    ],
    'LRANGE l 0 -1',
  ]))

test('timeouts that are as good as none', async () => {
  for (const timeout of ['0', '-0', '-0.0001', '9.2e15', '9223372036854775.807'])
    await woken([], [`BLPOP l ${timeout}`], ['RPUSH l a'])
  await woken([], ['XREAD BLOCK 9223372036854775807 STREAMS s 0'], ['XADD s 1-1 f v'])
})

const RPUSHED: ReadonlyArray<readonly [string, readonly string[], readonly string[]]> = [
  ['RPUSH', [], ['RPUSH k 1 2 3', 'LRANGE k 0 -1']],
  ['LPUSH', [], ['LPUSH k 1 2 3', 'LRANGE k 0 -1']],
  ['LMOVE', ['RPUSH o 1 2'], ['LMOVE o k LEFT LEFT', 'LRANGE o 0 -1', 'EXISTS k']],
  ['RPOPLPUSH', ['RPUSH o 1 2'], ['RPOPLPUSH o k', 'LRANGE o 0 -1', 'EXISTS k']],
  ['BLMOVE', ['RPUSH o 1 2'], ['BLMOVE o k RIGHT LEFT 0', 'LRANGE o 0 -1', 'EXISTS k']],
  ['RENAME', ['RPUSH o 1 2'], ['RENAME o k', 'EXISTS o', 'LRANGE k 0 -1']],
  ['RENAMENX', ['RPUSH o 1 2'], ['RENAMENX o k', 'EXISTS o', 'LRANGE k 0 -1']],
  ['COPY', ['RPUSH o 1 2'], ['COPY o k', 'LRANGE o 0 -1', 'LRANGE k 0 -1']],
  ['SORT STORE', ['RPUSH o 2 1 3'], ['SORT o STORE k', 'LRANGE k 0 -1']],
  [
    'EVAL',
    [],
    ["EVAL return{redis.call('RPUSH',KEYS[1],'1','2'),redis.call('LLEN',KEYS[1])} 1 k", 'LRANGE k 0 -1'],
  ],
  ['MULTI', [], ['MULTI', 'RPUSH k 1', 'RPUSH k 2', 'LLEN k', 'EXEC', 'LRANGE k 0 -1']],
  ['a type that changes', [], ['MULTI', 'SET k x', 'DEL k', 'RPUSH k 1', 'EXEC', 'EXISTS k']],
]
const ADDED: ReadonlyArray<readonly [string, readonly string[], readonly string[]]> = [
  ['ZADD', [], ['ZADD k 2 b 1 a', 'ZRANGE k 0 -1']],
  ['ZINCRBY', [], ['ZINCRBY k 2 b', 'EXISTS k']],
  ['ZUNIONSTORE', ['ZADD o 1 a 2 b'], ['ZUNIONSTORE k 1 o', 'ZRANGE k 0 -1']],
  ['ZINTERSTORE', ['ZADD o 1 a 2 b'], ['ZINTERSTORE k 2 o o', 'ZRANGE k 0 -1']],
  ['ZDIFFSTORE', ['ZADD o 1 a 2 b'], ['ZDIFFSTORE k 2 o none', 'ZRANGE k 0 -1']],
  ['ZRANGESTORE', ['ZADD o 1 a 2 b'], ['ZRANGESTORE k o 0 -1', 'ZRANGE k 0 -1']],
  ['RENAME', ['ZADD o 1 a 2 b'], ['RENAME o k', 'ZRANGE k 0 -1']],
  ['COPY', ['ZADD o 1 a 2 b'], ['COPY o k', 'ZRANGE k 0 -1']],
  ['MULTI', [], ['MULTI', 'ZADD k 2 b', 'ZADD k 1 a', 'EXEC', 'ZRANGE k 0 -1']],
]
const STREAMED: ReadonlyArray<readonly [string, readonly string[], readonly string[]]> = [
  ['XADD', [], ['XADD k 1-1 f v']],
  ['MULTI', [], ['MULTI', 'XADD k 1-1 f v', 'XADD k 1-2 f v', 'EXEC']],
  ['RENAME', ['XADD o 1-1 f v'], ['RENAME o k']],
  ['COPY', ['XADD o 1-1 f v'], ['COPY o k']],
]

describe('woken by', () => {
  test.each(RPUSHED)('%s, waiting for lists', async (_name, before, after) => {
    for (const waiting of [
      'BLPOP k 0',
      'BRPOP none k 0',
      'BLMPOP 0 2 none k RIGHT COUNT 2',
      'BLMOVE k t LEFT RIGHT 0',
      'BRPOPLPUSH k t 0',
    ]) {
      await woken(before, [waiting], [...after, 'EXISTS t'])
    }
  })

  test.each(ADDED)('%s, waiting for sorted sets', async (_name, before, after) => {
    for (const waiting of ['BZPOPMIN k 0', 'BZPOPMAX none k 0', 'BZMPOP 0 2 none k MAX COUNT 2'])
      await woken(before, [waiting], after)
  })

  test.each(STREAMED)('%s, waiting for streams', async (_name, before, after) => {
    for (const waiting of ['XREAD BLOCK 0 STREAMS k 0', 'XREAD COUNT 1 BLOCK 0 STREAMS none k $ $'])
      await woken(before, [waiting], after)
  })

  test('XADD, waiting as a group', async () => {
    await woken(
      ['XGROUP CREATE k g $ MKSTREAM'],
      ['XREADGROUP GROUP g c BLOCK 0 STREAMS k >'],
      ['XADD k 1-1 f v', 'XPENDING k g'],
    )
    const noAck = 'XREADGROUP GROUP g c COUNT 1 BLOCK 0 NOACK STREAMS k >'
    await woken(['XGROUP CREATE k g $ MKSTREAM'], [noAck], ['XADD k 1-1 f v', 'XPENDING k g'])
    await woken(
      ['XGROUP CREATE k g $ MKSTREAM', 'XADD k 1-1 f v'],
      [],
      ['XGROUP SETID k g 0', 'XREADGROUP GROUP g c BLOCK 0 STREAMS k >'],
    )
  })
})

describe('who is served', () => {
  test('one after the other, each with one', async () => {
    const four = ['BLPOP k 0', 'BRPOP k 0', 'BLPOP k 0', 'BRPOP k 0']
    expect(await woken([], four, ['RPUSH k 1 2 3 4', 'EXISTS k'])).toMatchObject({
      told: ['1', '4', '2', '3'].map((e) => `*2\r\n$1\r\nk\r\n$1\r\n${e}\r\n`),
    })
    await woken([], four, [
      'RPUSH k 1',
      'served 3',
      'RPUSH k 2',
      'served 2',
      'RPUSH k 3',
      'served 1',
      'RPUSH k 4',
      'EXISTS k',
    ])
    await woken([], four, ['RPUSH k 1 2', 'EXISTS k'], { stay: 2 })
    await woken(
      [],
      ['BLMPOP 0 1 k LEFT COUNT 3', 'BLPOP k 0', 'BLPOP k 0'],
      ['RPUSH k 1 2 3 4', 'EXISTS k'],
      { stay: 1 },
    )
    await woken(
      [],
      ['BZPOPMIN k 0', 'BZPOPMAX k 0', 'BZMPOP 0 1 k MIN COUNT 5'],
      ['ZADD k 1 a 2 b 3 c 4 d', 'EXISTS k'],
    )
  })

  test('whoever waits for the first key that got something', async () => {
    await woken([], ['BLPOP a b 0'], ['MULTI', 'RPUSH b 1', 'RPUSH a 2', 'EXEC', 'EXISTS a b'])
    await woken([], ['BZPOPMIN a b 0'], ['MULTI', 'ZADD b 1 x', 'ZADD a 1 y', 'EXEC', 'EXISTS a b'])
    await woken([], ['XREAD BLOCK 0 STREAMS a b 0 0'], ['MULTI', 'XADD b 1-1 f v', 'XADD a 1-1 f v', 'EXEC'])
    await woken(
      [],
      ['BLPOP a b 0', 'BLPOP b 0'],
      ['RPUSH b 1', 'served 1', 'RPUSH a 2', 'RPUSH b 3', 'EXISTS b'],
    )
    await woken(
      [],
      ['BLPOP a 0', 'BLPOP a b 0', 'BLPOP b 0'],
      ['RPUSH a 1 2', 'served 1', 'RPUSH b 3', 'EXISTS a b'],
    )
  })

  test('every reader of a stream, and one of each group', async () => {
    await woken(
      [],
      ['XREAD BLOCK 0 STREAMS k $', 'XREAD BLOCK 0 STREAMS k 0', 'XREAD BLOCK 0 STREAMS k 1-1'],
      ['XADD k 1-1 f v', 'served 1', 'XADD k 1-2 f v'],
    )
    const group = (name: string, consumer: string): string =>
      `XREADGROUP GROUP ${name} ${consumer} BLOCK 0 STREAMS k >`
    await woken(
      ['XGROUP CREATE k g $ MKSTREAM', 'XGROUP CREATE k h $'],
      [group('g', 'c1'), group('h', 'c1'), group('g', 'c2'), 'XREAD BLOCK 0 STREAMS k $'],
      ['XADD k 1-1 f v', 'served 1', 'XADD k 1-2 f w', 'XPENDING k g', 'XPENDING k h'],
    )
  })

  test('a chain of moves', async () => {
    await woken(
      [],
      ['BLMOVE b c LEFT LEFT 0', 'BLMOVE a b LEFT LEFT 0', 'BLPOP c 0'],
      ['RPUSH a 1', 'EXISTS a b c'],
    )
    await woken([], ['BLMOVE k k LEFT RIGHT 0'], ['RPUSH k 1 2', 'LRANGE k 0 -1'])
  })

  test('nobody, when what came is gone again', () =>
    woken([], ['BLPOP k 0'], ['MULTI', 'RPUSH k 1', 'DEL k', 'EXEC', 'SADD k x', 'DEL k'], { stay: 1 }))
})

describe('a type that changed meanwhile', () => {
  test('under a key that is waited at', async () => {
    await woken([], ['BLPOP a b 0'], ['SET a x', 'RPUSH b 1'])
    await woken([], ['BLPOP k 0'], ['ZADD k 1 a', 'DEL k', 'RPUSH k 1'])
    await woken([], ['BLPOP k 0', 'BZPOPMIN k 0'], ['ZADD k 1 a', 'served 1', 'RPUSH k 1'])
    await woken([], ['BZPOPMIN a b 0'], ['RPUSH a x', 'ZADD b 1 m'])
    await woken([], ['BLMOVE k t LEFT LEFT 0'], ['SADD k x', 'DEL k', 'RPUSH k 1'])
    await woken([], ['XREAD BLOCK 0 STREAMS a b 0 0'], ['SET a x', 'XADD b 1-1 f v'])
    await woken(
      ['XADD k 5-5 f v'],
      ['XREAD BLOCK 0 STREAMS k $'],
      ['DEL k', 'XADD k 3-0 f v', 'XADD k 6-0 f v'],
    )
  })

  test('under the destination', async () => {
    await woken([], ['BLMOVE k t LEFT LEFT 0'], ['SET t x', 'RPUSH k 1', 'LRANGE k 0 -1'])
    await woken([], ['BRPOPLPUSH k t 0', 'BLPOP k 0'], ['SET t x', 'RPUSH k 1', 'served 0', 'EXISTS k'])
  })

  test('under a reader of a group, or a group that is gone', async () => {
    const before = ['XGROUP CREATE k g $ MKSTREAM', 'XGROUP CREATE o g $ MKSTREAM']
    const waiting = [
      'XREADGROUP GROUP g c BLOCK 0 STREAMS k >',
      'XREADGROUP GROUP g d BLOCK 0 STREAMS o k > >',
    ]
    for (const after of [
      ['DEL k'],
      ['UNLINK k'],
      ['XGROUP DESTROY k g'],
      ['RENAME k other'],
      ['FLUSHALL'],
      ['FLUSHDB'],
      ['MULTI', 'DEL k', 'XADD k 1-1 f v', 'EXEC'],
    ]) {
      await woken(before, waiting, after)
    }
    await woken(before, ['XREADGROUP GROUP g c BLOCK 0 STREAMS o k > >'], ['XADD k 1-1 f v'])
    await woken(before, waiting.slice(0, 1), [
      'MULTI',
      'DEL k',
      'XGROUP CREATE k g $ MKSTREAM',
      'EXEC',
      'XADD k 1-1 f v',
    ])
  })

  // A SET and a key that expires wake nobody here: the waiting clients look after it every few seconds.
  test('under a reader of a group, overwritten or expired', async () => {
    for (const after of [['SET k x'], ['PEXPIRE k 1']]) {
      await woken(['XGROUP CREATE k g $ MKSTREAM'], ['XREADGROUP GROUP g c BLOCK 0 STREAMS k >'], after)
    }
  })
})

test('CLIENT UNBLOCK', () =>
  same(async (source) => {
    const other = await source.client()
    const told: unknown[] = []
    for (const [line, ...how] of [
      ['BLPOP k 0'],
      ['BLMOVE k t LEFT LEFT 0', 'TIMEOUT'],
      ['XREAD BLOCK 0 STREAMS s $', 'error'],
      ['BZPOPMIN z 0', 'ERROR'],
    ]) {
      const waiter = await source.client()
      const id = (await waiter.raw('CLIENT', 'ID')).slice(1).trim()
      waiter.send(...words(line!))
      await source.untilBlocked(1)
      told.push(
        await other.raw('CLIENT', 'UNBLOCK', id, ...how),
        await waiter.frame(),
        await other.raw('CLIENT', 'UNBLOCK', id),
        await waiter.raw('PING'),
      )
    }
    return told
  }))

test('what was sent behind a blocking command waits with it', () =>
  same(async (source) => {
    const [waiter, writer] = [await source.client(), await source.client()]
    waiter
      .send('SET', 'before', '1')
      .send('BLPOP', 'k', '0')
      .send('GET', 'after')
      .send('BLPOP', 'k', '0')
      .send('INCR', 'n')
    await source.untilBlocked(1)
    await writer.raw('SET', 'after', 'yes')
    await writer.raw('RPUSH', 'k', '1', '2')
    return waiter.frames(5)
  }))

test('whoever hangs up while it waits is gone, with what it sent behind', () =>
  same(async (source) => {
    const [waiter, writer] = [await source.client(), await source.client()]
    await writer.raw('RPUSH', 'other', 'x')
    waiter.send('BLPOP', 'k', '0').send('BLPOP', 'other', '0').send('SET', 'mark', 'x')
    await source.untilBlocked(1)
    waiter.destroy()
    await source.untilBlocked(0)
    return [
      await writer.raw('RPUSH', 'k', '1'),
      await writer.raw('LLEN', 'other'),
      await writer.raw('EXISTS', 'mark'),
      await writer.raw('BLPOP', 'k', '0'),
    ]
  }))

describe('at random', () => {
  const key = fc.constantFrom('a', 'b', 'c')
  const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 3 }).map((names) => names.join(' '))
  const count = fc.integer({ min: 1, max: 4 })
  const waits = fc.oneof(
    keys.map((names) => `BLPOP ${names} 0`),
    keys.map((names) => `BRPOP ${names} 0`),
    keys.map((names) => `BZPOPMIN ${names} 0`),
    fc
      .tuple(keys, count)
      .map(([names, most]) => `BLMPOP 0 ${words(names).length} ${names} RIGHT COUNT ${most}`),
    fc
      .tuple(keys, count)
      .map(([names, most]) => `BZMPOP 0 ${words(names).length} ${names} MAX COUNT ${most}`),
    fc.tuple(key, key).map(([from, to]) => `BLMOVE ${from} ${to} LEFT RIGHT 0`),
    keys.map(
      (names) =>
        `XREAD BLOCK 0 STREAMS ${names} ${words(names)
          .map(() => '$')
          .join(' ')}`,
    ),
  )
  const elements = count.chain((length) => fc.constant(Array.from({ length }, (_, i) => i)))
  const writes = fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .tuple(key, elements)
        .map(([name, all]) => `RPUSH ${name} ${all.map((e) => `e${e}`).join(' ')}`),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(key, elements)
        .map(([name, all]) => `ZADD ${name} ${all.map((e) => `${e} m${e}`).join(' ')}`),
    },
    { weight: 1, arbitrary: key.map((name) => `XADD ${name} * f v`) },
    { weight: 1, arbitrary: key.map((name) => `SET ${name} x`) },
    { weight: 1, arbitrary: key.map((name) => `DEL ${name}`) },
    { weight: 1, arbitrary: fc.tuple(key, key).map(([from, to]) => `RENAME ${from} ${to}`) },
  )
  const withoutIds = (frame: string): string => frame.replace(/\d{13}-\d+/g, 'id')
  const blocked = async (source: ClientSource): Promise<number> =>
    (await (await source.client()).raw('CLIENT', 'LIST')).split(' flags=b').length - 1

  test('the same clients get the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 2, arbitrary: waits }, { weight: 3, arbitrary: writes }), {
          minLength: 4,
          maxLength: 30,
        }),
        async (lines) => {
          const [theirs, ours] = [await clientsOfRedis(real), await clientsOfServers([server])]
          const all: Array<readonly [RespClient, RespClient]> = []
          const writer = [await theirs.client(), await ours.client()] as const
          try {
            for (const line of lines) {
              const pair = /^(B|XREAD)/.test(line)
                ? ([await theirs.client(), await ours.client()] as const)
                : writer
              if (pair !== writer) all.push(pair)
              // Read together with the PING before it, the command has been looked at when that is answered.
              for (const client of pair)
                client.write(Buffer.concat([request('PING'), request(...words(line))]))
              await Promise.all(pair.map((client) => client.frame()))
              if (pair === writer)
                expect(withoutIds(await writer[1].frame())).toBe(withoutIds(await writer[0].frame()))
              // Redis is at rest when it answers; here it is when as many wait as there, and as many have
              // been answered.
              await ours.untilBlocked(await blocked(theirs))
              await eventually(() => all.every(([their, our]) => their.pending === our.pending))
            }
            const told = (which: 0 | 1): string[][] =>
              all.map((pair) => pair[which].framesSoFar().map(withoutIds))
            expect(told(1)).toEqual(told(0))
          } finally {
            for (const source of [theirs, ours]) source.close()
          }
        },
      ),
      { numRuns: 40 },
    )
  }, 120_000)
})
