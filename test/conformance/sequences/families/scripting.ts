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
]

/** Runs the command that it is given, so that its reply is the command's (made of what Lua has for it). */
const CALL = 'return redis.call(unpack(ARGV))'

/** A script may only touch the keys that it is given: so it is given all. */
const all = [...KEYS, ...SKETCHES]
const before = ['EVAL', CALL, String(all.length), ...all]

/** Of a call by `CALL`, the command that it calls. */
export const calledBy = (args: Command): Command =>
  args[1]?.toString('latin1') === CALL ? args.slice(before.length) : args
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
    commands.map((args) => [...toCommand(before), ...args]),
  )
