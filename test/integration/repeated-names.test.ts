import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Double, PairsReply, type Reply, SetReply, SimpleString } from '../../src/reply/reply.ts'
import { type Engine, startEngine } from '../helpers/engine.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'

// Keys and fields that a command names a thousand times: the replies are Redis's, and the backing Redis is
// asked for each but once.

const TIMES = 1_000
const many = (name: string): string[] => Array.from({ length: TIMES }, () => name)
const AB = [...many('a'), 'b', ...many('a')]

let backing: TestRedis
let plain: TestRedis
let engine: Engine
let oracle: Redis
beforeAll(async () => {
  ;[backing, plain] = await Promise.all([startRedis(), startRedis()])
  engine = await startEngine(backing.url)
  oracle = new Redis(plain.url, { protocol: 2 })
})
afterAll(async () => {
  oracle.disconnect()
  await engine.close()
  await Promise.all([backing.stop(), plain.stop()])
})

const SETS: readonly string[][] = [
  ['SADD', 'a', 'x', 'y', 'z'],
  ['SADD', 'b', 'y', 'z', 'w'],
]
const SORTED: readonly string[][] = [
  ['ZADD', 'a', '1', 'x', '2', 'y', '-3', 'z'],
  ['ZADD', 'b', '4', 'y', '5', 'z'],
]
const STRINGS: readonly string[][] = [
  ['SET', 'a', 'foobar'],
  ['SET', 'b', 'abcdefgh'],
]
const SKETCHES: readonly string[][] = [
  ['PFADD', 'a', 'x', 'y'],
  ['PFADD', 'b', 'y', 'z'],
]
const HASH: readonly string[][] = [['HSET', 'a', 'f', 'x', 'g', 'y']]

const numbered = (names: readonly string[]): string[] => [String(names.length), ...names]

const CASES: ReadonlyArray<readonly [made: readonly string[][], command: string[]]> = [
  [SETS, ['SUNION', ...AB]],
  [SETS, ['SINTER', ...AB]],
  [SETS, ['SDIFF', 'b', ...AB]],
  [SETS, ['SDIFF', 'a', ...many('b')]],
  [SETS, ['SINTERCARD', ...numbered(AB)]],
  [SETS, ['SUNIONSTORE', 'd', ...AB]],
  [SETS, ['SINTERSTORE', 'd', ...AB]],
  [SETS, ['SDIFFSTORE', 'd', 'a', ...many('b')]],
  [SORTED, ['ZUNION', ...numbered(AB), 'WITHSCORES']],
  [SORTED, ['ZUNION', ...numbered(['a', 'a', 'b']), 'WEIGHTS', '2', '0.5', '3', 'WITHSCORES']],
  [
    SORTED,
    [
      'ZUNION',
      ...numbered(AB),
      'WEIGHTS',
      ...AB.map((_, i) => String((i % 7) - 3)),
      'AGGREGATE',
      'MIN',
      'WITHSCORES',
    ],
  ],
  [
    SORTED,
    [
      'ZUNION',
      ...numbered(AB),
      'WEIGHTS',
      ...AB.map((_, i) => String((i % 7) - 3)),
      'AGGREGATE',
      'MAX',
      'WITHSCORES',
    ],
  ],
  [SORTED, ['ZUNION', ...numbered(AB), 'WEIGHTS', ...AB.map((_, i) => String(i % 7)), 'WITHSCORES']],
  [SORTED, ['ZINTER', ...numbered(AB), 'WITHSCORES']],
  [SORTED, ['ZDIFF', ...numbered(['a', ...many('b')]), 'WITHSCORES']],
  [SORTED, ['ZDIFF', ...numbered(AB), 'WITHSCORES']],
  [SORTED, ['ZINTERCARD', ...numbered(AB)]],
  [SORTED, ['ZUNIONSTORE', 'd', ...numbered(AB)]],
  [SORTED, ['ZINTERSTORE', 'd', ...numbered(AB), 'AGGREGATE', 'MAX']],
  [SKETCHES, ['PFCOUNT', ...AB]],
  [SKETCHES, ['PFMERGE', 'd', ...AB]],
  [STRINGS, ['MGET', ...AB, 'missing']],
  [STRINGS, ['EXISTS', ...AB, 'missing']],
  [STRINGS, ['TOUCH', ...AB, 'missing']],
  [STRINGS, ['DEL', ...AB, 'missing']],
  [STRINGS, ['UNLINK', ...AB, 'missing']],
  [STRINGS, ['BITOP', 'OR', 'd', ...AB]],
  [STRINGS, ['BITOP', 'AND', 'd', ...AB]],
  [STRINGS, ['BITOP', 'XOR', 'd', ...AB]],
  [STRINGS, ['BITOP', 'XOR', 'd', 'a', 'a', 'a', 'b']],
  [STRINGS, ['BITOP', 'XOR', 'd', 'b', 'b']],
  [HASH, ['HMGET', 'a', ...many('f'), 'g', 'missing', ...many('f')]],
]

const shown = (reply: Reply): unknown => {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1')
  if (reply instanceof SetReply) return reply.items.map(shown).sort()
  if (reply instanceof PairsReply) return reply.flat.map(shown)
  if (reply instanceof Double || reply instanceof SimpleString) return reply.text
  return Array.isArray(reply) ? reply.flat().map(shown) : reply
}

const keysAskedFor = async (): Promise<number> => {
  const stats = await engine.redis.info('stats')
  return Number(/keyspace_hits:(\d+)/.exec(stats)![1]) + Number(/keyspace_misses:(\d+)/.exec(stats)![1])
}

let automations = 0
const title = (command: readonly string[]): string =>
  `${command.slice(0, 6).join(' ')} (${command.length} words)`
test.each(CASES.map(([made, command]) => [title(command), made, command] as const))(
  '%s',
  async (_title, made, command) => {
    for (const computed of [false, true]) {
      const id = `names-${++automations}`
      await oracle.flushall()
      for (const args of made) {
        await oracle.call(args[0]!, ...args.slice(1))
        await engine.run(id, args)
      }
      const expected = await oracle.call(command[0]!, ...command.slice(1))
      const before = await keysAskedFor()
      const reply = shown(await engine.run(id, command, { computed }))
      // A script asks for a key a few times, for its type, its contents and its bookkeeping.
      expect((await keysAskedFor()) - before).toBeLessThan(40)
      expect(reply).toEqual(Array.isArray(expected) && /^S/.test(command[0]!) ? expected.sort() : expected)
      if (command.includes('d')) {
        const [dump, type] = [{ string: 'GET', set: 'SCARD', zset: 'ZRANGE' }, await oracle.type('d')]
        const look = [
          dump[type as keyof typeof dump],
          'd',
          ...(type === 'zset' ? ['0', '-1', 'WITHSCORES'] : []),
        ]
        if (command[0] !== 'PFMERGE')
          expect(shown(await engine.run(id, look))).toEqual(await oracle.call(look[0]!, ...look.slice(1)))
      }
    }
  },
)
