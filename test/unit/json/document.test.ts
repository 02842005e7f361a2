import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  joinArray,
  joinObject,
  kindOf,
  parseInteger64,
  quote,
  splitArray,
  splitObject,
  stringContent,
} from '../../../src/json/document.ts'
import { NAMES, textArbitrary } from './helpers.ts'

test.each([
  ['{}', 'object'],
  ['[]', 'array'],
  ['"x"', 'string'],
  ['true', 'boolean'],
  ['false', 'boolean'],
  ['null', 'null'],
  ['0', 'number'],
  ['-1', 'number'],
  ['9', 'number'],
])('kindOf(%j) is %s', (text, kind) => {
  expect(kindOf(text)).toBe(kind)
})

describe('64-bit integers', () => {
  test.each([
    ['0', 0n],
    ['-12', -12n],
    ['9007199254740993', 9007199254740993n],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
  ])('%s is one', (text, value) => {
    expect(parseInteger64(text)).toBe(value)
  })

  test.each([
    ['9223372036854775808'],
    ['-9223372036854775809'],
    ['99999999999999999999999999'],
    ['-0'],
    ['01'],
    ['+1'],
    ['1.0'],
    ['1e3'],
    ['"1"'],
    ['true'],
    ['null'],
    [''],
    [' 1'],
    ['1\n'],
    ['-'],
    ['٣'],
  ])('%j is none', (text) => {
    expect(parseInteger64(text)).toBeUndefined()
  })
})

describe('strings', () => {
  test.each([
    ['""', ''],
    ['"é"', 'é'],
    ['"\\u00e9"', 'é'],
    ['"a\\"b\\\\c\\/d\\n"', 'a"b\\c/d\n'],
    ['"\\ud83d\\ude00"', '😀'],
    ['"\\ud800"', '\ud800'],
  ])('the content of %s', (text, content) => {
    expect(stringContent(text)).toBe(content)
  })

  test('quote escapes what UTF-8 cannot carry, and nothing else needlessly', () => {
    expect(quote('\ud800')).toBe('"\\ud800"')
    expect(quote('é/😀')).toBe('"é/😀"')
    expect(quote('"\\\n')).toBe('"\\"\\\\\\n"')
  })

  test('quote and stringContent undo each other', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (content) => {
        expect(stringContent(quote(content))).toBe(content)
      }),
    )
  })
})

describe('splitting and joining', () => {
  test('an array gives its element texts as written', () => {
    const elements = [
      '9007199254740993',
      '1.10',
      '"é"',
      '{"__proto__":1}',
      '{ "b" : [ ] }',
      '"],["',
      '"\\\\"',
      'null',
      '[[1],2]',
    ]
    expect(splitArray(joinArray(elements))).toEqual(elements)
    expect(splitArray(`[ ${elements.join(' ,\n')}\t]`)).toEqual(elements)
    expect(splitArray('[]')).toEqual([])
    expect(splitArray('[ \n ]')).toEqual([])
    expect(joinArray([])).toBe('[]')
  })

  test('an object gives its names and value texts in order, a repeated name twice', () => {
    const text = '{ "b" : 1.10, "__proto__":{"x":1},"\\u0061":9007199254740993 , "2":0,"1":0,"b":"}" ,"":[]}'
    const entries = [
      ['b', '1.10'],
      ['__proto__', '{"x":1}'],
      ['a', '9007199254740993'],
      ['2', '0'],
      ['1', '0'],
      ['b', '"}"'],
      ['', '[]'],
    ] as const
    expect(splitObject(text)).toEqual(entries)
    expect(joinObject(entries)).toBe(
      '{"b":1.10,"__proto__":{"x":1},"a":9007199254740993,"2":0,"1":0,"b":"}","":[]}',
    )
    expect(splitObject('{}')).toEqual([])
    expect(splitObject('{ }')).toEqual([])
    expect(joinObject([])).toBe('{}')
  })

  test('any element and any name comes back', () => {
    const entriesArbitrary = fc.array(
      fc.tuple(fc.oneof(fc.constantFrom(...NAMES), fc.string()), textArbitrary),
      { maxLength: 5 },
    )
    fc.assert(
      fc.property(entriesArbitrary, (entries) => {
        const texts = entries.map(([, text]) => text)
        expect(splitArray(joinArray(texts))).toEqual(texts)
        expect(splitObject(joinObject(entries))).toEqual(entries)
      }),
    )
  })

  test('an array splits as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.array(textArbitrary, { maxLength: 3 }), (texts) => {
        const text = `[ ${texts.join(' , ')} ]`
        expect(splitArray(text)).toEqual(texts)
        expect(JSON.stringify(splitArray(text).map((element) => JSON.parse(element)))).toBe(
          JSON.stringify(JSON.parse(text)),
        )
      }),
    )
  })
})
