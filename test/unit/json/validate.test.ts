import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkDepth, trimJson, validateJson } from '../../../src/json/validate.ts'
import { codeOf, LIMITS, outcome, textArbitrary } from './helpers.ts'

const nativeAccepts = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const accepts = (text: string): boolean => codeOf(() => validateJson(text, { maxDepth: 1000 })) === undefined

describe('validateJson', () => {
  test.each([
    ['null'],
    ['true'],
    ['false'],
    ['0'],
    ['-0'],
    ['1.10'],
    ['1e400'],
    ['1E+2'],
    ['9223372036854775808'],
    ['""'],
    ['"\\ud800"'],
    ['"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00E9"'],
    ['"\u2028\u007f é 😀"'],
    ['[]'],
    ['{}'],
    [' [ 1 , 2 ] '],
    ['\t{ "a" : 1 ,\r\n "a" : 2 }\n'],
    ['{"__proto__":1,"constructor":2}'],
  ])('takes %j', (text) => {
    expect(nativeAccepts(text)).toBe(true)
    expect(outcome(() => validateJson(text, LIMITS))).toEqual({ value: undefined })
  })

  test.each([
    [''],
    [' '],
    ['nul'],
    ['nulll'],
    ['True'],
    ['NaN'],
    ['Infinity'],
    ['-Infinity'],
    ['undefined'],
    ['01'],
    ['-01'],
    ['+1'],
    ['.5'],
    ['1.'],
    ['1.e1'],
    ['1e'],
    ['1e+'],
    ['-'],
    ['0x10'],
    ['1_000'],
    ['1 2'],
    ['"'],
    ['"a'],
    ['"\\"'],
    ['"\\x"'],
    ['"\\u12"'],
    ['"\\u12g4"'],
    ['"\n"'],
    ['"\u0000"'],
    ['"\u001f"'],
    ["'a'"],
    ['[1,]'],
    ['[,1]'],
    ['[1 2]'],
    ['[1'],
    ['['],
    [']'],
    ['[1}'],
    ['{"a":1]'],
    ['{"a":1,}'],
    ['{,}'],
    ['{"a"}'],
    ['{"a":}'],
    ['{"a" 1}'],
    ['{a:1}'],
    ['{1:1}'],
    ['{'],
    ['{"a":1'],
    ['1 // c'],
    ['/* c */1'],
    ['[1]]'],
    ['\ufeff1'],
    ['\u00a01'],
    ['1\u000b'],
  ])('refuses %j', (text) => {
    expect(nativeAccepts(text)).toBe(false)
    const result = outcome(() => validateJson(text, LIMITS))
    expect(result).toMatchObject({
      code: 'invalid_value',
      message: expect.stringMatching(/^invalid_value: not valid JSON at character \d+$/),
    })
  })

  test('counts open arrays and objects, not brackets in strings', () => {
    const nested = (depth: number): string => `${'[{"a":'.repeat(depth / 2)}[]${'}]'.repeat(depth / 2)}`
    const tooDeep = { code: 'invalid_value', message: 'invalid_value: nested deeper than 32 levels' }
    validateJson('['.repeat(32) + ']'.repeat(32), LIMITS)
    validateJson(nested(30), LIMITS)
    validateJson(`["${'['.repeat(100)}"]`, LIMITS)
    validateJson(`[${'[],'.repeat(100)}{}]`, { maxDepth: 2 })
    validateJson('1', { maxDepth: 0 })
    expect(outcome(() => validateJson('['.repeat(33) + ']'.repeat(33), LIMITS))).toEqual(tooDeep)
    expect(outcome(() => validateJson(nested(32), LIMITS))).toEqual(tooDeep)
    expect(outcome(() => validateJson('['.repeat(1 << 20), LIMITS))).toEqual(tooDeep)
  })

  test('agrees with JSON.parse on JSON texts with one character changed', () => {
    const characters = fc.constantFrom(...'{}[]",:\\/ \n\t\u0000\u00a00123456789.-+eEutrfalsn\'', '')
    fc.assert(
      fc.property(
        textArbitrary,
        fc.nat(),
        characters,
        fc.nat({ max: 1 }),
        (text, seed, character, removed) => {
          const at = seed % (text.length + 1)
          const changed = text.slice(0, at) + character + text.slice(at + removed)
          expect(accepts(text)).toBe(true)
          expect(accepts(changed)).toBe(nativeAccepts(changed))
        },
      ),
      { numRuns: 3000 },
    )
  })

  test('agrees with JSON.parse on short runs of JSON characters', () => {
    const unit = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ',',
      ':',
      '\\',
      'u',
      ' ',
      '0',
      '1',
      '-',
      '+',
      '.',
      'e',
      'true',
      'null',
      'false',
    )
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 7 }), (units) => {
        expect(accepts(units.join(''))).toBe(nativeAccepts(units.join('')))
      }),
      { numRuns: 5000 },
    )
  })
})

describe('checkDepth', () => {
  test('agrees with validateJson on valid text', () => {
    fc.assert(
      fc.property(textArbitrary, fc.nat({ max: 5 }), (text, maxDepth) => {
        expect(outcome(() => checkDepth(text, { maxDepth }))).toEqual(
          outcome(() => validateJson(text, { maxDepth })),
        )
      }),
    )
  })
})

describe('trimJson', () => {
  test.each([
    [' \t\r\n1 \n', '1'],
    ['1', '1'],
    ['', ''],
    [' \n ', ''],
    ['" a "', '" a "'],
    ['\ufeff1', '\ufeff1'],
    ['\u00a01\u2028', '\u00a01\u2028'],
  ])('%j becomes %j', (text, trimmed) => {
    expect(trimJson(text)).toBe(trimmed)
  })
})
