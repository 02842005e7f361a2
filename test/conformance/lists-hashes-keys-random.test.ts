import fc from 'fast-check'
import { describe } from 'vitest'
import { randomScriptsAreAnsweredAlike, useComparison } from './lib/comparison.ts'

const name = fc.constantFrom('a', 'b', 'c')
const element = fc.constantFrom('x', 'y', 'z', '1', '""')
const index = fc.integer({ min: -6, max: 6 })
const end = fc.constantFrom('LEFT', 'RIGHT')
const field = fc.constantFrom('f', 'g', 'h', 'i')
const few = (item: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(item, { minLength: 1, maxLength: 4 }).map((items) => items.join(' '))

type Part = string | fc.Arbitrary<string | number>
const command = (...parts: Part[]): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
    .map((words) => words.join(' '))

const LISTS: fc.Arbitrary<string> = fc.oneof(
  command(fc.constantFrom('RPUSH', 'LPUSH', 'RPUSH', 'LPUSHX', 'RPUSHX'), name, few(element)),
  command(fc.constantFrom('LPOP', 'RPOP'), name),
  command(fc.constantFrom('LPOP', 'RPOP'), name, fc.integer({ min: 0, max: 3 })),
  command('LSET', name, index, element),
  command('LINSERT', name, fc.constantFrom('BEFORE', 'AFTER'), element, element),
  command('LREM', name, fc.integer({ min: -2, max: 2 }), element),
  command('LMOVE', name, name, end, end),
  command('LMPOP', '2', name, name, end, 'COUNT', fc.integer({ min: 1, max: 3 })),
  command(
    'LPOS',
    name,
    element,
    'RANK',
    fc.constantFrom(-2, -1, 1, 2),
    'COUNT',
    fc.integer({ min: 0, max: 2 }),
  ),
  command('LRANGE', name, index, index),
  command('LRANGE', name, '0', '-1'),
)

const HASHES: fc.Arbitrary<string> = fc.oneof(
  command('HSET', name, few(command(field, element))),
  command('HSETNX', name, field, element),
  command('HDEL', name, few(field)),
  command('HINCRBY', name, field, index),
  command('HINCRBYFLOAT', name, field, fc.constantFrom('0.5', '1', '-2.25')),
  command('HMGET', name, few(field)),
  command('HLEN', name),
  command('HEXISTS', name, field),
  command('~2HGETALL', name),
)

const KEYS: fc.Arbitrary<string> = fc.oneof(
  command(fc.constantFrom('RENAME', 'RENAMENX'), name, name),
  command('COPY', name, name, fc.constantFrom('', 'REPLACE')),
  command('EXPIRE', name, fc.constantFrom(100, 200, -1), fc.constantFrom('', 'NX', 'XX')),
  // Absolute: the servers' clocks are some microseconds apart.
  command(
    'EXPIREAT',
    name,
    fc.constantFrom(1, 33_177_117_420, 33_177_117_421),
    fc.constantFrom('GT', 'LT', 'NX'),
  ),
  command('PERSIST', name),
  command(fc.constantFrom('DEL', 'UNLINK', 'EXISTS'), few(name)),
  command(fc.constantFrom('TTL', 'TYPE'), name),
  command('SET', name, element, fc.constantFrom('', 'NX', 'XX', 'GET', 'KEEPTTL', 'EX 100')),
  command('INCR', name),
  command('GET', name),
)

/** Above all one kind of value, with some of everything else in between. */
const scripts = (...mixed: fc.WeightedArbitrary<string>[]): fc.Arbitrary<string> =>
  fc.array(fc.oneof(...mixed), { minLength: 5, maxLength: 30 }).map((lines) => lines.join('\n'))

const SCRIPTS = fc.oneof(
  scripts({ weight: 9, arbitrary: LISTS }, { weight: 1, arbitrary: KEYS }),
  scripts({ weight: 9, arbitrary: HASHES }, { weight: 1, arbitrary: KEYS }),
  scripts({ weight: 1, arbitrary: LISTS }, { weight: 1, arbitrary: HASHES }, { weight: 1, arbitrary: KEYS }),
)

const END = ['a', 'b', 'c']
  .map((key) => `\nTYPE ${key}\nTTL ${key}\nLRANGE ${key} 0 -1\n~2HGETALL ${key}\nGET ${key}`)
  .join('')

describe('random commands answer as a real Redis does', () => {
  randomScriptsAreAnsweredAlike(useComparison(), SCRIPTS, END)
})
