// FUNCTION and FCALL: libraries that are large, many, or do not end when they are loaded.
import { command } from './fill.mjs'

/** @typedef {import('../lib/types.mjs').Row} Row */

const MANY = `for i = 1, 1000 do redis.register_function('f' .. i, function() return i end) end`
/** As large as an automation may have. */
const LARGE = `#!lua name=large\n${MANY} --${'x'.repeat(700_000)}`

/** @type {(name: string, title: string, connections: number, code: string, request: Buffer) => Row} */
const withLibrary = (name, title, connections, code, request) => ({
  name,
  title,
  door: 'resp',
  scope: 'kv',
  async attack(context) {
    const opened = await context.openMany(connections)
    await context.repeat(opened, Buffer.concat([command('FUNCTION', 'LOAD', 'REPLACE', code), request]), 2)
  },
})

/** @type {Row[]} */
export const FUNCTIONS = [
  withLibrary(
    'function-list',
    'FUNCTION LIST WITHCODE of 1,000 functions and 700 kB, each loaded anew, on 4 connections',
    4,
    LARGE,
    command('FUNCTION', 'LIST', 'WITHCODE'),
  ),
  withLibrary(
    'function-call-large',
    'FCALL in a library of 700 kB, each loaded anew, on 4 connections',
    4,
    LARGE,
    command('FCALL', 'f1', '0'),
  ),
  {
    name: 'function-load-forever',
    title: 'FUNCTION LOAD of code that does not end, on 4 connections',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const request = command('FUNCTION', 'LOAD', '#!lua name=endless\nwhile true do end')
      await context.repeat(await context.openMany(4), request)
    },
  },
  {
    name: 'function-load-many',
    title: 'FUNCTION LOAD of distinct libraries, 100 at a time on 4 connections',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const request = (/** @type {number} */ n) =>
        Buffer.concat(
          Array.from({ length: 100 }, (_, i) => {
            const id = n * 100 + i
            const code = `redis.register_function('f${id}', function() end)`
            return command('FUNCTION', 'LOAD', `#!lua name=l${id}\n${code}`)
          }),
        )
      await context.repeat(await context.openMany(4), request, 100)
    },
  },
  {
    name: 'script-kill',
    title: 'EVAL of a costly pattern on 2 connections, and SCRIPT KILL on 2',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const costly = "local s = ('a'):rep(200000) return s:find(('.-'):rep(20) .. 'b')"
      const [running, killing] = [await context.openMany(2), await context.openMany(2)]
      await Promise.all([
        context.repeat(running, command('EVAL', costly, '0')),
        context.repeat(killing, command('SCRIPT', 'KILL')),
      ])
    },
  },
]
