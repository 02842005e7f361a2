import fc from 'fast-check'
import { type Command, KEYS, SKETCHES } from '../words.ts'

const SCRIPTS: readonly string[] = [
  'return redis.call("GET", KEYS[1])',
  'redis.call("SET", KEYS[1], ARGV[1]) return redis.call("INCR", KEYS[1])',
  'redis.call("RPUSH", KEYS[2], ARGV[1]) redis.call("NOSUCH") return 1',
  'local r = redis.pcall("LPUSH", KEYS[1], ARGV[1]) return type(r) == "table" and r.err or r',
  'for i, key in ipairs(KEYS) do redis.call("DEL", key) end return #KEYS',
  'return {redis.call("EXISTS", KEYS[1]), redis.call("TYPE", KEYS[1]).ok, redis.call("TTL", KEYS[3]) >= -2}',
  'return {1, 2.9, "x", true, false, nil, 3}',
  'if redis.call("EXISTS", KEYS[1]) == 0 then return redis.call("HSET", KEYS[1], "x", ARGV[1]) end return redis.call("RENAME", KEYS[1], KEYS[2])',
  'return redis.error_reply("MY error")',
  'redis.call("PUBLISH", "news", ARGV[1]) redis.call("SET", KEYS[1], ARGV[1]) return redis.call("SPUBLISH", "other", KEYS[2])',
  'redis.call("PUBLISH", "other", ARGV[1]) redis.pcall("INCR", KEYS[1]) redis.call("PUBLISH", "news", redis.call("TYPE", KEYS[1]).ok) return redis.call("NOSUCH")',
  'local found = {} for i, name in ipairs({"a", "b", "c", "d"}) do found[i] = redis.call("TYPE", name).ok if found[i] == "string" then found[i] = redis.call("GET", name) end end return found',
]

/** Runs the command that it is given, so that its reply is the command's (made of what Lua has for it). */
const CALL = 'return redis.call(unpack(ARGV))'

const all = [...KEYS, ...SKETCHES]
/** With all keys declared, or none. */
const BEFORE = [
  ['EVAL', CALL, String(all.length), ...all],
  ['EVAL', CALL, '0'],
]

/** Of a call by `CALL`, the command that it calls. */
export const calledBy = (args: Command): Command =>
  args[1]?.toString('latin1') === CALL ? args.slice(3 + Number(args[2])) : args
const toCommand = (words: readonly string[]): Command => words.map((word) => Buffer.from(word, 'latin1'))

const fixed = fc
  .tuple(
    fc.constantFrom(...SCRIPTS),
    fc.shuffledSubarray(KEYS, { minLength: 3, maxLength: 3 }),
    fc.constantFrom('1', 'x', '', '41'),
  )
  .map(([script, keys, arg]) => toCommand(['EVAL', script, '3', ...keys, arg]))

/** Scripts of their own, and commands as a script calls them. */
export const scripting = (commands: fc.Arbitrary<Command>): fc.Arbitrary<Command> =>
  fc.oneof(
    fixed,
    fc.tuple(fc.constantFrom(...BEFORE), commands).map(([before, args]) => [...toCommand(before), ...args]),
  )
