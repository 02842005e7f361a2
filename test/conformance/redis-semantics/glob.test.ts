import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileGlob, globMatch } from '../../../src/redis-semantics/glob.ts'
import { useRedis70 } from '../lib/redis-70.ts'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

describe('against Redis', () => {
  const call = useRedis70()

  const letters = [
    'a',
    'a',
    'b',
    'B',
    'c',
    'z',
    ']',
    '[',
    '^',
    '-',
    '\\',
    '*',
    '?',
    '\x7f',
    '\x80',
    '\xff',
    '\0',
  ]
  const text = fc.string({ unit: fc.constantFrom(...letters), maxLength: 6 })
  const special = fc.constantFrom(
    '*',
    '?',
    '[',
    ']',
    '[a-',
    '[^',
    '-',
    '\\',
    '[a-c]',
    '[\x80-\xff]',
    '[\x7f-\x80]',
  )
  const pattern = fc.string({ unit: fc.oneof(fc.constantFrom(...letters), special), maxLength: 8 })

  test('KEYS answers the same keys', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 200 }),
        fc.array(pattern, { minLength: 60, maxLength: 60 }),
        async (texts, patterns) => {
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
        },
      ),
      { numRuns: 60 },
    )
  })

  test('COMMAND LIST FILTERBY PATTERN, which ignores case, answers the same names', async () => {
    const all = ((await call('COMMAND', 'LIST')) as Buffer[]).map(String)
    const units = [
      '*',
      '*',
      '?',
      'S',
      's',
      'E',
      'e',
      't',
      'G',
      '[A-',
      '[a-Z]',
      '[Z-a]',
      '[^A-M]',
      '[s',
      ']',
      '\\S',
      '[\\S]',
      '|',
      '-',
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.constantFrom(...units), minLength: 1, maxLength: 8 }),
        async (one) => {
          const reply = (await call('COMMAND', 'LIST', 'FILTERBY', 'PATTERN', one)) as Buffer[]
          expect(all.filter((name) => globMatch(latin1(one), latin1(name), true)).sort()).toEqual(
            reply
              .map(String)
              .filter((name) => all.includes(name))
              .sort(),
          )
        },
      ),
      { numRuns: 500 },
    )
  })
})
