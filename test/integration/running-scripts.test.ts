import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type CompiledServer, startCompiledServer } from '../helpers/compiled-server.ts'
import { eventually } from '../helpers/eventually.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'

// Functions on compute threads, and how what runs there is ended by its user.

let redis: TestRedis
let server: CompiledServer

beforeAll(async () => {
  redis = await startRedis()
  server = await startCompiledServer(redis.url, {
    // Whatever ends here is ended by its user.
    AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS: '60000',
  })
})

afterEach(() => server.disconnectAll())

afterAll(async () => {
  await server.stop()
  await redis.stop()
})

const FOREVER = `#!lua name=lib
redis.register_function('forever', function(keys, args)
  redis.call('SET', keys[1], 'v')
  while true do end
end)
redis.register_function('quick', function(keys) return redis.call('INCR', keys[1]) end)`

interface Running {
  readonly name: string
  readonly command: string[]
  readonly ms: number
}

async function running(client: Redis): Promise<Running | undefined> {
  const [, script] = (await client.call('FUNCTION', 'STATS')) as [string, unknown[] | null]
  if (script === null) return undefined
  const [, name, , command, , ms] = script as [string, string, string, string[], string, number]
  return { name, command, ms }
}

/** Waits until something runs for the automation. */
async function started(client: Redis): Promise<Running> {
  let found: Running | undefined
  await eventually(async () => {
    found = await running(client)
    return found !== undefined
  })
  return found!
}

const endless = 'while true do end'

describe('SCRIPT KILL and FUNCTION KILL', () => {
  test('a function is shown and ended, and has written nothing', async () => {
    const [one, other] = [await server.client('f'), await server.client('f')]
    await one.call('FUNCTION', 'LOAD', FOREVER)
    const call = one.call('FCALL', 'Forever', '1', 'k', 'arg')
    call.catch(() => {})
    const { name, command, ms } = await started(other)
    expect([name, command]).toEqual(['Forever', ['FCALL', 'Forever', '1', 'k', 'arg']])
    expect(ms).toBeLessThan(60_000)
    await expect(other.script('KILL')).rejects.toThrow(
      'BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.',
    )
    expect(await other.call('FUNCTION', 'KILL')).toBe('OK')
    await expect(call).rejects.toThrow(
      /^ERR Script killed by user with SCRIPT KILL\.\.\. script: forever, on @user_function:4\.$/,
    )
    expect(await running(other)).toBeUndefined()
    expect(await other.get('k')).toBeNull()
    expect(await one.call('FCALL', 'quick', '1', 'n')).toBe(1)
    await expect(other.call('FUNCTION', 'KILL')).rejects.toThrow('NOTBUSY No scripts in execution right now.')
  })

  test.each([
    ['a loop', endless, 1],
    ['a loop within pcall', `return pcall(function() ${endless} end)`, 1],
    ['a loop within a coroutine', `\n\nlocal c = coroutine.wrap(function()\n${endless}\nend)\nc()`, 4],
    ['a loop with much memory', `local t = ('x'):rep(3000000)\n${endless}`, 2],
  ])('a script is ended: %s', async (_name, source, line) => {
    const [one, other] = [await server.client('s'), await server.client('s')]
    const run = one.eval(source, 0)
    run.catch(() => {})
    const { name, command } = await started(other)
    expect(command).toEqual(['eval', source, '0'])
    await expect(other.call('FUNCTION', 'KILL')).rejects.toThrow(
      'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    )
    expect(await other.script('KILL')).toBe('OK')
    await expect(run).rejects.toThrow(
      `ERR Script killed by user with SCRIPT KILL... script: ${name}, on @user_script:${line}.`,
    )
  })

  test('a function of C that takes long is ended with its thread, which is replaced', async () => {
    const [one, other] = [await server.client('c'), await server.client('c')]
    const source = "local s = ('a'):rep(200000) return s:find(('.-'):rep(20) .. 'b')"
    const run = one.eval(source, 0)
    run.catch(() => {})
    const { name } = await started(other)
    // It looks at nothing from the moment on at which it is inside of that function; before, it would.
    expect(await other.script('KILL')).toBe('OK')
    await expect(run).rejects.toThrow(`ERR Script killed by user with SCRIPT KILL... script: ${name}`)
    expect(await one.eval('return 7', 0)).toBe(7)
  })

  test('only what runs of a transaction is ended, and commands of the others wait no longer', async () => {
    const [one, other] = [await server.client('t'), await server.client('t')]
    const transaction = one.multi().incr('n').eval(endless, 0).incr('n').exec()
    await started(other)
    const waiting = other.eval("return redis.call('INCR', KEYS[1])", 1, 'n')
    const third = await server.client('t')
    expect(await third.script('KILL')).toBe('OK')
    const replies = await transaction
    expect(replies!.map(([error, reply]) => error?.message.slice(0, 25) ?? reply)).toEqual([
      1,
      'ERR Script killed by user',
      2,
    ])
    expect(await waiting).toBe(3)
  })

  test("another automation's script is neither shown nor ended", async () => {
    const [one, stranger] = [await server.client('mine'), await server.client('theirs')]
    const own = await server.client('mine')
    const run = one.eval(endless, 0)
    run.catch(() => {})
    await started(own)
    expect(await running(stranger)).toBeUndefined()
    await expect(stranger.script('KILL')).rejects.toThrow('NOTBUSY')
    await own.script('KILL')
    await expect(run).rejects.toThrow('killed by user')
  })
})

describe('functions on compute threads', () => {
  test('answer as on the thread of the sockets, at first and when they are known to be quick', async () => {
    const one = await server.client('quick')
    await one.call('FUNCTION', 'LOAD', FOREVER)
    for (let i = 1; i <= 50; i++) expect(await one.call('FCALL', 'quick', '1', 'n')).toBe(i)
    const burst = Array.from({ length: 200 }, () => one.call('FCALL', 'quick', '1', 'n'))
    expect(await Promise.all(burst)).toEqual(Array.from({ length: 200 }, (_, i) => 51 + i))
    // The same name, now slow and in another library.
    await one.call('FUNCTION', 'FLUSH')
    const slow = `#!lua name=slow
redis.register_function('quick', function(keys) for i = 1, 3000000 do end return redis.call('INCR', keys[1]) end)`
    await one.call('FUNCTION', 'LOAD', slow)
    for (let i = 251; i <= 260; i++) expect(await one.call('FCALL', 'quick', '1', 'n')).toBe(i)
  })

  test('keys that were not declared are read, and what only reads is right as well', async () => {
    const one = await server.client('undeclared')
    await one.call(
      'FUNCTION',
      'LOAD',
      `#!lua name=lib
redis.register_function{function_name='sum', flags={'no-writes'}, callback=function(keys, args)
  local sum = 0
  for i = 1, 20 do sum = sum + (redis.call('GET', 'n' .. i) or 0) end
  return sum
end}`,
    )
    for (let i = 1; i <= 20; i++) await one.set(`n${i}`, i)
    for (let i = 0; i < 5; i++) expect(await one.call('FCALL_RO', 'sum', '0')).toBe(210)
  })

  test('what they read one after the other is of one version, that of their library', async () => {
    const [one, other] = [await server.client('versions'), await server.client('versions')]
    const change = (version: number): Promise<unknown> => {
      const code = `#!lua name=lib
redis.register_function{function_name='look', flags={'no-writes'}, callback=function()
  local seen = {${version}}
  for i = 1, 12 do seen[i + 1] = tonumber(redis.call('GET', 'v' .. i)) end
  return seen
end}`
      const transaction = one.multi().call('FUNCTION', 'LOAD', 'REPLACE', code)
      for (let i = 1; i <= 12; i++) transaction.set(`v${i}`, version)
      return transaction.exec()
    }
    await change(0)
    let isOver = false
    const changes = (async () => {
      for (let version = 1; version <= 50; version++) await change(version)
      isOver = true
    })()
    const versions = new Set<number>()
    while (!isOver) {
      const [version, ...data] = (await other.call('FCALL', 'look', '0')) as number[]
      expect(data).toEqual(Array(12).fill(version))
      versions.add(version!)
    }
    await changes
    expect(versions.size).toBeGreaterThan(1)
  })

  test('code that does not end, or needs too much, is no library', async () => {
    const one = await server.client('hostile')
    const load = (body: string): Promise<unknown> => one.call('FUNCTION', 'LOAD', `#!lua name=lib\n${body}`)
    await expect(load(endless)).rejects.toThrow('ERR Error registering functions: ERR FUNCTION LOAD timeout')
    await expect(load("local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end")).rejects.toThrow(
      /ERR Error r(unning script lib, the script was killed|egistering functions)/,
    )
    await expect(load('local function f() return f() + 1 end f()')).rejects.toThrow('ERR Error')
    const pattern = "local s = ('a'):rep(200000) s:find(('.-'):rep(20) .. 'b')"
    await expect(load(pattern)).rejects.toThrow('ERR Error registering functions: ERR FUNCTION LOAD timeout')
    expect(await one.call('FUNCTION', 'LIST')).toEqual([])
    expect(await one.eval('return 1', 0)).toBe(1)
  })
})
