// EVAL: scripts that take time, memory, or make the server build something large.
import { command, times } from './fill.mjs'

/** @typedef {import('../lib/types.mjs').Row} Row */

/** @type {(name: string, title: string, connections: number, script: string) => Row} */
const script = (name, title, connections, text) => ({
  name,
  title,
  door: 'resp',
  scope: 'kv',
  async attack(context) {
    await context.repeat(await context.openMany(connections), command('EVAL', text, '0'))
  },
})

/** @type {Row[]} */
export const SCRIPTS = [
  script('eval-forever', "EVAL 'while true do end' on 4 connections", 4, 'while true do end'),
  script(
    'eval-some-ms',
    'EVAL of some ms each on 8 connections',
    8,
    'local x = 0 for i = 1, 200000 do x = x + i end return x',
  ),
  script(
    'eval-error-newlines',
    'redis.error_reply of 200,000 newlines',
    4,
    "return redis.error_reply(string.rep('\\n', 200000))",
  ),
  script(
    'eval-struct-size',
    'struct.size of a format of 2 MB',
    4,
    "return struct.size(string.rep('b', 2000000))",
  ),
  script(
    'eval-15mb',
    'EVAL that builds a string of 15 MB and returns its length',
    4,
    "return #string.rep('abcdefghijklmno', 1000000)",
  ),
  script('eval-returns-7mb', 'EVAL that returns 7 MB', 4, "return string.rep('abcdefg', 1000000)"),
  script(
    'eval-many-calls',
    'EVAL with 10,000 redis.call',
    4,
    "for i = 1, 10000 do redis.call('SET', 'k' .. (i % 100), i) end return 1",
  ),
  script(
    'eval-cjson-deep',
    'cjson over nested tables, cmsgpack, again',
    4,
    'local t = {} for i = 1, 20000 do t[i] = {i, tostring(i)} end ' +
      'return #cjson.encode(cjson.decode(cjson.encode(t)))',
  ),
  script(
    'eval-many-elements',
    'EVAL that returns 200,000 numbers',
    4,
    'local t = {} for i = 1, 200000 do t[i] = i end return t',
  ),
  {
    name: 'eval-pipelined',
    title: 'pipelines of 1,000 EVALs on 4 connections',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      await context.repeat(
        await context.openMany(4),
        times(command('EVAL', 'return redis.call("INCR", "n")', '0'), 1_000),
        1_000,
      )
    },
  },
  {
    name: 'script-load',
    title: 'SCRIPT LOAD of distinct scripts of 10 kB, 100 at a time on 4 connections',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const filler = `--${'x'.repeat(10_000)}\n`
      const request = (/** @type {number} */ n) =>
        Buffer.concat(
          Array.from({ length: 100 }, (_, i) => command('SCRIPT', 'LOAD', `${filler}return ${n * 100 + i}`)),
        )
      await context.repeat(await context.openMany(4), request, 100)
    },
  },
]
