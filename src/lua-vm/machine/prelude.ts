/**
 * Runs once, before the snapshot that every script starts from. It takes away what could reach outside or
 * read binary chunks, makes the globals and libraries read-only, and answers the environment of scripts, the
 * table behind it, the handler of uncaught errors, the globals of a library that is being loaded, and `redis`
 * as functions see it. Redis patched its Lua with read-only tables; here an empty table stands before each,
 * whose metatable refuses writes.
 */
export const PRELUDE = `
local marker, refuse, missing = ...
local globals = _G
local getinfo = debug.getinfo
local getmetatable, setmetatable, pcall, loadstring, concat, type, tostring, error, next =
  getmetatable, setmetatable, pcall, loadstring, table.concat, type, tostring, error, next

for _, name in ipairs { 'print', 'dofile', 'loadfile', 'getfenv', 'setfenv', 'newproxy', 'module', 'require', 'package', 'debug', 'io', 'os' } do
  globals[name] = nil
end

local hidden
local function readonly(target)
  return setmetatable({}, { __index = target, __newindex = refuse, __metatable = hidden, [marker] = target })
end
hidden = readonly({})
getmetatable(hidden).__metatable = hidden

-- The stock function would hand a binary chunk to the undumper, which trusts it. loadstring refuses them.
function globals.load(reader, name)
  if type(reader) ~= 'function' then
    error("bad argument #1 to 'load' (function expected, got " .. (reader == nil and 'no value' or type(reader)) .. ')', 2)
  end
  local pieces, count = {}, 0
  local ok, failure = pcall(function()
    while true do
      local piece = reader()
      if piece == nil or piece == '' then return end
      if type(piece) ~= 'string' then error('reader function must return a string', 0) end
      count = count + 1
      pieces[count] = piece
    end
  end)
  if not ok then return nil, failure end
  return loadstring(concat(pieces), name or '=(load)')
end

local cjson = globals.cjson
function cjson.new()
  local copy = {}
  for name, value in next, cjson do copy[name] = value end
  return copy
end

local within, loading = {}, { register_function = globals.redis.register_function }
globals.redis.register_function = nil
for name, value in next, globals.redis do within[name] = value end
for _, name in ipairs { 'replicate_commands', 'breakpoint', 'debug' } do within[name] = nil end
for _, name in ipairs { 'log', 'LOG_DEBUG', 'LOG_VERBOSE', 'LOG_NOTICE', 'LOG_WARNING', 'REDIS_VERSION', 'REDIS_VERSION_NUM' } do
  loading[name] = within[name]
end
setmetatable(loading, { __index = missing })

local strings = getmetatable('')
local names = { 'bit', 'cjson', 'cmsgpack', 'coroutine', 'math', 'redis', 'string', 'struct', 'table' }
for _, name in ipairs(names) do
  globals[name] = readonly(globals[name])
end
strings.__metatable = readonly({ __index = globals.string })

setmetatable(globals, { __index = missing })
local environment = readonly(globals)
globals._G = environment

-- As Redis's own: a string becomes a table, and where it happened is added for the reply.
local function handler(err)
  local at = getinfo(2, 'Sl')
  if at and at.what == 'C' then at = getinfo(3, 'Sl') end
  if type(err) ~= 'table' then err = { err = 'ERR ' .. tostring(err) } end
  if at then
    err.source = at.source
    err.line = at.currentline
  end
  return err
end

return environment, globals, handler, setmetatable({ redis = readonly(loading) }, { __index = missing }), readonly(within)
`
