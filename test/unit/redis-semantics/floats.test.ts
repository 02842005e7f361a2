import { describe, expect, test } from 'vitest'
import { addLongDouble, formatDouble, parseFloat64 } from '../../../src/redis-semantics/floats.ts'

const NOT_FLOAT = 'ERR value is not a valid float'

describe('parseFloat64', () => {
  test.each([
    ['1', 1],
    ['+1.5', 1.5],
    ['.5', 0.5],
    ['5.', 5],
    ['1e+5', 1e5],
    ['0x1p3', 8],
    ['-0x.8', -0.5],
    ['0x1.fffffffffffff8p0', 2],
    ['0x1.00000000000008p0', 1],
    ['0x1p-1074', 5e-324],
    ['4e-324', 5e-324],
    ['inf', Infinity],
    ['-INFINITY', -Infinity],
    ['0e-999', 0],
    ['-0', -0],
  ])('reads %s', (text, value) => {
    expect(parseFloat64(Buffer.from(text))).toBe(value)
  })

  const MALFORMED = ['', ' 1', '1 ', 'nan', '-nan', '.', '0x', '1e', '1_0', 'infinit', '1\0', '--1']
  const OUT_OF_RANGE = ['1e400', '0x1p99999999999', '1e-400', '0x1p-1076']

  test.each([...MALFORMED, ...OUT_OF_RANGE])('refuses %j', (text) => {
    expect(parseFloat64(Buffer.from(text))).toBeUndefined()
  })
})

test.each([
  [3, '3'],
  [-0, '-0'],
  [1e17, '1e+17'],
  [99999999999999984, '99999999999999984'],
  [0.1, '0.10000000000000001'],
  [1e-5, '1.0000000000000001e-05'],
  [1e-300, '1e-300'],
  [0.0001, '0.0001'],
  [1234567890123456.25, '1234567890123456.2'],
  [1234567890123456.75, '1234567890123456.8'],
  [-Infinity, '-inf'],
])('formatDouble(%d) is %s', (value, text) => {
  expect(formatDouble(value)).toBe(text)
})

test.each([
  ['3.0', '1.1', '4.1'],
  ['0.1', '0.2', '0.3'],
  ['10.50', '0.1', '10.6'],
  ['5.0e3', '2.0e2', '5200'],
  ['18446744073709551615', '1', '18446744073709551616'],
  ['18446744073709551616', '1', '18446744073709551616'],
  ['-1e-20', '0', '0'],
  ['1', '-1', '0'],
])('addLongDouble(%s, %s) is %s', (a, b, sum) => {
  expect(addLongDouble(a, Buffer.from(b))).toBe(sum)
})

test('addLongDouble refuses what is not a float, infinite or too long', () => {
  expect(() => addLongDouble('', '1')).toThrow(NOT_FLOAT)
  expect(() => addLongDouble('1', 'nan')).toThrow(NOT_FLOAT)
  expect(() => addLongDouble('1', 'inf')).toThrow('ERR increment would produce NaN or Infinity')
  expect(() => addLongDouble('1e4932', '1e4932')).toThrow('ERR increment would produce NaN or Infinity')
  expect(addLongDouble('0'.repeat(5119), '1')).toBe('1')
  expect(() => addLongDouble('0'.repeat(5120), '1')).toThrow(NOT_FLOAT)
})
