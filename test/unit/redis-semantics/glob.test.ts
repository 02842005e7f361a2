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

test('a compiled pattern serves many texts, short ones first', () => {
  const match = compileGlob(latin1('*a[0-9]?z*'))
  const texts = ['', 'a', 'a1', 'xa1yz', 'a1yzzz', 'aaa1a', 'za9zz']
  expect(texts.map((text) => match(latin1(text)))).toEqual([false, false, false, true, true, false, true])
})
