// EVAL: what its libraries do to long values, each at a cost that should grow as they do. A pattern of Lua
// may take any time by itself, which the time limit of scripts is for; none of these does.
import { encode } from '../../abuse/lib/peer.mjs'

/** @typedef {import('./types.mjs').Case} Case */

/** Bytes of ARGV[1]. */
const LENGTHS = [4_096, 16_384, 65_536, 262_144]
const COUNTS = [64, 256, 1_024, 4_096]

/** @type {Readonly<Record<string, string>>} scripts whose ARGV[1] grows */
const ON_A_STRING = {
  '#': 'return #ARGV[1]',
  '..': 'return ARGV[1] .. ARGV[1]',
  'string.upper': 'return string.upper(ARGV[1])',
  'string.reverse': 'return string.reverse(ARGV[1])',
  'string.rep': 'return string.rep("ab", #ARGV[1])',
  'string.sub': 'local n = 0 for i = 1, 100 do n = n + #string.sub(ARGV[1], i) end return n',
  'string.byte': 'local n = 0 for i = 1, #ARGV[1] do n = n + string.byte(ARGV[1], i) end return n',
  'string.find, plain': 'return string.find(ARGV[1], "b", 1, true)',
  'string.find': 'return string.find(ARGV[1], "b")',
  'string.find, anchored': 'return string.find(ARGV[1], "^a*b")',
  'string.gsub': 'return (string.gsub(ARGV[1], "a", "bc"))',
  'string.gsub with a function': 'return (string.gsub(ARGV[1], "a", function() return "b" end))',
  'string.gmatch': 'local n = 0 for _ in string.gmatch(ARGV[1], "a") do n = n + 1 end return n',
  'string.format %s': 'return string.format("%s", ARGV[1])',
  'string.format %q': 'return string.format("%q", ARGV[1])',
  'string.format, a long format': 'return string.format(ARGV[1])',
  tonumber: 'return tostring(tonumber(ARGV[1]))',
  error: 'error(ARGV[1])',
  error_reply: 'return redis.error_reply(ARGV[1])',
  status_reply: 'return redis.status_reply(ARGV[1])',
  'redis.log': 'redis.log(redis.LOG_WARNING, ARGV[1]) return 1',
  sha1hex: 'return redis.sha1hex(ARGV[1])',
  loadstring: 'return loadstring("return \\"" .. ARGV[1] .. "\\"")()',
  'struct.pack': 'return struct.pack("s", ARGV[1])',
  'struct.pack, a long format': 'return #struct.pack(string.rep("x", #ARGV[1]))',
  'struct.size, a long format': 'return struct.size(string.rep("b", #ARGV[1]))',
  'struct.unpack': 'return #struct.unpack("c" .. #ARGV[1], ARGV[1])',
  'struct.unpack to a zero': 'return #struct.unpack("s", ARGV[1] .. "\\0")',
  'cmsgpack.pack': 'return #cmsgpack.pack(ARGV[1])',
  'cmsgpack.unpack': 'return #cmsgpack.unpack(cmsgpack.pack(ARGV[1]))',
  'cmsgpack.unpack, nested arrays': 'return pcall(cmsgpack.unpack, string.rep("\\145", #ARGV[1])) and 1 or 0',
  'cmsgpack.unpack, many values':
    'return select("#", pcall(cmsgpack.unpack, string.rep("\\1", #ARGV[1] / 64)))',
  'cmsgpack.unpack_limit':
    'local n, at = 0, 0 local s = string.rep("\\1", #ARGV[1] / 64) while at >= 0 do at = cmsgpack.unpack_limit(s, 1, at) n = n + 1 end return n',
  'cjson.encode': 'return #cjson.encode(ARGV[1])',
  'cjson.decode': 'return #cjson.decode("\\"" .. ARGV[1] .. "\\"")',
  'cjson.decode, escapes': 'return #cjson.decode("\\"" .. string.rep("\\\\u0061", #ARGV[1] / 6) .. "\\"")',
  'cjson.decode, nested arrays': 'return pcall(cjson.decode, string.rep("[", #ARGV[1])) and 1 or 0',
  'cjson.decode, an array': 'return #cjson.decode("[" .. string.rep("1,", #ARGV[1] / 2) .. "1]")',
  'cjson.decode, spaces': 'return pcall(cjson.decode, string.rep(" ", #ARGV[1])) and 1 or 0',
  'cjson.decode, a number': 'return pcall(cjson.decode, string.rep("1", #ARGV[1])) and 1 or 0',
  'a call in a loop': 'for i = 1, #ARGV[1] / 64 do redis.call("RPUSH", KEYS[1], "v") end return 1',
  'an APPEND in a loop': 'for i = 1, #ARGV[1] / 64 do redis.call("APPEND", KEYS[1], "v") end return 1',
  'a read in a loop': 'for i = 1, #ARGV[1] / 64 do redis.call("GET", KEYS[1]) end return 1',
  'keys that were not declared':
    'for i = 1, #ARGV[1] / 4096 do redis.call("SET", KEYS[1] .. i, "v") end return 1',
}

/** @type {Readonly<Record<string, string>>} scripts with many arguments */
const ON_ARGUMENTS = {
  ARGV: 'return ARGV',
  KEYS: 'return KEYS',
  '#ARGV': 'return #ARGV',
  'table.concat': 'return table.concat(ARGV)',
  'table.insert at the end': 'local t = {} for i = 1, #ARGV do table.insert(t, i) end return #t',
  'table.sort': 'local t = {} for i = 1, #ARGV do t[i] = ARGV[i] end table.sort(t) return t',
  'table.sort of equals': 'local t = {} for i = 1, #ARGV do t[i] = 1 end table.sort(t) return t',
  unpack: 'return #{unpack(ARGV)}',
  'a call of all': 'return redis.call("RPUSH", KEYS[1], unpack(ARGV))',
  'cjson.encode': 'return cjson.encode(ARGV)',
  'cjson.encode, a sparse array':
    'local t = {} for i = 1, #ARGV do t[i * 1000] = 1 end return pcall(cjson.encode, t) and 1 or 0',
  'cmsgpack.pack': 'return cmsgpack.pack(ARGV)',
  'cmsgpack.pack, arguments': 'return #cmsgpack.pack(unpack(ARGV))',
  'a reply that nests': 'local t = {} for i = 1, #ARGV do t = {t} end return t',
  'one table many times': 'local t = {} for i = 1, #ARGV do t[i] = ARGV[1] end return t',
}

/** @type {Readonly<Record<string, (size: number) => string>>} sources that grow */
const SOURCES = {
  'a comment': (size) => `--${'c'.repeat(size)}\nreturn 1`,
  statements: (size) => `local n = 0 ${'n = n + 1 '.repeat(size / 10)}return n`,
  parentheses: (size) => `return ${'('.repeat(size)}1${')'.repeat(size)}`,
  'a long string': (size) => `return #"${'s'.repeat(size)}"`,
  'long brackets': (size) => `return #[[${']'.repeat(size)}`,
  'many constants': (size) => `return #{${Array.from({ length: size / 8 }, (_, n) => `"c${n}"`).join(',')}}`,
  concatenation: (size) => `return "a"${'.."a"'.repeat(size / 5)}`,
}

/** @param {string} script @param {readonly string[]} args @param {readonly string[]} [keys] */
const evaluated = (script, args, keys = ['k']) => ({
  door: /** @type {const} */ ('resp'),
  bytes: encode(['EVAL', script, String(keys.length), ...keys, ...args]),
  replies: 1,
})

/** @type {Case[]} */
export const SCRIPT_CASES = [
  ...Object.entries(ON_A_STRING).map(([name, script]) => ({
    name: `EVAL ${name}`,
    grows: 'string',
    sizes: LENGTHS,
    request: (/** @type {number} */ size) => evaluated(script, ['a'.repeat(size)]),
  })),
  ...Object.entries(ON_ARGUMENTS).map(([name, script]) => ({
    name: `EVAL ${name}`,
    grows: 'arguments',
    sizes: COUNTS,
    request: (/** @type {number} */ size) =>
      evaluated(
        script,
        Array.from({ length: size }, (_, n) => `a${(n * 7_919) % size}`),
        name === 'KEYS' ? Array.from({ length: size }, (_, n) => `k${n}`) : ['k'],
      ),
  })),
  ...Object.entries(SOURCES).map(([name, make]) => ({
    name: `EVAL of ${name}`,
    grows: 'source',
    sizes: LENGTHS,
    request: (/** @type {number} */ size) => evaluated(make(size), []),
  })),
]
