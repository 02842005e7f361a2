import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileGlob, globMatch } from '../../../src/redis-semantics/glob.ts'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const matches = (pattern: string, text: string, nocase = false): boolean =>
  globMatch(latin1(pattern), latin1(text), nocase)

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
/**
 * Each took pattern length times text length (a minute and more); the text is `a` a million times, and a
 * letter.
 */
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
  for (const pattern of [
    'a'.repeat(65_537),
    '*'.repeat(MIB),
    `*${'?'.repeat(257)}*`,
    `*${'[a]'.repeat(257)}*`,
  ]) {
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
      const accepts = (char: string | undefined): boolean =>
        char !== undefined && (unit === '?' || unit === char || unit === `[^${char === 'a' ? 'b' : 'a'}]`)
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
