// Numbers, patterns and texts that are long: what reads them must be linear, and bounded.
import { command, elements, filling, setOf, times, zsetOf } from './fill.mjs'

/** @typedef {import('../lib/types.mjs').Row} Row */

const DIGITS = '1'.repeat(200_000)
/** A letter at the end, so that a reader which tries again from the start of each part finds out late. */
const DIGITS_AND_LETTER = `${DIGITS}x`
/** What a star makes a matcher compare again at each place of a text of `a`. */
const LONG_PATTERN = `*${'a'.repeat(50_000)}b`
const LONG_TEXT = 'a'.repeat(100_000)
const STARS = `${'*a'.repeat(60)}b`
const NAME = 'a'.repeat(200)

/**
 * @type {(
 *   name: string,
 *   title: string,
 *   scope: import('../lib/types.mjs').Scope,
 *   connections: number,
 *   request: () => Buffer,
 *   setup?: Row['setup'],
 * ) => Row}
 */
const loop = (name, title, scope, connections, request, setup) => ({
  name,
  title,
  door: 'resp',
  scope,
  ...(setup === undefined ? {} : { setup }),
  async attack(context) {
    await context.repeat(await context.openMany(connections), request())
  },
})

/** @type {Row[]} */
export const PARSERS = [
  loop('score-digits-zadd', 'ZADD with a score of 200,000 digits and a letter', 'kv', 4, () =>
    command('ZADD', 'zset', DIGITS_AND_LETTER, 'member'),
  ),
  loop(
    'score-digits-range',
    'ZRANGEBYSCORE from a score of 200,000 digits and a letter, kv:read',
    'kv:read',
    4,
    () => command('ZRANGEBYSCORE', 'zset', DIGITS_AND_LETTER, '+inf'),
    zsetOf(10),
  ),
  loop('float-digits', 'INCRBYFLOAT with a number of 200,000 digits', 'kv', 4, () =>
    command('INCRBYFLOAT', 'number', `${DIGITS}.5`),
  ),
  loop('integer-digits', 'GETRANGE with an index of 200,000 digits, kv:read', 'kv:read', 4, () =>
    command('GETRANGE', 'string', DIGITS, '-1'),
  ),
  loop(
    'pattern-sscan',
    'SSCAN with a pattern of 60 stars, kv:read',
    'kv:read',
    2,
    () => command('SSCAN', 'set', '0', 'MATCH', STARS, 'COUNT', '1000'),
    filling((context) => elements('SADD', 'set', context.some(1_000), (n) => [`${NAME}${n}`])),
  ),
  loop(
    'pattern-keys',
    'KEYS with a pattern of 60 stars over 900 keys, kv:read',
    'kv:read',
    2,
    () => command('KEYS', STARS),
    filling((context) => Array.from({ length: context.some(900) }, (_, n) => ['SET', `${NAME}${n}`, 'v'])),
  ),
  loop('score-hex-digits', 'ZADD with a score of 200,000 hexadecimal digits', 'kv', 4, () =>
    command('ZADD', 'zset', `0x${DIGITS}p-800000`, 'member'),
  ),
  loop(
    'pattern-sscan-long',
    'SSCAN of members of 100,000 B with a star and 50,000 B as the pattern, kv:read',
    'kv:read',
    1,
    () => command('SSCAN', 'set', '0', 'MATCH', LONG_PATTERN, 'COUNT', '1000'),
    filling((context) =>
      Array.from({ length: context.some(5) }, (_, n) => ['SADD', 'set', `${LONG_TEXT}${n}`]),
    ),
  ),
  {
    name: 'pattern-psubscribe',
    title: 'PSUBSCRIBE to a star and 50,000 B, and PUBLISH on channels of 100,000 B',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const listener = await context.open()
      await listener.send(
        command('PSUBSCRIBE', ...Array.from({ length: 10 }, (_, n) => `${LONG_PATTERN}${n}`)),
        10,
      )
      await context.repeat(await context.openMany(2), command('PUBLISH', LONG_TEXT, 'message'))
    },
  },
  loop('pattern-in-script', "string.find in EVAL with a pattern of many '.-'", 'kv', 4, () =>
    command('EVAL', "return string.find(string.rep('a', 3000), string.rep('a-', 8) .. 'b')", '0'),
  ),
  loop('inline-junk', 'inline commands of junk, 1,000 at a time', 'kv', 4, () =>
    times(Buffer.from('nonsense "a b" \'c\' d\r\n'), 1_000),
  ),
  {
    name: 'array-headers',
    title: 'a header of 1,000,000 arguments and tiny arguments, 16 MB a request',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const count = context.some(1_000_000)
      const piece = Buffer.from('$1\r\na\r\n'.repeat(10_000))
      const peers = await context.openMany(4)
      await Promise.all(
        peers.map(async (peer) => {
          while (context.running && !peer.closed) {
            await peer.push(Buffer.from(`*${count + 1}\r\n$4\r\nMGET\r\n`))
            for (let n = 0; n < count && context.running; n += 10_000) await peer.push(piece)
          }
        }),
      )
    },
  },
  {
    name: 'byte-by-byte',
    title: 'SET of 100 B, byte by byte, on 500 connections',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const peers = await context.openMany(500)
      const request = command('SET', 'slow', 'v'.repeat(100))
      for (let n = 0; context.running; n++) {
        for (const peer of peers)
          if (!peer.closed) peer.write(request.subarray(n % request.length, (n % request.length) + 1))
        await context.pause(1)
      }
    },
  },
  loop(
    'set-members',
    'SMISMEMBER with 100,000 members, kv:read',
    'kv:read',
    2,
    () => command('SMISMEMBER', 'set', ...Array.from({ length: 100_000 }, (_, n) => n)),
    setOf(10),
  ),
]
