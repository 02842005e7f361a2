// Commands that the server computes on plaintext, or that are costly in the Redis.
import {
  command,
  elements,
  filling,
  hashOf,
  LARGEST,
  listOf,
  setOf,
  times,
  valuesOf,
  zsetOf,
} from './fill.mjs'

/** @typedef {import('../lib/types.mjs').Row} Row */

/**
 * @type {(
 *   name: string,
 *   title: string,
 *   setup: Row['setup'],
 *   connections: number,
 *   request: () => Buffer | ((n: number) => Buffer),
 *   replies?: number,
 * ) => Row}
 */
const loop = (name, title, setup, connections, request, replies = 1) => ({
  name,
  title,
  door: 'resp',
  scope: 'kv',
  ...(setup === undefined ? {} : { setup }),
  async attack(context) {
    await context.repeat(await context.openMany(connections), request(), replies)
  },
})

const twoSets = filling(function* (context) {
  yield* elements('SADD', 'set', context.some(100_000), (n) => [`member ${n}`])
  yield* elements('SADD', 'other', context.some(100_000), (n) => [`member ${n + 50_000}`])
})
const twoZsets = filling(function* (context) {
  yield* elements('ZADD', 'zset', context.some(100_000), (n) => [n, `member ${n}`])
  yield* elements('ZADD', 'other', context.some(100_000), (n) => [n, `member ${n + 50_000}`])
})
const groupOf = filling(function* (context) {
  yield ['XGROUP', 'CREATE', 'stream', 'group', '$', 'MKSTREAM']
  for (let n = 0; n < context.some(20_000); n++) yield ['XADD', 'stream', '*', 'f', `v${n}`]
  yield ['XREADGROUP', 'GROUP', 'group', 'one', 'COUNT', context.some(20_000), 'STREAMS', 'stream', '>']
})
const text = (/** @type {number} */ bytes) =>
  Buffer.from(Array.from({ length: bytes }, (_, n) => 97 + ((n * n) % 23)))

/** @type {Row[]} */
export const COMPUTED = [
  loop('sort-60000', 'SORT ALPHA of a list of 60,000 on 2 connections', listOf(60_000), 2, () =>
    command('SORT', 'list', 'ALPHA'),
  ),
  loop('sort-by-get', 'SORT BY nosort GET of a list of 10,000', listOf(10_000), 2, () =>
    command('SORT', 'list', 'BY', 'w_*', 'GET', 'v_*', 'ALPHA'),
  ),
  loop('bitop-500', 'BITOP OR naming a key of 1 MiB 500 times', valuesOf(1, LARGEST), 2, () =>
    command('BITOP', 'OR', 'to', ...Array(500).fill('value:0')),
  ),
  loop('sunion-3000', 'SUNION naming a set of 10,000 3,000 times', setOf(10_000), 2, () =>
    command('SUNION', ...Array(3_000).fill('set')),
  ),
  loop('sinterstore', 'SINTERSTORE of two sets of 100,000', twoSets, 2, () =>
    command('SINTERSTORE', 'to', 'set', 'other'),
  ),
  loop('zunionstore', 'ZUNIONSTORE of two sorted sets of 100,000', twoZsets, 2, () =>
    command('ZUNIONSTORE', 'to', '2', 'zset', 'other'),
  ),
  loop(
    'lcs',
    'LCS of two strings of 1 MiB',
    filling(() => [
      ['SET', 'a', text(LARGEST)],
      ['SET', 'b', text(LARGEST).reverse()],
    ]),
    2,
    () => command('LCS', 'a', 'b', 'LEN'),
  ),
  loop(
    'lcs-10000',
    'LCS of two strings of 10,000 B',
    filling(() => [
      ['SET', 'a', text(10_000)],
      ['SET', 'b', text(10_000).reverse()],
    ]),
    4,
    () => command('LCS', 'a', 'b', 'IDX'),
  ),
  loop(
    'append-1mib',
    'APPEND of one byte to values of 0.9 MB, pipelined',
    valuesOf(8, 900_000),
    4,
    () => (n) => times(command('APPEND', `value:${n % 8}`, 'x'), 20),
    20,
  ),
  loop(
    'setrange',
    'SETRANGE at the end of 1 MiB, on many keys, pipelined',
    undefined,
    4,
    () => (n) =>
      Buffer.concat(
        Array.from({ length: 20 }, (_, i) =>
          command('SETRANGE', `range:${(n * 20 + i) % 200}`, LARGEST - 2, 'x'),
        ),
      ),
    20,
  ),
  loop('bitfield-many', 'BITFIELD of 10,000 operations on 1 MiB', valuesOf(1, LARGEST), 2, () =>
    command(
      'BITFIELD',
      'value:0',
      ...Array.from({ length: 10_000 }, (_, n) => ['INCRBY', 'u8', n * 8, '1']).flat(),
    ),
  ),
  loop(
    'pfmerge',
    'PFMERGE naming 1,000 HyperLogLogs',
    filling((context) =>
      Array.from({ length: context.some(100) }, (_, n) => [
        'PFADD',
        `pf:${n}`,
        ...Array.from({ length: 500 }, (_, i) => `${n}.${i}`),
      ]),
    ),
    2,
    () => command('PFMERGE', 'to', ...Array.from({ length: 1_000 }, (_, n) => `pf:${n % 100}`)),
  ),
  loop(
    'copy-big',
    'COPY of a list of 60,000 to 500 names',
    listOf(60_000),
    2,
    () => (n) => command('COPY', 'list', `copy:${n % 500}`, 'REPLACE'),
  ),
  loop(
    'linsert',
    'LINSERT in the middle of 60,000, pipelined',
    listOf(60_000),
    2,
    () => times(command('LINSERT', 'list', 'BEFORE', 'element 30000', 'x'), 20),
    20,
  ),
  loop(
    'lrem',
    'LREM of what is not in a list of 60,000, pipelined',
    listOf(60_000),
    2,
    () => times(command('LREM', 'list', '0', 'nothing'), 20),
    20,
  ),
  loop('srandmember', 'SRANDMEMBER -100000 of a set of 100,000', setOf(100_000), 2, () =>
    command('SRANDMEMBER', 'set', '-100000'),
  ),
  loop(
    'hincrby-large',
    'HINCRBY in a hash of 100,000 fields, and HRANDFIELD',
    hashOf(100_000),
    4,
    () =>
      times(Buffer.concat([command('HINCRBY', 'hash', 'n', '1'), command('HRANDFIELD', 'hash', '1000')]), 10),
    20,
  ),
  loop('zrangestore', 'ZRANGESTORE of 100,000', zsetOf(100_000), 2, () =>
    command('ZRANGESTORE', 'to', 'zset', '0', '-1'),
  ),
  loop(
    'xadd-flood',
    'XADD, pipelines of 200 on 8 connections',
    undefined,
    8,
    () => times(command('XADD', 'stream', '*', 'field', 'v'.repeat(100)), 200),
    200,
  ),
  loop('xautoclaim', 'XAUTOCLAIM over 20,000 pending entries', groupOf, 4, () =>
    command('XAUTOCLAIM', 'stream', 'group', 'two', '0', '0', 'COUNT', '20000'),
  ),
  loop('mset-tiny', 'MSET of 500,000 tiny pairs', undefined, 2, () =>
    Buffer.from(`*1000001\r\n$4\r\nMSET\r\n${'$2\r\nk1\r\n$1\r\nv\r\n'.repeat(500_000)}`),
  ),
  loop(
    'flushdb-storm',
    'MSET of 900 keys, FLUSHDB, DBSIZE, again',
    undefined,
    4,
    () =>
      Buffer.concat([
        command('MSET', ...Array.from({ length: 900 }, (_, n) => [`k${n}`, 'v']).flat()),
        command('FLUSHDB'),
        command('DBSIZE'),
      ]),
    3,
  ),
  loop(
    'expire-storm',
    '900 keys with a TTL of 1 ms, again and again',
    undefined,
    4,
    () => Buffer.concat(Array.from({ length: 900 }, (_, n) => command('SET', `k${n}`, 'v', 'PX', '1'))),
    900,
  ),
  loop(
    'rename-list',
    'OBJECT ENCODING, TOUCH, RENAME of a list of 60,000',
    listOf(60_000),
    4,
    () =>
      Buffer.concat([
        command('OBJECT', 'ENCODING', 'list'),
        command('TOUCH', 'list'),
        command('RENAME', 'list', 'list'),
      ]),
    3,
  ),
]
