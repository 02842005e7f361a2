import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clientsOfRedis, clientsOfServers } from '../helpers/client-source.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { startServer, type TestServer } from '../helpers/server.ts'
import { play } from './lib/play.ts'

/** What scripts publish, on a real Redis 7.0 and here: replies and messages, byte for byte. */
let server: TestServer
let real: TestRedis

beforeAll(async () => {
  ;[server, real] = await Promise.all([startServer(), startRedis()])
})
afterAll(() => Promise.all([server.stop(), real.stop()]))

const TEXTS = {
  publish: 'return redis.call("PUBLISH", ARGV[1], ARGV[2])',
  spublish: 'return redis.call("SPUBLISH", ARGV[1], ARGV[2])',
  several: `local counts = {}
    for i = 1, 5 do counts[i] = redis.call("PUBLISH", ARGV[1], i) end
    redis.call("SET", KEYS[1], "v")
    counts[6] = redis.call("SPUBLISH", ARGV[1], "shard")
    counts[7] = redis.call("PUBLISH", "other", 1.5)
    return counts`,
  loop: 'local sum = 0 for i = 1, 60 do sum = sum + redis.call("PUBLISH", "a" .. i % 3, i) end return sum',
  thenError: 'redis.call("PUBLISH", "a", "before") redis.call("SET", KEYS[1], "v") error("x")',
  thenFailing:
    'redis.call("SET", KEYS[1], "v") redis.call("PUBLISH", "a", "1") redis.call("LPUSH", KEYS[1], 1)',
  caught: `redis.call("SET", KEYS[1], "v")
    local failed = redis.pcall("LPUSH", KEYS[1], 1)
    return {redis.call("PUBLISH", "a", "after"), failed.err}`,
  unlock: `if redis.call("HEXISTS", KEYS[1], ARGV[2]) == 0 then return nil end
    local counter = redis.call("HINCRBY", KEYS[1], ARGV[2], -1)
    if counter > 0 then redis.call("PEXPIRE", KEYS[1], 30000) return 0
    else redis.call("DEL", KEYS[1]) redis.call("PUBLISH", KEYS[2], ARGV[1]) return 1 end`,
  noWrites: '#!lua flags=no-writes\nreturn redis.call("PUBLISH", "a", "x")',
  flagged: '#!lua\nreturn redis.call("PUBLISH", "a", "flagged")',
  caughtReadOnly: 'return {redis.pcall("PUBLISH", "a", "x").err, redis.pcall("SPUBLISH", "a", "x").err}',
  pfcount: 'return redis.pcall("PFCOUNT", "none")',
  arity: 'return {redis.pcall("PUBLISH", "a").err, redis.pcall("PUBLISH", "a", "b", "c").err}',
  acl: 'return {redis.acl_check_cmd("PUBLISH", "a", "b"), redis.acl_check_cmd("PUBSUB", "NUMPAT")}',
  numsub: 'return redis.call("PUBSUB", "NUMSUB", "a", "nobody", "a")',
  numpat: 'return redis.call("PUBSUB", "NUMPAT")',
  channels: 'return redis.call("PUBSUB", "CHANNELS")',
  channelsOf: 'return redis.call("PUBSUB", "CHANNELS", "a*")',
  shards: 'return {redis.call("PUBSUB", "SHARDCHANNELS"), redis.call("PUBSUB", "SHARDNUMSUB", "a", "x")}',
  pubsubErrors: `local errors = {}
    for _, args in ipairs { {}, {"FOO"}, {"CHANNELS", "a", "b"}, {"NUMPAT", "x"} } do
      errors[#errors + 1] = redis.pcall("PUBSUB", unpack(args)).err
    end
    return errors`,
  pubsubHelp: 'return #redis.call("PUBSUB", "HELP")',
  resp3: 'redis.setresp(3) return {redis.call("PUBSUB", "NUMSUB", "a"), redis.call("PUBLISH", "a", "resp3")}',
  refused: `local errors = {}
    for _, name in ipairs { "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE" } do
      errors[#errors + 1] = redis.pcall(name, "a").err
    end
    return errors`,
  info: `local all, keyspace = redis.call("INFO"), redis.call("INFO", "keyspace")
    return {all:match("redis_version:7%.0%.15"), all:match("# Replication\\r\\nrole:master"), keyspace:sub(1, 12),
      redis.call("INFO", "no", "such")}`,
  info3:
    'redis.setresp(3) local r = redis.call("INFO", "replication") return {type(r), r.verbatim_string.format}',
} as const

async function same(script: string, protocol: 2 | 3): Promise<void> {
  const shown: unknown[] = []
  for (const source of [await clientsOfRedis(real), await clientsOfServers([server])]) {
    shown.push(await play(source, script, protocol, TEXTS))
    source.close()
  }
  expect(shown[1]).toEqual(shown[0])
}

describe.each([2, 3] as const)('RESP%i', (protocol) => {
  test('the number of listeners, and the messages in order', () =>
    same(
      `
      P EVAL $publish 0 a nobody => P1
      A SUBSCRIBE a => A1
      A SSUBSCRIBE a => A1
      P EVAL $publish 0 a one => P1 A1
      B PSUBSCRIBE a* o* => B2
      P EVAL $publish 0 a two => P1 A1 B1
      P EVAL $publish 0 ab three => P1 B1
      P EVAL $publish 0 nobody four => P1
      P EVAL $spublish 0 a five => P1 A1
      P EVAL $publish 0 "" "" => P1
      P EVAL $publish 0 a \\x00\\xff\\x0d\\x0a => P1 A1 B1
      P EVAL $several 1 k a => P1 A6 B6
      P EVAL $loop 0 => P1 B60
      P GET k => P1
      A UNSUBSCRIBE a => A1
      P EVAL $publish 0 a last => P1 B1
      `,
      protocol,
    ))

  test('scripts that fail', () =>
    same(
      `
      A SUBSCRIBE a => A1
      P EVAL $thenError 1 k => P1 A1
      P GET k => P1
      P EVAL $thenFailing 1 k2 => P1 A1
      P GET k2 => P1
      P EVAL $caught 1 k3 => P1 A1
      P EVAL $arity 0 => P1
      P EVAL $publish 0 a end => P1 A1
      `,
      protocol,
    ))

  test('read-only scripts', () =>
    same(
      `
      A SUBSCRIBE a => A1
      P EVAL_RO $publish 0 a x => P1
      P EVAL_RO $spublish 0 a x => P1
      P EVAL $noWrites 0 => P1
      P EVAL_RO $caughtReadOnly 0 => P1
      P EVAL_RO $pfcount 0 => P1
      P EVAL $pfcount 0 => P1
      P EVAL_RO $numsub 0 => P1
      P EVAL_RO $info3 0 => P1
      P EVAL $flagged 0 => P1 A1
      P EVAL_RO $flagged 0 => P1
      P EVAL $acl 0 => P1
      `,
      protocol,
    ))

  test('PUBSUB, SUBSCRIBE and INFO', () =>
    same(
      `
      P EVAL $channels 0 => P1
      P EVAL $numpat 0 => P1
      A SUBSCRIBE a => A1
      A PSUBSCRIBE a* b* => A2
      A SSUBSCRIBE a => A1
      B SUBSCRIBE a b => B2
      P EVAL $numsub 0 => P1
      P EVAL $numpat 0 => P1
      ~P EVAL $channels 0 => P1
      P EVAL $channelsOf 0 => P1
      P EVAL $shards 0 => P1
      P EVAL $pubsubErrors 0 => P1
      P EVAL $pubsubHelp 0 => P1
      P EVAL $resp3 0 => P1 A2 B1
      P EVAL $refused 0 => P1
      P EVAL $info 0 => P1
      P EVAL $info3 0 => P1
      `,
      protocol,
    ))

  test('a lock with its message', () =>
    same(
      `
      A SUBSCRIBE lock:channel => A1
      P HSET lock owner 2 => P1
      P EVAL $unlock 2 lock lock:channel 0 other => P1
      P EVAL $unlock 2 lock lock:channel 0 owner => P1
      P EVAL $unlock 2 lock lock:channel 0 owner => P1 A1
      P EVAL $unlock 2 lock lock:channel 0 owner => P1
      P EXISTS lock => P1
      `,
      protocol,
    ))

  test('in transactions', () =>
    same(
      `
      A SUBSCRIBE a => A1
      P MULTI => P1
      P PUBLISH a 1 => P1
      P EVAL $publish 0 a 2 => P1
      P SET k v => P1
      P EVAL $thenError 1 k2 => P1
      P SPUBLISH a x => P1
      P PUBLISH a 3 => P1
      P PUBSUB NUMSUB a => P1
      P EXEC => P1 A4
      P MULTI => P1
      P PUBLISH a 4 => P1
      P PUBSUB NUMPAT => P1
      P EXEC => P1 A1
      P MULTI => P1
      P EVAL $publish 0 a discarded => P1
      P DISCARD => P1
      P WATCH k => P1
      B SET k w => B1
      P MULTI => P1
      P PUBLISH a watched => P1
      P SET k x => P1
      P EXEC => P1
      P EVAL $publish 0 a 5 => P1 A1
      P EVALSHA x 0 => P1
      `,
      protocol,
    ))
})
