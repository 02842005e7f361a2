import { describe, expect, test } from 'vitest'
import { ScriptEngine } from '../../../src/lua-vm/engine.ts'
import { evaluate, LIMITS, shown } from './helpers.ts'

const engine = new ScriptEngine()
const limits = { ...LIMITS, timeLimitMs: 60 }
/** Time of the processor, far above the limit: what else the machine does must not count. */
const PATIENCE_MS = 3_000

const run = (source: string): string => {
  const before = process.cpuUsage()
  const reply = shown(evaluate(engine, source, { limits }))
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1000).toBeLessThan(PATIENCE_MS)
  expect(
    shown(
      evaluate(engine, 'return {KEYS[1], #ARGV, type(redis.call), ("x"):upper()}', {
        keys: [Buffer.from('k')],
      }),
    ),
  ).toBe('[k,0,function,X]')
  return reply
}

describe('a script that does not end is ended', () => {
  test.each([
    'while true do end',
    'repeat until false',
    'pcall(function() while true do end end) return "survived"',
    'while true do pcall(function() while true do end end) end',
    'xpcall(function() while true do end end, function() while true do end end)',
    'coroutine.wrap(function() while true do end end)()',
    'local c = coroutine.create(function() while true do coroutine.yield() end end) while true do coroutine.resume(c) end',
    '("xx"):gsub("x", function() while true do end end)',
    'load(function() while true do end end)',
    'table.sort({3,2,1}, function() while true do end end)',
    'local function f() return f() end f()',
    'local t = setmetatable({}, {__call = function(s) return s() end}) t()',
    'local t = setmetatable({}, {__index = function() while true do end end}) return t.x',
    'local s = "" while true do s = s .. "x" end',
    'while true do pcall(string.rep, "x", 30e6) end',
    'for i = 1, 1e9 do redis.call("ping") end',
    'local t = {} for i = 1, 2e5 do t[i] = 0 end while true do table.insert(t, 1, 0) end',
    'local t = {} for i = 1, 2e5 do t[i] = 0 end while true do table.remove(t, 1) end',
    'while true do collectgarbage() end',
    'local s = ("x"):rep(2e6) local a, b = s .. "a", s .. "b" while a < b do end',
    'local t = {1} for i = 1, 40 do t = {t, t} end return t',
    'local t = {1} for i = 1, 40 do t = {t, t} end return cjson.encode(t)',
    'return ("a"):rep(3000):find((".-"):rep(50) .. "b")',
    'return ("a"):rep(100):match(("a?"):rep(50) .. ("a"):rep(101))',
    'for _ in ("a"):rep(5000):gmatch(("a*"):rep(8) .. "b") do end',
    'return ("a"):rep(100000):gsub("(.-)(.-)b", "")',
    'return ("a"):rep(30):find(("a*"):rep(30) .. "b")',
    'return ("a"):rep(3e6):find(("a"):rep(1e6) .. "b", 1, true)',
    'return ("("):rep(1e6):find("%b()")',
    'local s = ("a"):rep(2000) while true do s:find("a-b") end',
    'local s = ("9"):rep(5e6) .. "x" while true do tonumber(s) end',
    'local f = ("b"):rep(5e6) while true do struct.size(f) end',
    'local f = (" "):rep(5e6) while true do struct.pack(f) end',
    'local f = (" "):rep(5e6) while true do struct.unpack(f, "") end',
    'local s = ("x"):rep(5e6) while true do struct.unpack("b", s) end',
    'local s, t = ("x"):rep(1e6), {} for i = 1, 5000 do t[i] = s end while true do struct.pack(("c1"):rep(5000), unpack(t)) end',
    'local s = (" "):rep(5e6) while true do pcall(cjson.decode, s) end',
    'local s = [["]] .. ("a"):rep(5e6) while true do pcall(cjson.decode, s) end',
    'local s = [["]] .. ([[\\n]]):rep(2e6) while true do pcall(cjson.decode, s) end',
    'local s = ("9"):rep(5e6) while true do cjson.decode(s) end',
    'local s = ("x"):rep(5e6) while true do cmsgpack.unpack_one(s, 4999999) end',
    'local s = ("x"):rep(5e6) while true do redis.sha1hex(s) end',
    'local s = ("\\n"):rep(2e5) .. "x" while true do redis.error_reply(s) end',
    'local t = {} for i = 1, 1e5 do t[i] = 1 end t = {t, t, t, t} while true do pcall(cjson.encode, {t, t, type}) end',
  ])('%s', (source) => {
    expect(run(source)).toMatch(
      /^-ERR Error running script [0-9a-f]{40}, (?:the script was killed: it ran longer|not enough memory)/,
    )
  })
})

describe('a script that wants all memory does not get it', () => {
  test.each([
    'return string.rep("x", 1e9)',
    'local t = {} for i = 1, 1e9 do t[i] = i end',
    'local s = "x" while true do s = s .. s end',
    'local t = {} while true do t = {t, {}, {}} end',
    'local t = {} while true do t[#t + 1] = coroutine.create(function() end) end',
    'local t = {} while true do t[{}] = 1 end',
    'return ("x"):rep(1e6):gsub("x", ("y"):rep(1000))',
    'local t = {} while true do t[#t + 1] = ("x"):rep(100000) .. #t end',
    'return cjson.decode("[" .. ("{},"):rep(1e6) .. "1]")',
    'return cmsgpack.unpack("\\221\\0\\16\\0\\0" .. ("\\144"):rep(2^20))',
    'local t = {} for i = 1, 200 do t[i] = ("x"):rep(1000) .. i end local a = {} for i = 1, 1000 do a[i] = t end return cjson.encode(a)',
    'return struct.pack(("s"):rep(200), (function() local t = {} for i = 1, 200 do t[i] = ("x"):rep(1e5) end return unpack(t) end)())',
  ])('%s', (source) => {
    expect(run(source)).toMatch(/^-ERR .*(?:not enough memory|needs more memory|it ran longer)/)
  })

  test('a loop of failures within pcall stays within the limit', () => {
    expect(
      run('local n = 0 for i = 1, 20 do if not pcall(string.rep, "x", 1e9) then n = n + 1 end end return n'),
    ).toMatch(/^20$|it ran longer/)
  })

  test('the process does not keep the memory', () => {
    for (let i = 0; i < 5; i++) run('local t = {} while true do t[#t + 1] = ("x"):rep(100000) .. #t end')
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(200 * 1024 * 1024)
  })
})

describe('depth ends in an error', () => {
  test.each([
    'local function f() return 1 + f() end return f()',
    'local function f() return coroutine.wrap(f)() end f()',
    'local f f = function() local ok, e = pcall(f) if not ok then error(e, 0) end return ok end return f()',
    'local t = {} t[1] = t return cjson.encode(t)',
    'cjson.encode_max_depth(1e9) local t = {} t[1] = t return cjson.encode(t)',
    'cjson.decode_max_depth(1e9) return cjson.decode(("["):rep(1e6))',
    'return cmsgpack.unpack(("\\145"):rep(1e6))',
    'return loadstring(("("):rep(1e5) .. "1" .. (")"):rep(1e5))()',
    'return unpack({}, 1, 1e7)',
    'return unpack({}, -2147483648, 2147483647)',
    'return {("x"):rep(10000):byte(1, -1)}',
    'return ("x"):rep(100):find(("(x)"):rep(100))',
  ])('%s', (source) => {
    expect(run(source)).toMatch(/^-ERR|^1$/)
  })

  test('a table that holds itself as a reply', () => {
    expect(run('local t = {} t[1] = t return t')).toContain('-ERR reached lua stack limit')
    expect(run('local t = {map = {}} t.map.x = t return t')).toBe('[object Object]')
  })
})

describe('nothing reaches outside', () => {
  test.each([
    'io',
    'os',
    'debug',
    'package',
    'require',
    'module',
    'dofile',
    'loadfile',
    'print',
    'getfenv',
    'setfenv',
    'newproxy',
    'process',
    'js',
  ])('%s is no global', (name) => {
    expect(run(`return ${name}`)).toContain(`nonexistent global variable '${name}'`)
  })

  test.each([
    'return (loadstring("\\27Lua"))',
    'return (loadstring(string.dump(function() return 1 end)))',
    'local d = string.dump(function() return 1 end) local i = 0 return (load(function() i = i + 1 return d:sub(i, i) end))',
    'local d = string.dump(function() return 1 end) local done return (load(function() if not done then done = 1 return d end end))',
  ])('bytecode is refused: %s', (source) => {
    expect(run(source)).toBe('null')
  })

  test('bytecode as a script is refused', () => {
    expect(run('\x1bLua')).toBe(
      "-ERR Error compiling script (new function): user_script:1: unexpected symbol near 'char(27)'",
    )
  })

  test.each([
    'x = 1',
    'redis.x = 1',
    'redis = nil',
    'KEYS = nil',
    'string.upper = nil',
    'getmetatable("").__index = nil',
    'getmetatable("").__add = error',
    'rawset(_G, "x", 1)',
    'rawset(string, "upper", 1)',
    'setmetatable(_G, {})',
    'setmetatable(redis, nil)',
    'table.insert(redis, 1)',
    'getmetatable(_G).__newindex = nil',
    'getmetatable(getmetatable(_G)).__newindex = nil',
    '_G.x = 1',
    '_G._G = 1',
    'cjson.null = 1',
  ])('read-only: %s', (source) => {
    expect(run(source)).toContain('Attempt to modify a readonly table')
  })
})

describe('error values of any kind', () => {
  test.each([
    ['error({})', '(error object is not a string)'],
    ['error({err = {}})', '(error object is not a string)'],
    [
      'error(setmetatable({}, {__tostring = function() while true do end end}))',
      '(error object is not a string)',
    ],
    ['error(setmetatable({}, {__index = function() error("x") end}))', '(error object is not a string)'],
    ['error(redis)', 'readonly table'],
    ['error(coroutine.create(function() end))', 'ERR thread: '],
    ['error(cjson.null)', 'ERR userdata: '],
    ['error("line\\r\\nbreak")', 'line  break'],
  ])('%s', (source, text) => {
    expect(run(source)).toContain(text)
  })
})
