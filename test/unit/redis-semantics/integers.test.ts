import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addInt64,
  INT64_MAX,
  INT64_MIN,
  parseInteger,
  parseSafe,
} from '../../../src/redis-semantics/integers.ts'

describe('parseInteger', () => {
  test.each([
    ['0', 0n],
    ['-1', -1n],
    ['9007199254740993', 9007199254740993n],
    ['9223372036854775807', INT64_MAX],
    ['-9223372036854775808', INT64_MIN],
  ])('reads %s', (text, value) => {
    expect(parseInteger(Buffer.from(text))).toBe(value)
  })

  const REFUSED = ['', '-', '-0', '00', '01', '-01', '+1', ' 1', '1 ', '1.0', '1e3', '0x1', '1\0']
  const OUT_OF_RANGE = ['9223372036854775808', '-9223372036854775809']

  test.each([...REFUSED, ...OUT_OF_RANGE])('refuses %j', (text) => {
    expect(parseInteger(Buffer.from(text))).toBeUndefined()
    expect(parseSafe(Buffer.from(text))).toBeUndefined()
  })

  test('parseSafe stops at the largest safe integer', () => {
    expect(parseSafe(Buffer.from('9007199254740991'))).toBe(Number.MAX_SAFE_INTEGER)
    expect(parseSafe(Buffer.from('-9007199254740991'))).toBe(Number.MIN_SAFE_INTEGER)
    expect(parseSafe(Buffer.from('9007199254740992'))).toBeUndefined()
    expect(Object.is(parseSafe(Buffer.from('0')), 0)).toBe(true)
  })

  test('every 64-bit integer survives', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: INT64_MIN, max: INT64_MAX }), (value) => {
        expect(parseInteger(Buffer.from(String(value)))).toBe(value)
      }),
    )
  })
})

test('addInt64 refuses to leave 64 bits', () => {
  expect(addInt64(INT64_MAX - 1n, 1n)).toBe(INT64_MAX)
  expect(() => addInt64(INT64_MAX, 1n)).toThrow('ERR increment or decrement would overflow')
  expect(() => addInt64(INT64_MIN, -1n)).toThrow('ERR increment or decrement would overflow')
})
