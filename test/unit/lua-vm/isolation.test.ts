import { describe, expect, test } from 'vitest'
import { KvError } from '../../../src/errors/errors.ts'
import { ScriptEngine } from '../../../src/lua-vm/engine.ts'
import { type Chunk, readLibrary } from '../../../src/lua-vm/libraries/function-library.ts'
import type { LuaMachine } from '../../../src/lua-vm/machine/machine.ts'
import { evaluate, LIMITS, shown } from './helpers.ts'

const SECRET = 'a-secret-of-automation-one'
const memoryOf = (engine: ScriptEngine): Buffer =>
  (engine as unknown as { machine: { machine: LuaMachine } }).machine.machine.heap.bytes

/** Scripts that end in every way there is, each with the secret in hand. */
const ENDINGS: Readonly<Record<string, string>> = {
  'a result': 'return ARGV[1] .. KEYS[1]',
  'an error': 'error(ARGV[1])',
  'an error within a coroutine': 'coroutine.wrap(function() error({err = ARGV[1]}) end)()',
  'the time limit': 'local t = {} while true do t[#t % 1000 + 1] = ARGV[1] .. #t end',
  'the memory limit': 'local t = {} while true do t[#t + 1] = ARGV[1] .. #t end',
  'the watchdog': 'return (ARGV[1]):rep(100):find((".-"):rep(50) .. "!")',
  'a stack overflow': 'local function f(x) return f(x .. "1") + 1 end return f(ARGV[1])',
  'a deep stack of C functions':
    'local function f(n) return (ARGV[1]):gsub(".", function() if n > 0 then return f(n - 1) end error("out") end) end return f(150)',
  'a failed command': 'return redis.call("fail", ARGV[1])',
  'a large string': 'return #(ARGV[1]):rep(40000)',
  'a format': 'return string.format("%s %q", ARGV[1], ARGV[1])',
  json: 'return cjson.encode(cjson.decode(cjson.encode({ARGV[1], ARGV[1] .. "x"})))',
}

describe('a script leaves nothing behind', () => {
  test.each(Object.entries(ENDINGS))('in memory, after %s', (_name, source) => {
    const engine = new ScriptEngine()
    const host = {
      call: (args: readonly Buffer[]) => {
        if (args[0]!.toString() === 'fail') throw new Error(`unforeseen ${SECRET}`)
        return args[1]!
      },
      allows: () => true,
    }
    evaluate(engine, 'return 1')
    const used = memoryOf(engine)
    try {
      evaluate(engine, source, {
        keys: [Buffer.from(SECRET)],
        args: [Buffer.from(SECRET)],
        host,
        limits: { ...LIMITS, timeLimitMs: 100 },
      })
    } catch (error) {
      expect((error as Error).message).toContain('unforeseen')
    }
    expect(shown(evaluate(engine, 'return 1'))).toBe('1')
    if (used.length > 0) expect(used.includes(SECRET)).toBe(false)
    expect(memoryOf(engine).includes(SECRET)).toBe(false)
  })

  test.each([
    [
      'local _, t = pairs(string) t.upper = function() return "leak" end return ("x"):upper()',
      'return ("x"):upper()',
      'X',
    ],
    [
      'local _, t = pairs(redis) t.call = function() return "leak" end return redis.call()',
      'return redis.call("echo", "x")',
      '[x]',
    ],
    ['local _, t = pairs(_G) rawset(t, "leak", "leak") return leak', 'return rawget(_G, "leak") == nil', '1'],
    ['cjson.encode_number_precision(3) return cjson.encode(12345)', 'return cjson.encode(12345)', '12345'],
    ['redis.setresp(3) return redis.call("x")', 'return true', '1'],
    ['collectgarbage("stop") collectgarbage("setpause", 1)', 'return collectgarbage("setpause", 200)', '200'],
    ['math.randomseed(1) return math.random(1e6)', 'return 1', '1'],
  ])('in the state: %s', (first, second, expected) => {
    const engine = new ScriptEngine()
    evaluate(engine, first)
    expect(shown(evaluate(engine, second))).toBe(expected)
  })

  test('the random numbers of two runs differ, those of a seed do not', () => {
    const engine = new ScriptEngine()
    const random = 'local t = {} for i = 1, 8 do t[i] = math.random(1e6) end return table.concat(t, " ")'
    expect(shown(evaluate(engine, random))).not.toBe(shown(evaluate(engine, random)))
    expect(shown(evaluate(engine, `math.randomseed(5) ${random}`))).toBe(
      shown(evaluate(engine, `math.randomseed(5) ${random}`)),
    )
  })

  test('every run starts from the same memory', () => {
    const engine = new ScriptEngine()
    const count = 'return {collectgarbage("count") * 1024, tostring({})}'
    const first = shown(evaluate(engine, count))
    evaluate(engine, 'local t = {} for i = 1, 10000 do t[i] = {i} end return #t')
    expect(shown(evaluate(engine, count))).toBe(first)
  })
})

describe('libraries of functions', () => {
  const libraryOf = (engine: ScriptEngine, code: string): Chunk => {
    const chunk: Chunk = {
      body: readLibrary(Buffer.from(`#!lua name=lib\n${code}`)).body,
      bytecode: undefined,
    }
    engine.compileLibrary(chunk, 'lib', LIMITS)
    return chunk
  }
  const own = { host: { call: () => null, allows: () => true }, keys: [], args: [] }
  const atomically = <T>(run: () => T): T => run()

  test('a script after one, whatever became of it, has the globals of scripts', () => {
    const engine = new ScriptEngine()
    const asScripts = (): void => {
      const script =
        'return {type(math), tostring(redis.register_function), type(redis.call), type(redis.debug), #KEYS}'
      expect(shown(evaluate(engine, script))).toBe('[table,nil,function,function,0]')
    }
    for (const code of [
      'error("x")',
      'while true do end',
      'local t = {} while true do t = {t, ("x"):rep(1000)} end',
    ]) {
      const library = libraryOf(engine, `redis.register_function("f", function() end) ${code}`)
      expect(() => engine.register(library, 'lib', LIMITS)).toThrow(KvError)
      asScripts()
    }
    const counting = libraryOf(
      engine,
      'local n = 0 redis.register_function("f", function() n = n + 1 string.x = n return n end)',
    )
    for (let i = 0; i < 3; i++) {
      const reply = engine.call(counting, 'f', { ...own, atomically }, LIMITS)
      expect(shown(reply)).toContain('Attempt to modify a readonly table')
      asScripts()
    }
  })

  test('nothing that was registered before is there for the next library', () => {
    const engine = new ScriptEngine()
    const first = libraryOf(engine, 'redis.register_function("f", function() return 1 end)')
    const second = libraryOf(engine, 'redis.register_function("g", function() return 2 end)')
    expect(engine.register(first, 'first', LIMITS).map(({ name }) => name)).toEqual(['f'])
    expect(engine.register(second, 'second', LIMITS).map(({ name }) => name)).toEqual(['g'])
    expect(engine.call(second, 'g', { ...own, atomically }, LIMITS)).toBe(2)
    expect(() => engine.call(second, 'f', { ...own, atomically }, LIMITS)).toThrow('ERR Function not found')
  })
})
