import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { KvError } from '../../../src/errors/errors.ts'
import {
  addLongDouble,
  formatDouble,
  parseFloat64,
  parseScoreBound,
} from '../../../src/redis-semantics/floats.ts'
import { asText, useRedis70 } from '../lib/redis-70.ts'

const NOT_FLOAT = 'ERR value is not a valid float'

describe('against Redis', () => {
  const call = useRedis70()

  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 24 })
  const hexDigits = fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF'), maxLength: 20 })
  const sign = fc.constantFrom('', '', '-', '+')
  const point = fc.constantFrom('', '.', '.')
  const exponentOf = (marks: string[], size: number) => {
    const some = fc
      .tuple(fc.constantFrom(...marks), fc.integer({ min: -size, max: size }))
      .map(([mark, n]) => `${mark}${n}`)
    return fc.oneof(fc.constant(''), some)
  }
  const decimalOf = (size: number) =>
    fc.tuple(sign, digits, point, digits, exponentOf(['e', 'E', 'e+'], size)).map((parts) => parts.join(''))
  const hexadecimal = (size: number) =>
    fc
      .tuple(sign, fc.constantFrom('0x', '0X'), hexDigits, point, hexDigits, exponentOf(['p', 'P'], size))
      .map((parts) => parts.join(''))
  const ODD = [
    'inf',
    '-inf',
    '+Infinity',
    'nan',
    '',
    '-',
    '0x',
    '1e',
    ' 1',
    '1 ',
    '\t1',
    '(1',
    '-0',
    '0e-9999',
    '1e-4950',
    '1\0',
  ]
  const odd = fc.constantFrom(...ODD)
  // Integers around 2^64 with halves next to them: the ties of a 64-bit mantissa.
  const tie = fc
    .tuple(
      sign,
      fc.bigInt({ min: 2n ** 62n, max: 2n ** 67n }),
      fc.constantFrom('', '.5', '.25', '.125', '.75', '.0625'),
    )
    .map(([s, n, fraction]) => `${s}${n}${fraction}`)
  const plain = fc
    .tuple(fc.integer({ min: -1e6, max: 1e6 }), fc.integer({ min: 0, max: 9999 }))
    .map(([a, b]) => `${a}.${b}`)
  const batchOf = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 100, maxLength: 100 })

  test('INCRBYFLOAT: 6,000 pairs give the same digits or error', async () => {
    const operand = fc.oneof(
      plain,
      decimalOf(12),
      decimalOf(5000),
      hexadecimal(80),
      hexadecimal(16500),
      tie,
      tie,
      odd,
    )
    await fc.assert(
      fc.asyncProperty(batchOf(fc.tuple(operand, operand)), async (pairs) => {
        const theirs = pairs.map(([current, increment]) => {
          void call('SET', 'k', current)
          return call('INCRBYFLOAT', 'k', increment)
        })
        const ours = pairs.map(([current, increment]) => {
          try {
            return addLongDouble(Buffer.from(current), Buffer.from(increment))
          } catch (error) {
            return (error as KvError).respText
          }
        })
        expect(ours).toEqual((await Promise.all(theirs)).map(asText))
      }),
      { numRuns: 60 },
    )
  })

  const scoreText = fc.oneof(plain, decimalOf(12), decimalOf(400), hexadecimal(80), hexadecimal(1200), odd)

  test('ZADD reads the same score and prints the same digits', async () => {
    await fc.assert(
      fc.asyncProperty(batchOf(scoreText), async (texts) => {
        const theirs = texts.map(async (text) => {
          void call('DEL', 'z')
          const added = call('ZADD', 'z', text, 'm')
          const score = call('ZSCORE', 'z', 'm')
          const error = await added
          return error instanceof Error ? error.message : asText(await score)
        })
        const ours = texts.map((text) => {
          const value = parseFloat64(Buffer.from(text))
          // A small sorted set keeps -0 as the integer 0.
          return value === undefined ? NOT_FLOAT : formatDouble(value === 0 ? 0 : value)
        })
        expect(ours).toEqual(await Promise.all(theirs))
      }),
      { numRuns: 30 },
    )
  })

  test('ZADD prints every double as formatDouble does', async () => {
    await fc.assert(
      fc.asyncProperty(batchOf(fc.double({ noNaN: true }).filter((n) => n !== 0)), async (values) => {
        const theirs = values.map(async (value) => {
          void call('DEL', 'z')
          void call('ZADD', 'z', String(value), 'm')
          return asText(await call('ZSCORE', 'z', 'm'))
        })
        expect(values.map(formatDouble)).toEqual(await Promise.all(theirs))
      }),
      { numRuns: 20 },
    )
  })

  test('ZRANGEBYSCORE reads the same bounds', async () => {
    const before = fc.constantFrom('', '', '(', ' ', '\t\n')
    const bound = fc.tuple(before, scoreText, fc.constantFrom('', '', '\0x')).map((parts) => parts.join(''))
    await fc.assert(
      fc.asyncProperty(batchOf(bound), async (texts) => {
        const theirs = texts.map((text) => {
          const value = parseScoreBound(Buffer.from(text))?.value ?? 1
          void call('DEL', 'z')
          void call('ZADD', 'z', formatDouble(value), 'm')
          return call('ZCOUNT', 'z', text, text)
        })
        const ours = texts.map((text) => {
          const parsed = parseScoreBound(Buffer.from(text))
          return parsed ? (parsed.exclusive ? '0' : '1') : 'ERR min or max is not a float'
        })
        expect(ours).toEqual((await Promise.all(theirs)).map(asText))
      }),
      { numRuns: 20 },
    )
  })
})
