import { describe, expect, test } from 'vitest'
import { parseCursor } from '../../../src/commands/parsing/scan-options.ts'
import { parseFloat64, parseLongDouble, parseScoreBound } from '../../../src/redis-semantics/floats.ts'
import { asText, useRedis70 } from '../../conformance/lib/redis-70.ts'

// No test here looks at a clock: what reads a text more than once would keep one of these busy for minutes.

const LONG = 200_000
const ONES = '1'.repeat(LONG)
const ZEROS = '0'.repeat(LONG)

/**
 * Texts of numbers, and of what is nearly one: a reader that tries every division of the digits does so
 * before it refuses.
 */
const TEXTS: ReadonlyArray<readonly [what: string, text: string]> = [
  ['digits', ONES],
  ['digits and a letter', `${ONES}x`],
  ['a fraction', `0.${ONES}`],
  ['a fraction and a letter', `0.${ONES}x`],
  ['two fractions', `${ONES}.${ONES}.`],
  ['hexadecimal digits', `0x${ONES}`],
  ['hexadecimal digits and a letter', `0x${ONES}g`],
  ['a hexadecimal fraction', `0x.${ONES}`],
  ['a hexadecimal number within range', `0x${ONES}p-${4 * LONG}`],
  ['a hexadecimal tie with a far digit', `0x1.00000000000008${ZEROS}1`],
  ['a hexadecimal tie with far zeros', `0x1.00000000000008${ZEROS}`],
  ['a long exponent', `1e${ONES}`],
  ['a long negative exponent', `1e-${ONES}`],
  ['a long exponent and a letter', `1e${ONES}x`],
  ['a long binary exponent', `0x1p${ONES}`],
  ['zeros', ZEROS],
  ['zeros and a letter', `${ZEROS}x`],
  ['zeros before a number', `${ZEROS}7.5`],
  ['zeros that an exponent takes back', `0.${ZEROS}1e${LONG}`],
  ['spaces', ' '.repeat(LONG)],
  ['spaces before a number', `${' '.repeat(LONG)}7`],
  ['signs', '-'.repeat(LONG)],
]

test.each(TEXTS)('%s', (_what, text) => {
  const bytes = Buffer.from(text)
  parseFloat64(bytes)
  parseScoreBound(bytes)
  // Redis refuses more than 5 KiB here.
  expect(parseLongDouble(bytes)).toBeUndefined()
})

test('a hexadecimal number is rounded by all of its digits', () => {
  expect(parseFloat64(Buffer.from(`0x1.00000000000008${ZEROS}1`))).toBe(1 + 2 ** -52)
  expect(parseFloat64(Buffer.from(`0x1.00000000000008${ZEROS}`))).toBe(1)
})

test('a cursor of a megabyte of digits', () => {
  expect(() => parseCursor(Buffer.from('1'.repeat(1_048_576)))).toThrow('invalid cursor')
  expect(() => parseCursor(Buffer.from(`${'0'.repeat(1_048_576)}x`))).toThrow('invalid cursor')
  expect(parseCursor(Buffer.from(`${'0'.repeat(1_048_576)}5`))).toBe('5')
  expect(parseCursor(Buffer.alloc(1_048_576))).toBe('0')
})

describe('as the real Redis reads them', () => {
  const call = useRedis70()

  test.each(TEXTS)('%s', async (_what, text) => {
    const value = parseFloat64(Buffer.from(text))
    await call('DEL', 'z')
    const reply = asText(await call('ZADD', 'z', text, 'm'))
    if (value === undefined) expect(reply).toBe('ERR value is not a valid float')
    else expect(Number(asText(await call('ZSCORE', 'z', 'm')))).toBe(value)
    const bound = parseScoreBound(Buffer.from(text))
    const counted = asText(await call('ZCOUNT', 'z', text, text))
    if (bound === undefined) expect(counted).toBe('ERR min or max is not a float')
    else expect(Number(counted)).toBe(value === undefined ? 0 : 1)
  })
})
