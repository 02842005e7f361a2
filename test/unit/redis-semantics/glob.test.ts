import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileGlob, globMatch } from '../../../src/redis-semantics/glob.ts'
import { useRedis70 } from '../../conformance/lib/redis-70.ts'

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
