import { describe, expect, test } from 'vitest'
import { integer, integerFrom, long, rangeOf } from '../../../../src/commands/parsing/args.ts'
import { randomCount, randomItem, randomItems } from '../../../../src/commands/parsing/random.ts'
import { parseCursor, parseScanOptions } from '../../../../src/commands/parsing/scan-options.ts'

const args = (...words: string[]): Buffer[] => words.map((word) => Buffer.from(word))

describe('cursors as strtoul reads them', () => {
  test.for([
    ['0', '0'],
    ['', '0'],
    ['007', '7'],
    ['+5', '5'],
    ['-1', '18446744073709551615'],
    ['18446744073709551615', '18446744073709551615'],
    ['12\0junk', '12'],
  ] as const)('%j is %s', ([text, cursor]) => {
    expect(parseCursor(Buffer.from(text))).toBe(cursor)
  })

  test.for(['abc', ' 1', '1 ', '-', '+', '0x10', '18446744073709551616'])('%j is refused', (text) => {
    expect(() => parseCursor(Buffer.from(text))).toThrow('ERR invalid cursor')
  })
})

test('options of scans', () => {
  const { matches, count, type } = parseScanOptions(
    args('SCAN', '0', 'match', 'a*', 'COUNT', '5', 'type', 'ZSET'),
    2,
    true,
  )
  expect([matches(Buffer.from('ab')), matches(Buffer.from('b')), count, type]).toEqual([
    true,
    false,
    5,
    'zset',
  ])
  expect(() => parseScanOptions(args('HSCAN', 'h', '0', 'TYPE', 'zset'), 3)).toThrow('ERR syntax error')
})

test('counts and ranges', () => {
  expect(integer(Buffer.from('9223372036854775807'))).toBe(Number.MAX_SAFE_INTEGER)
  expect(integerFrom(Buffer.from('9223372036854775807'), 0, 'count_negative')).toBe(Number.MAX_SAFE_INTEGER)
  expect(() => integerFrom(Buffer.from('-1'), 0, 'count_negative')).toThrow("ERR COUNT can't be negative")
  expect(() => integerFrom(Buffer.from('1.5'), 0, 'count_negative')).toThrow("ERR COUNT can't be negative")
  expect(() => long(Buffer.from('-9223372036854775808'))).toThrow(
    'value must between -9223372036854775807 and 9223372036854775807',
  )
  expect(rangeOf(-100, 100, 3)).toEqual({ start: 0, stop: 2 })
  expect(rangeOf(3, 5, 3)).toBeUndefined()
})

test('random items: all different, or as many as asked for', () => {
  const items = Array.from({ length: 20 }, (_, i) => i)
  expect(new Set(randomItems(items, 7)).size).toBe(7)
  expect(randomItems(items, 100)).toEqual(items)
  expect(randomItems(items, -50)).toHaveLength(50)
  expect(randomItems([], -5)).toEqual([])
  expect(items).toContain(randomItem(items))
  expect(randomItem([])).toBeUndefined()
  expect(() => randomCount(Buffer.from('-100001'))).toThrow('ERR value is out of range')
})
