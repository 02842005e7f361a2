import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, test } from 'vitest'
import { type CompiledServer, startCompiledServer } from '../helpers/compiled-server.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'

/**
 * Runs all commands of ARGV (a count before each) and answers their replies. What comes in no order is
 * sorted.
 */
const SCRIPT = `
local at, out = 1, {}
while at <= #ARGV do
  local count, command = tonumber(ARGV[at]), {}
  for i = 1, count do command[i] = ARGV[at + i] end
  at = at + count + 1
  local reply = redis.pcall(unpack(command))
  if type(reply) == 'table' and reply.err then reply = 'failed: ' .. reply.err end
  if type(reply) == 'table' and reply.ok then reply = reply.ok end
  if type(reply) == 'table' and command[1]:sub(1, 1) == 'H' and command[1] ~= 'HMGET' then table.sort(reply) end
  if type(reply) == 'table' then for i = 1, #reply do if reply[i] == false then reply[i] = 'nothing' end end end
  out[#out + 1] = reply == false and 'nothing' or reply
end
return out
`
const KEYS = ['hash', 'zset', 'list', 'stream']
/** Above what is read whole where a part is wanted. */
const LENGTHS = { hash: 200, zset: 200, list: 80, stream: 700 }

const some = fc.constantFrom('5', '77', '150', '199', 'new', 'other')
// Nothing but whole nodes leaves the stream: from then on its nodes would hang on its history.
const few = fc.constantFrom('0', '1', '-1', '3', '40', '-40', '75')
const key = fc.constantFrom(...KEYS)
const command = (...words: Array<string | fc.Arbitrary<string>>): fc.Arbitrary<string[]> =>
  fc
    .tuple(...words.map((word) => (typeof word === 'string' ? fc.constant(word) : word)))
    .map((all) => [...all])

const COMMANDS: fc.Arbitrary<string[]> = fc.oneof(
  command('HSET', 'hash', some, few, some, 'x'),
  command('HINCRBY', 'hash', some, few),
  command('HGET', 'hash', some),
  command('HMGET', 'hash', some, some),
  command('HDEL', 'hash', some, some),
  command('HLEN', 'hash'),
  command('HGETALL', 'hash'),
  command('ZADD', 'zset', few, some, few, some),
  command('ZADD', 'zset', 'INCR', few, some),
  command('ZINCRBY', 'zset', few, some),
  command('ZSCORE', 'zset', some),
  command('ZMSCORE', 'zset', some, some),
  command('ZREM', 'zset', some, some),
  command('ZCARD', 'zset'),
  command('ZRANGE', 'zset', few, few, 'WITHSCORES'),
  command('ZPOPMIN', 'zset', fc.constantFrom('1', '3')),
  command('LPUSH', 'list', some),
  command('RPUSH', 'list', some, some),
  command('LPOP', 'list', fc.constantFrom('1', '3')),
  command('RPOPLPUSH', 'list', 'list'),
  command('LLEN', 'list'),
  command('LINDEX', 'list', few),
  command('LREM', 'list', '1', some),
  command('XADD', 'stream', 'MAXLEN', '~', fc.constantFrom('650', '699', '500'), '*', 'field', some),
  command('XLEN', 'stream'),
  command('XTRIM', 'stream', 'MAXLEN', '~', fc.constantFrom('650', '690')),
  command('XRANGE', 'stream', fc.constantFrom('-', '690-0'), '5000-0', 'COUNT', '3'),
  command('EXPIRE', key, '1000'),
  command('PERSIST', key),
  command('TYPE', key),
  command('DEL', key),
  command('SET', key, 'x'),
  command('RENAME', key, key),
)

const RUNS = fc.array(
  fc.record({ declared: fc.subarray(KEYS), commands: fc.array(COMMANDS, { minLength: 1, maxLength: 8 }) }),
  { minLength: 1, maxLength: 6 },
)

let redis: TestRedis
let backing: TestRedis
let server: CompiledServer
let plain: Redis
let ours: Redis

beforeAll(async () => {
  ;[redis, backing] = await Promise.all([startRedis(), startRedis()])
  server = await startCompiledServer(backing.url, { AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS: '10000' })
  plain = new Redis(redis.url, { protocol: 2 })
  ours = await server.client('long-keys')
})
afterAll(async () => {
  plain?.disconnect()
  await server?.stop()
  await Promise.all([redis?.stop(), backing?.stop()])
})

async function fill(client: Redis): Promise<void> {
  const pipeline = client.pipeline().flushall()
  const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i)
  pipeline.hset('hash', Object.fromEntries(numbers(LENGTHS.hash).map((i) => [i, i])))
  pipeline.zadd('zset', ...numbers(LENGTHS.zset).flatMap((i) => [i % 50, `${i}`]))
  pipeline.rpush('list', ...numbers(LENGTHS.list))
  for (const i of numbers(LENGTHS.stream)) pipeline.xadd('stream', `${i + 1}-0`, 'field', 'value')
  await pipeline.exec()
}

const flat = (commands: readonly string[][]): string[] =>
  commands.flatMap((words) => [String(words.length), ...words])

/** Ids of new entries are of the moment. */
const shown = (reply: unknown): string => JSON.stringify(reply).replace(/"\d{13}-\d+"/g, '"<id>"')

/** Shows where they begin to differ. */
function same(ours: unknown, redis: unknown): void {
  const [here, there] = [shown(ours), shown(redis)]
  let at = 0
  while (at < here.length && here[at] === there[at]) at++
  const around = (text: string): string => text.slice(Math.max(0, at - 100), at + 100)
  if (here !== there) throw new Error(`ours ${around(here)}\nredis ${around(there)}`)
}

const state = (client: Redis): Promise<unknown> =>
  client.eval(
    SCRIPT,
    0,
    ...flat([
      ...KEYS.map((name) => ['TYPE', name]),
      ['HGETALL', 'hash'],
      ['HLEN', 'hash'],
      ['ZRANGE', 'zset', '0', '-1', 'WITHSCORES'],
      ['ZCARD', 'zset'],
      ['LRANGE', 'list', '0', '-1'],
      ['XLEN', 'stream'],
      ['XRANGE', 'stream', '-', '+'],
    ]),
  )

test('scripts on long keys, of which parts are read, answer and leave the data as with Redis', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(RUNS, async (runs) => {
      await Promise.all([fill(plain), fill(ours)])
      const all = (client: Redis): Promise<unknown[]> =>
        Promise.all(
          runs.map(({ declared, commands }) =>
            client.eval(SCRIPT, declared.length, ...declared, ...flat(commands)).catch(String),
          ),
        )
      const [expected, answered] = await Promise.all([all(plain), all(ours)])
      same(answered, expected)
      same(await state(ours), await state(plain))
    }),
    { numRuns: 150, interruptAfterTimeLimit: 25_000, markInterruptAsFailure: false },
  )
})
