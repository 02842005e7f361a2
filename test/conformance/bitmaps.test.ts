import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ErrorReply } from '../../src/reply/reply.ts'
import { startEngine } from '../helpers/engine.ts'
import { compare, compareAtOnce } from './lib/compare.ts'
import { useComparison } from './lib/comparison.ts'

const SCRIPTS: Readonly<Record<string, string>> = {
  'SETBIT and GETBIT': `
    GETBIT missing 0
    GETBIT missing abc
    GETBIT missing -1
    GETBIT missing 4294967295
    GETBIT missing 4294967296
    GETBIT missing 9223372036854775808
    GETBIT missing 01
    GETBIT missing #1
    SETBIT b 7 1
    GET b
    SETBIT b 7 1
    SETBIT b 7 0
    GET b
    SETBIT b 7 0
    SETBIT new 20 0
    STRLEN new
    SETBIT new 20 0
    SETBIT new 100 1
    STRLEN new
    EXPIRE new 100
    SETBIT new 3 1
    TTL new
    GETBIT new 3
    GETBIT new 100
    GETBIT new 101
    GETBIT new 100000
    SET text foobar
    GETBIT text 0
    GETBIT text 6
    GETBIT text 47
    GETBIT text 48
    SETBIT text 0 1
    GET text
    SET number 12
    GETBIT number 2
    SETBIT number 6 1
    GET number
    SETBIT b 0 2
    SETBIT b 0 -1
    SETBIT b 0 abc
    SETBIT b 0 9223372036854775808
    SETBIT b 0 ""
    SETBIT b abc 2
    SETBIT b -1 0
    SETBIT b 4294967296 1
    SETBIT b "" 1
    SETBIT b 1
    RPUSH l x
    SETBIT l 0 1
    SETBIT l 0 2
    SETBIT l abc 1
    GETBIT l 0
    GETBIT l abc
  `,
  BITCOUNT: `
    BITCOUNT missing
    BITCOUNT missing 0
    BITCOUNT missing a b c d
    BITCOUNT missing a b
    SET s foobar
    BITCOUNT s
    BITCOUNT s 0 0
    BITCOUNT s 1 1
    BITCOUNT s 0 -1
    BITCOUNT s -2 -1
    BITCOUNT s -1 -2
    BITCOUNT s 1 0
    BITCOUNT s 0 -100
    BITCOUNT s -100 -100
    BITCOUNT s -100 100
    BITCOUNT s 100 200
    BITCOUNT s 5 30 BIT
    BITCOUNT s 5 30 BYTE
    BITCOUNT s 5 30 bit
    BITCOUNT s 1 1 BIT
    BITCOUNT s 9 14 BIT
    BITCOUNT s -8 -1 BIT
    BITCOUNT s -1 -8 BIT
    BITCOUNT s -100 -90 BIT
    BITCOUNT s 0 -1 BIT
    BITCOUNT s 47 100 BIT
    BITCOUNT s 48 100 BIT
    BITCOUNT s 7 8 BIT
    BITCOUNT s 0
    BITCOUNT s 0 1 FOO
    BITCOUNT s 0 1 ""
    BITCOUNT s -1 -2 FOO
    BITCOUNT s 0 1 BIT more
    BITCOUNT s a 1
    BITCOUNT s 0 b
    BITCOUNT s a b FOO
    BITCOUNT s -9223372036854775808 9223372036854775807
    BITCOUNT s -4611686018427387904 -9223372036854775808
    BITCOUNT s -9223372036854775808 -4611686018427387904
    BITCOUNT s 9223372036854775808 1
    SET empty ""
    BITCOUNT empty
    BITCOUNT empty 0 -1
    BITCOUNT empty 0 0 BIT
    RPUSH l x
    BITCOUNT l
    BITCOUNT l a b
    BITCOUNT l 0
  `,
  BITPOS: `
    BITPOS missing 0
    BITPOS missing 1
    BITPOS missing 2
    BITPOS missing abc
    BITPOS missing 1 a b c d e
    BITPOS missing 0 5 9
    SET s "\\xff\\xf0\\x00"
    BITPOS s 0
    BITPOS s 1
    BITPOS s 1 2
    BITPOS s 1 0
    BITPOS s 0 0
    BITPOS s 0 0 0
    BITPOS s 0 0 1
    BITPOS s 0 -3 -3
    BITPOS s 0 -1
    BITPOS s 1 -1
    BITPOS s 0 2 1
    BITPOS s 0 3
    BITPOS s 1 100
    BITPOS s 0 100
    BITPOS s 0 0 -100
    BITPOS s 1 0 -100
    BITPOS s 0 -100 -100
    BITPOS s 0 0 7 BIT
    BITPOS s 0 0 11 BIT
    BITPOS s 0 0 12 BIT
    BITPOS s 1 12 23 BIT
    BITPOS s 1 11 23 BIT
    BITPOS s 1 3 5 BIT
    BITPOS s 0 13 14 BIT
    BITPOS s 0 -1 -1 BIT
    BITPOS s 1 -24 -1 BIT
    BITPOS s 0 0 -1 BYTE
    BITPOS s 0 5 3 BIT
    BITPOS s 0 24 30 BIT
    BITPOS s 0 0 100 bit
    BITPOS s 0 0 -1 FOO
    BITPOS s 0 a -1 FOO
    BITPOS s 0 0 a FOO
    BITPOS s 0 0 a BIT
    BITPOS s 0 0 -1 BIT more
    BITPOS s 2 a
    BITPOS s -1
    BITPOS s 0 a
    SET ones "\\xff\\xff\\xff"
    BITPOS ones 0
    BITPOS ones 0 0
    BITPOS ones 0 1
    BITPOS ones 0 2
    BITPOS ones 0 3
    BITPOS ones 0 0 -1
    BITPOS ones 0 0 -1 BIT
    BITPOS ones 0 3 9 BIT
    BITPOS ones 0 -1 9
    SET zeros "\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
    BITPOS zeros 1
    BITPOS zeros 1 2 3
    BITPOS zeros 1 5 70 BIT
    BITPOS zeros 0 5 70 BIT
    SET empty ""
    BITPOS empty 0
    BITPOS empty 1
    BITPOS empty 0 0
    BITPOS empty 0 0 0
    RPUSH l x
    BITPOS l 0
    BITPOS l 2
    BITPOS l 0 a
  `,
  BITOP: `
    SET a "\\xff\\x0f\\x00\\xaa"
    SET b "\\xf0\\xf0"
    SET c 12345678
    BITOP AND d a b
    GET d
    BITOP OR d a b
    GET d
    BITOP XOR d a b
    GET d
    BITOP NOT d a
    GET d
    BITOP and d a b c
    GET d
    BITOP Or d a b c
    GET d
    BITOP xor d a b c a
    GET d
    BITOP AND d a
    GET d
    BITOP XOR d a a
    GET d
    BITOP AND d a missing
    GET d
    BITOP AND d missing a
    GET d
    BITOP OR d missing a other
    GET d
    BITOP NOT a a
    GET a
    EXPIRE d 100
    BITOP OR d a b
    TTL d
    BITOP OR d missing other
    EXISTS d
    BITOP OR d missing other
    BITOP NOT d missing
    SET empty ""
    SET d x
    BITOP NOT d empty
    EXISTS d
    RPUSH l x
    BITOP OR l a b
    TYPE l
    RPUSH list x
    BITOP OR list missing
    EXISTS list
    RPUSH list x
    BITOP AND d a list
    BITOP AND d list a
    BITOP NOT d list
    BITOP NOT d a b
    BITOP NOT list a b
    BITOP FOO d a
    BITOP FOO d list
    BITOP "" d a
    BITOP constructor d a
    BITOP AND d
    SET long1 {100*abcdefg}
    SET long2 {90*hijk}
    BITOP AND d long1 long2
    GET d
    BITOP OR d long1 long2 a
    GET d
    BITOP XOR d long2 long1
    GET d
    BITOP NOT d long1
    GET d
  `,
  BITFIELD: `
    BITFIELD missing
    BITFIELD missing GET u8 0
    BITFIELD missing GET i5 100 GET u63 4294967295
    EXISTS missing
    BITFIELD f SET u8 0 255
    BITFIELD f GET u8 0 GET i8 0 GET u4 0 GET i4 4 GET u4 6
    BITFIELD f SET u8 0 255
    BITFIELD f SET i8 #1 -128 GET i8 #1 GET u8 #1
    GET f
    BITFIELD f INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1
    BITFIELD f INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1
    BITFIELD f INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1
    BITFIELD f INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1
    BITFIELD f OVERFLOW FAIL INCRBY u2 102 1
    BITFIELD f OVERFLOW FAIL INCRBY u2 102 1 SET u2 102 9 GET u2 102
    BITFIELD f OVERFLOW fail SET u8 0 256 SET i8 0 128 SET i8 0 -129 SET u8 0 -1
    BITFIELD f OVERFLOW sat SET u8 0 256 SET u8 0 -1 SET i8 0 128 SET i8 0 -129 GET i8 0
    BITFIELD f OVERFLOW wrap SET u8 0 257 SET u8 0 -1 SET i8 0 128 SET i8 0 -129 GET i8 0
    BITFIELD f OVERFLOW SAT SET i8 0 -9223372036854775808 GET i8 0 SET i8 0 9223372036854775807 GET i8 0
    BITFIELD f OVERFLOW SAT SET i8 0 -9223372036854775808 OVERFLOW WRAP GET i8 0 INCRBY i8 0 -9223372036854775808
    BITFIELD f OVERFLOW SAT INCRBY i8 0 9223372036854775807 INCRBY i8 0 -9223372036854775808
    BITFIELD f OVERFLOW SAT INCRBY u8 0 -9223372036854775808 INCRBY u8 0 9223372036854775807
    BITFIELD f INCRBY u8 0 -1 INCRBY u8 0 -255 INCRBY u8 0 1000
    BITFIELD f SET i64 3 -1 GET i64 3 GET u63 3 GET u63 4
    BITFIELD f INCRBY i64 3 9223372036854775807 INCRBY i64 3 9223372036854775807 INCRBY i64 3 2
    BITFIELD f OVERFLOW SAT INCRBY i64 3 9223372036854775807 INCRBY i64 3 9223372036854775807 INCRBY i64 3 1
    BITFIELD f OVERFLOW SAT INCRBY i64 3 -9223372036854775808 INCRBY i64 3 -9223372036854775808
    BITFIELD f OVERFLOW FAIL INCRBY i64 3 -1
    BITFIELD f SET u63 5 9223372036854775807 INCRBY u63 5 1 INCRBY u63 5 -1
    BITFIELD f OVERFLOW SAT INCRBY u63 5 5 OVERFLOW FAIL INCRBY u63 5 5
    BITFIELD f SET u63 5 -1 OVERFLOW SAT SET u63 5 -1 GET u63 5
    BITFIELD f SET u1 0 1 SET u1 0 0 SET i1 0 -1 SET i1 0 1 INCRBY i1 0 1 GET i1 0
    GET f
    EXPIRE f 100
    BITFIELD f SET u8 #40 7
    TTL f
    STRLEN f
    !BITFIELD grown OVERFLOW FAIL INCRBY u8 #5 300
    STRLEN grown
    BITFIELD grown OVERFLOW FAIL INCRBY u8 #5 300
    BITFIELD grown SET u8 #5 0
    BITFIELD grown SET u8 #6 0
    STRLEN grown
    SET number 12345
    BITFIELD number GET u8 0 GET u64 0
    BITFIELD number GET u8 0 INCRBY u8 8 1
    GET number
    BITFIELD f GET u64 0
    BITFIELD f GET i65 0
    BITFIELD f GET i64 0
    BITFIELD f GET u0 0
    BITFIELD f GET i-1 0
    BITFIELD f GET i08 0
    BITFIELD f GET x8 0
    BITFIELD f GET I8 0
    BITFIELD f GET i 0
    BITFIELD f GET "" 0
    BITFIELD f GET "u8\\x00junk" 0
    BITFIELD f GET u8 -1
    BITFIELD f GET u8 abc
    BITFIELD f GET u8 ""
    BITFIELD f GET u8 #
    BITFIELD f GET u8 #-1
    BITFIELD f GET u8 #abc
    BITFIELD f GET u8 4294967295
    BITFIELD f GET u8 4294967296
    BITFIELD f GET u8 #536870911
    BITFIELD f GET u8 #536870912
    BITFIELD f GET u8 #9223372036854775807
    BITFIELD f GET u8 #4611686018427387904
    BITFIELD f GET u8
    BITFIELD f GET
    BITFIELD f SET u8 0
    BITFIELD f SET u8 0 abc
    BITFIELD f SET u8 0 9223372036854775808
    BITFIELD f INCRBY u8 0
    BITFIELD f INCRBY u8 0 1.5
    BITFIELD f OVERFLOW
    BITFIELD f OVERFLOW FOO GET u8 0
    BITFIELD f OVERFLOW SAT
    BITFIELD f FOO u8 0
    BITFIELD f GET u8 0 more
    BITFIELD f set U8 0 1
    BITFIELD f SET u8 0 1 GET u64 0
    RPUSH l x
    BITFIELD l
    BITFIELD l GET u8 0
    BITFIELD l SET u8 0 1
    BITFIELD l SET u8 0 abc
    BITFIELD_RO missing
    BITFIELD_RO missing GET u8 0
    BITFIELD_RO f GET u8 0 GET i16 #1
    BITFIELD_RO f OVERFLOW SAT GET u8 0
    BITFIELD_RO f SET u8 0 1
    BITFIELD_RO f GET u8 0 INCRBY u8 0 1
    BITFIELD_RO f SET u8 0 abc
    BITFIELD_RO f FOO
    BITFIELD_RO l
    BITFIELD_RO l GET u8 0
    BITFIELD_RO l GET u64 0
    BITFIELD_RO l SET u8 0 1
  `,
}

const name = fc.constantFrom('a', 'b', 'c')
const bit = fc.integer({ min: 0, max: 80 })
const index = fc.integer({ min: -90, max: 90 })
const byteIndex = fc.integer({ min: -12, max: 12 })
const text = fc.constantFrom(
  'abc',
  '"\\xff\\xff\\xff\\xff"',
  '"\\x00\\x00\\x01"',
  '12',
  '""',
  '"\\xf0\\x0f\\xaa\\x55\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\x80"',
)

const command = (...parts: Array<string | fc.Arbitrary<string | number>>): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
    .map((words) => words.join(' '))
const maybe = (...options: string[]): fc.Arbitrary<string> => fc.constantFrom('', ...options)

const width = fc.oneof(
  fc.integer({ min: 1, max: 64 }).map((bits) => `i${bits}`),
  fc.integer({ min: 1, max: 63 }).map((bits) => `u${bits}`),
)
const offset = fc.oneof(
  bit,
  fc.integer({ min: 0, max: 3 }).map((n) => `#${n}`),
)
const amount = fc.oneof(
  fc.integer({ min: -300, max: 300 }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  fc.constantFrom('9223372036854775807', '-9223372036854775808', '4611686018427387904'),
)
const step = fc.oneof(
  command('GET', width, offset),
  command(
    maybe('OVERFLOW SAT', 'OVERFLOW FAIL', 'OVERFLOW WRAP'),
    fc.constantFrom('SET', 'INCRBY'),
    width,
    offset,
    amount,
  ),
)
const steps = fc.array(step, { minLength: 1, maxLength: 4 }).map((all) => all.join(' '))

const COMMANDS: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: command('SET', name, text, maybe('KEEPTTL')) },
  { weight: 3, arbitrary: command('SETBIT', name, bit, fc.constantFrom(0, 1)) },
  { weight: 2, arbitrary: command('GETBIT', name, bit) },
  { weight: 2, arbitrary: command('BITCOUNT', name) },
  { weight: 2, arbitrary: command('BITCOUNT', name, index, index, fc.constantFrom('BIT', 'BYTE')) },
  { weight: 2, arbitrary: command('BITCOUNT', name, byteIndex, byteIndex) },
  { weight: 2, arbitrary: command('BITPOS', name, fc.constantFrom(0, 1), byteIndex) },
  { weight: 2, arbitrary: command('BITPOS', name, fc.constantFrom(0, 1), byteIndex, byteIndex) },
  { weight: 3, arbitrary: command('BITPOS', name, fc.constantFrom(0, 1), index, index, 'BIT') },
  { weight: 3, arbitrary: command('BITOP', fc.constantFrom('AND', 'OR', 'XOR'), name, name, name) },
  { weight: 1, arbitrary: command('BITOP NOT', name, name) },
  // Grown by a step that failed then, it is a change that Redis does not count.
  { weight: 6, arbitrary: command('!BITFIELD', name, steps) },
  { weight: 1, arbitrary: command('BITFIELD_RO', name, 'GET', width, offset) },
  {
    weight: 1,
    arbitrary: command(fc.constantFrom('DEL', 'EXPIRE', 'TTL', 'GET', 'LPUSH', 'APPEND'), name, maybe('100')),
  },
)

const RANDOM_SCRIPTS = fc.array(COMMANDS, { minLength: 5, maxLength: 30 }).map((lines) => lines.join('\n'))

const END = `\n${['a', 'b', 'c'].flatMap((key) => [`TYPE ${key}`, `TTL ${key}`, `GET ${key}`]).join('\n')}`

describe('bitmap commands answer as a real Redis does', () => {
  const comparison = useComparison()

  test.each(Object.entries(SCRIPTS))('%s', async (_title, script) => {
    expect(await compare(comparison.reference, comparison.engine, script)).toEqual([])
  })

  const numRuns = Number(process.env.AUTOMATION_KV_TEST_RUNS ?? 40)

  test('random commands, one after the other', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(RANDOM_SCRIPTS, async (script) => {
        expect(await compare(comparison.reference, comparison.engine, script + END)).toEqual([])
      }),
      { numRuns },
    )
  })

  test('random commands, all at once', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(RANDOM_SCRIPTS, async (script) => {
        const differences = await compareAtOnce(comparison.reference, comparison.engine, script + END)
        // See the mark of BITFIELD above.
        expect(differences.filter(({ what }) => what !== 'version, at once')).toEqual([])
      }),
      { numRuns },
    )
  })

  test('a string does not grow past the longest value', async () => {
    const limited = await startEngine(comparison.backingRedis.url, { maxValueSize: 1_000 })
    for (const args of [
      ['SETBIT', 'b', '8000', '1'],
      ['BITFIELD', 'b', 'SET', 'u8', '7993', '1'],
      ['SETBIT', 'b', '4294967295', '0'],
    ]) {
      const text = 'ERR string exceeds maximum allowed size (proto-max-bulk-len)'
      expect(await limited.run('limited', args)).toEqual(new ErrorReply(text))
    }
    expect(await limited.run('limited', ['EXISTS', 'b'])).toBe(0)
    expect(await limited.run('limited', ['SETBIT', 'b', '7999', '1'])).toBe(0)
    expect(await limited.run('limited', ['BITCOUNT', 'b'])).toBe(1)
    const shorter = await startEngine(comparison.backingRedis.url, { maxValueSize: 10 })
    expect(await shorter.run('limited', ['SETBIT', 'b', '7999', '0'])).toBe(1)
    await Promise.all([limited.close(), shorter.close()])
  })
})
