import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileGlob, globMatch } from '../../../src/redis-semantics/glob.ts'
import { useRedis70 } from './real-redis.ts'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const matches = (pattern: string, text: string, nocase = false): boolean => globMatch(latin1(pattern), latin1(text), nocase)

test.each([
  ['h?llo', 'hello', true],
  ['h*llo', 'heeello', true],
  ['h[ae]llo', 'hillo', false],
  ['h[^e]llo', 'hallo', true],
  ['h[a-b]llo', 'hbllo', true],
  ['h[b-a]llo', 'hallo', true],
  ['a\\*', 'a*', true],
  ['a\\*', 'ab', false],
  ['[abc', 'c', true],
  ['[^', 'x', true],
  ['[', 'x', false],
  ['a\\', 'a\\', true],
  ['[\\]]', ']', true],
  ['*', '', true],
  ['**', '', false],
  ['', '', true],
  ['a**', 'a', true],
  ['a*?', 'a', false],
])('%j against %j is %j', (pattern, text, expected) => {
  expect(matches(pattern, text)).toBe(expected)
})

test('ignores case when asked to', () => {
  expect(matches('FOO[B-D]*', 'foocbar', true)).toBe(true)
  expect(matches('FOO*', 'foo', false)).toBe(false)
})

test('an exponential pattern ends (CVE-2022-36021)', () => {
  expect(matches(`${'a*'.repeat(200)}b`, 'a'.repeat(5000))).toBe(false)
})

const MIB = 1_048_576
const A = 'a'.repeat(60_000)
/** Each took pattern length times text length (a minute and more); the text is `a` a million times, and a letter. */
const LONG: ReadonlyArray<readonly [what: string, pattern: string, last: string, expected: boolean]> = [
  ['a long run behind a star', `*${A}b*`, 'c', false],
  ['a long run behind a star that is there', `*${A}b*`, 'b', true],
  ['a long run that begins with another letter', `*b${A}*`, 'c', false],
  ['many stars', `${'a*'.repeat(30_000)}bb`, 'b', false],
  ['many stars and a match', `${'a*'.repeat(30_000)}b`, 'b', true],
  ['a run of any bytes', `*${'?'.repeat(253)}ab?*`, 'c', false],
  ['a run of classes', `*${'[^b]'.repeat(254)}b*`, 'c', false],
  ['a run of classes that is there', `*${'[^b]'.repeat(254)}b*`, 'b', true],
  ['many runs of classes', `${'*?a?[a-c]?a'.repeat(5_000)}*?b?*`, 'b', false],
  ['one class of many ranges', `*[${'b-z'.repeat(21_000)}]*`, '0', false],
  ['a class without an end', `*[${'b-z'.repeat(21_000)}`, 'b', true],
  ['classes at the end', `*${'[a-b]'.repeat(13_000)}`, 'b', true],
]

test.each(LONG)('linear: %s', (_what, pattern, last, expected) => {
  const text = Buffer.alloc(MIB, 'a')
  text.write(last, MIB - 1)
  const match = compileGlob(latin1(pattern))
  for (let i = 0; i < 5; i++) expect(match(text)).toBe(expected)
})

test('a pattern beyond the bounds is refused before it is looked for', () => {
  const text = 'ERR pattern is too long: at most 65536 bytes, and 256 with ? or [ between two *'
  for (const pattern of ['a'.repeat(65_537), '*'.repeat(MIB), `*${'?'.repeat(257)}*`, `*${'[a]'.repeat(257)}*`]) {
    expect(() => compileGlob(latin1(pattern))).toThrow(text)
  }
  // Before the first star and behind the last one a run has but one place.
  expect(matches(`${'?'.repeat(500)}*${'?'.repeat(500)}`, 'x'.repeat(1000))).toBe(true)
  expect(matches('*'.repeat(65_536), 'x')).toBe(true)
})

/** Redis's own way, as a plain search: the oracle for texts that are too long for random keys. */
function slowMatch(pattern: readonly (string | undefined)[], text: string): boolean {
  let places = new Set([0])
  for (const unit of pattern) {
    if (unit === '*') {
      const least = Math.min(...places)
      places = new Set(Array.from({ length: Math.max(0, text.length - least + 1) }, (_, i) => least + i))
    } else {
      const accepts = (char: string | undefined): boolean => char !== undefined && (unit === '?' || unit === char || unit === `[^${char === 'a' ? 'b' : 'a'}]`)
      places = new Set([...places].filter((at) => accepts(text[at])).map((at) => at + 1))
    }
    if (places.size === 0) return false
  }
  return places.has(text.length)
}

test('long texts of few letters', () => {
  const unit = fc.constantFrom('a', 'a', 'a', 'b', '?', '*', '[^a]', '[^b]')
  fc.assert(
    fc.property(
      fc.array(unit, { maxLength: 60 }),
      fc.string({ unit: fc.constantFrom('a', 'a', 'a', 'b'), minLength: 1, maxLength: 200 }),
      (pattern, text) => {
        expect(matches(pattern.join(''), text)).toBe(slowMatch(pattern, text))
      },
    ),
    { numRuns: 20_000 },
  )
})

test('a compiled pattern serves many texts, short ones first', () => {
  const match = compileGlob(latin1('*a[0-9]?z*'))
  const texts = ['', 'a', 'a1', 'xa1yz', 'a1yzzz', 'aaa1a', 'za9zz']
  expect(texts.map((text) => match(latin1(text)))).toEqual([false, false, false, true, true, false, true])
})

describe('against Redis', () => {
  const call = useRedis70()

  const letters = ['a', 'a', 'b', 'B', 'c', 'z', ']', '[', '^', '-', '\\', '*', '?', '\x7f', '\x80', '\xff', '\0']
  const text = fc.string({ unit: fc.constantFrom(...letters), maxLength: 6 })
  const special = fc.constantFrom('*', '?', '[', ']', '[a-', '[^', '-', '\\', '[a-c]', '[\x80-\xff]', '[\x7f-\x80]')
  const pattern = fc.string({ unit: fc.oneof(fc.constantFrom(...letters), special), maxLength: 8 })

  test('KEYS answers the same keys', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 200 }), fc.array(pattern, { minLength: 60, maxLength: 60 }), async (texts, patterns) => {
        void call('FLUSHALL')
        const keys = [...new Set(texts)].sort()
        if (keys.length > 0) void call('MSET', ...keys.flatMap((key) => [latin1(key), 'v']))
        for (const one of patterns) {
          const reply = (await call('KEYS', latin1(one))) as Buffer[]
          const match = compileGlob(latin1(one))
          expect({ one, keys: keys.filter((key) => match(latin1(key))) }).toEqual({
            one,
            keys: reply.map((key) => key.toString('latin1')).sort(),
          })
        }
      }),
      { numRuns: 60 },
    )
  })

  test('COMMAND LIST FILTERBY PATTERN, which ignores case, answers the same names', async () => {
    const all = ((await call('COMMAND', 'LIST')) as Buffer[]).map(String)
    const units = ['*', '*', '?', 'S', 's', 'E', 'e', 't', 'G', '[A-', '[a-Z]', '[Z-a]', '[^A-M]', '[s', ']', '\\S', '[\\S]', '|', '-']
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom(...units), minLength: 1, maxLength: 8 }), async (one) => {
        const reply = (await call('COMMAND', 'LIST', 'FILTERBY', 'PATTERN', one)) as Buffer[]
        expect(all.filter((name) => matches(one, name, true)).sort()).toEqual(reply.map(String).filter((name) => all.includes(name)).sort())
      }),
      { numRuns: 500 },
    )
  })
})
