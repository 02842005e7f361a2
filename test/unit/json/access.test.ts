import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { getPath, setPath } from '../../../src/json/access.ts'
import { splitObject } from '../../../src/json/document.ts'
import type { PathSegment } from '../../../src/json/path.ts'
import { parsePath } from '../../../src/json/path.ts'
import { checkDepth, validateJson } from '../../../src/json/validate.ts'
import { codeOf, LIMITS, objectArbitrary, outcome, pathArbitrary, textArbitrary } from './helpers.ts'

describe('getPath', () => {
  const text =
    '{ "n" : 9007199254740993 ,"d":1.10, "u":"é","p":{"__proto__":1},"list":[ [1 , 2],{"k":"]}"} ,null],"a.b":true,"0":"zero",' +
    '"dup":{"x":1},"dup":{"y":2},"\\u0065sc":"\\ud800","nul":null}'

  test.each([
    ['n', '9007199254740993'],
    ['d', '1.10'],
    ['u', '"é"'],
    ['p', '{"__proto__":1}'],
    ['p.__proto__', '1'],
    ['list', '[ [1 , 2],{"k":"]}"} ,null]'],
    ['list[0]', '[1 , 2]'],
    ['list[0][1]', '2'],
    ['list[1].k', '"]}"'],
    ['list[2]', 'null'],
    ['["a.b"]', 'true'],
    ['0', '"zero"'],
    ['dup', '{"y":2}'],
    ['dup.y', '2'],
    ['esc', '"\\ud800"'],
    ['nul', 'null'],
  ])('%s', (path, value) => {
    expect(getPath(text, parsePath(path))).toBe(value)
  })

  test.each([
    ['x'],
    ['__proto__'],
    ['constructor'],
    ['p.constructor'],
    ['dup.x'],
    ['list[3]'],
    ['list.length'],
    ['list["0"]'],
    ['list[99999999999999999999]'],
    ['[0]'],
    ['n.x'],
    ['n[0]'],
    ['u[0]'],
    ['nul.x'],
    ['\\u0065sc'],
  ])('%s is missing', (path) => {
    expect(getPath(text, parsePath(path))).toBeUndefined()
  })

  test('an array or a scalar may be the root', () => {
    expect(getPath('[1,[2]]', [1, 0])).toBe('2')
    expect(getPath('7', ['a'])).toBeUndefined()
    expect(getPath('7', [])).toBe('7')
  })
})

describe('setPath', () => {
  test.each([
    ['{}', 'a', '1', '{"a":1}'],
    ['{ }', 'a', '1', '{"a":1 }'],
    ['{"a":1}', 'a', '2', '{"a":2}'],
    ['{ "a" : 1 , "n":1.10 }', 'a', '{"x": 2}', '{ "a" : {"x": 2} , "n":1.10 }'],
    ['{"a":1}', 'b', '2', '{"a":1,"b":2}'],
    ['{\n  "a": 9007199254740993\n}', 'b', '2', '{\n  "a": 9007199254740993,"b":2\n}'],
    ['{}', 'a.b.c', '1', '{"a":{"b":{"c":1}}}'],
    ['{"a":{"x":[]}}', 'a.b.c', '1', '{"a":{"x":[],"b":{"c":1}}}'],
    ['{"a":[1, 2]}', 'a[0]', '9', '{"a":[9, 2]}'],
    ['{"a":[1, 2 ]}', 'a[2]', '3', '{"a":[1, 2,3 ]}'],
    ['{"a":[]}', 'a[0]', '1', '{"a":[1]}'],
    ['{"a":[[]]}', 'a[0][0]', '1', '{"a":[[1]]}'],
    ['{"a":[{}]}', 'a[0].b', '1', '{"a":[{"b":1}]}'],
    ['{"a":[1]}', 'a[1].b.c', '1', '{"a":[1,{"b":{"c":1}}]}'],
    ['{"a":1,"b":0,"a":2}', 'a', '3', '{"a":1,"b":0,"a":3}'],
    ['{"a":{"x":1},"a":{"y":2}}', 'a.x', '3', '{"a":{"x":1},"a":{"y":2,"x":3}}'],
    ['{"a":{"x":1},"a":{}}', 'a.x', '3', '{"a":{"x":1},"a":{"x":3}}'],
    ['{"\\u0061":1}', 'a', '2', '{"\\u0061":2}'],
    ['{}', '__proto__', '{"x":1}', '{"__proto__":{"x":1}}'],
    ['{}', '__proto__.x', '1', '{"__proto__":{"x":1}}'],
    ['{}', 'constructor.prototype.x', '1', '{"constructor":{"prototype":{"x":1}}}'],
    ['{}', '["a.\\"b"]', '1', '{"a.\\"b":1}'],
    ['{"x\\n":1}', '["x\\\\n"]', '2', '{"x\\n":1,"x\\\\n":2}'],
    ['{"é":1}', 'é', '"ü"', '{"é":"ü"}'],
    ['{"0":1}', '0', '2', '{"0":2}'],
    ['{"a":null}', 'a', '1', '{"a":1}'],
  ])('%s at %s put %s', (text, path, value, result) => {
    expect(setPath(text, parsePath(path), value)).toBe(result)
  })

  const notAnObject = 'type_mismatch: value is not an object'
  const noObject = 'type_mismatch: a step of the path is not an object'
  const noArray = 'type_mismatch: a step of the path is not an array'
  const beyond = 'invalid_path: the index is beyond the end of the array'
  const nothingThere = 'invalid_path: an index needs an array that is there'
  test.each([
    ['[1]', '[0]', notAnObject],
    ['[1]', 'a', notAnObject],
    ['1', 'a', notAnObject],
    ['"{}"', 'a', notAnObject],
    ['null', 'a', notAnObject],
    ['{}', '[0]', noArray],
    ['{"a":1}', 'a.b', noObject],
    ['{"a":null}', 'a.b', noObject],
    ['{"a":"{}"}', 'a.b', noObject],
    ['{"a":[]}', 'a.b', noObject],
    ['{"a":[]}', 'a["0"]', noObject],
    ['{"a":{}}', 'a[0]', noArray],
    ['{"a":1}', 'a[0]', noArray],
    ['{"a":{},"a":1}', 'a.b', noObject],
    ['{"a":[1]}', 'a[2]', beyond],
    ['{"a":[]}', 'a[1].b', beyond],
    ['{"a":[]}', 'a[99999999999999999999]', beyond],
    ['{}', 'a[0]', nothingThere],
    ['{}', 'a.b[0].c', nothingThere],
    ['{"a":[]}', 'a[0][0]', nothingThere],
  ])('%s at %s is refused', (text, path, message) => {
    expect(outcome(() => setPath(text, parsePath(path), '1'))).toEqual({
      code: message.slice(0, message.indexOf(':')),
      message,
    })
  })

  test('the empty path is refused', () => {
    expect(codeOf(() => setPath('{}', [], '1'))).toBe('invalid_path')
  })

  test('the result may be too deep: checkDepth tells', () => {
    const path = parsePath(Array(32).fill('a').join('.'))
    const full = setPath('{}', path, '1')
    checkDepth(full, LIMITS)
    validateJson(full, LIMITS)
    expect(codeOf(() => checkDepth(setPath('{}', path, '[]'), LIMITS))).toBe('invalid_value')
    expect(codeOf(() => checkDepth(setPath(full, path, '{}'), LIMITS))).toBe('invalid_value')
  })
})

/** A parsed value as Maps and arrays, where `__proto__` and `constructor` are names like any other. */
type Plain = null | boolean | number | string | Plain[] | Map<string, Plain>

const plain = (text: string): Plain => {
  const convert = (value: unknown): Plain => {
    if (Array.isArray(value)) return value.map(convert)
    if (typeof value === 'object' && value !== null)
      return new Map(Object.entries(value).map(([name, inner]) => [name, convert(inner)]))
    return value as null | boolean | number | string
  }
  return convert(JSON.parse(text))
}

const childOf = (value: Plain | undefined, segment: PathSegment): Plain | undefined => {
  if (typeof segment === 'number') return Array.isArray(value) ? value[segment] : undefined
  return value instanceof Map ? value.get(segment) : undefined
}

const referenceGet = (text: string, segments: readonly PathSegment[]): Plain | undefined =>
  segments.reduce<Plain | undefined>(childOf, plain(text))

const putInto = (
  value: Plain | undefined,
  segments: readonly PathSegment[],
  inner: Plain,
): Plain | string => {
  const [segment, ...rest] = segments
  if (segment === undefined) return { wrapped: inner } as unknown as Plain
  if (typeof segment === 'string') {
    if (value === undefined) value = new Map()
    if (!(value instanceof Map)) return 'type_mismatch'
  } else {
    if (value === undefined) return 'invalid_path'
    if (!Array.isArray(value)) return 'type_mismatch'
    if (segment > value.length) return 'invalid_path'
  }
  const put = putInto(childOf(value, segment), rest, inner)
  if (typeof put === 'string') return put
  const unwrapped = rest.length === 0 ? (put as unknown as { wrapped: Plain }).wrapped : put
  if (value instanceof Map) value.set(segment as string, unwrapped)
  else value[segment as number] = unwrapped
  return value
}

const referenceSet = (text: string, segments: readonly PathSegment[], valueText: string): Plain | string => {
  const root = plain(text)
  return root instanceof Map ? putInto(root, segments, plain(valueText)) : 'type_mismatch'
}

/** Half of the paths lead somewhere: they are made from the names and indexes that are there. */
const targetArbitrary = (texts: fc.Arbitrary<string>): fc.Arbitrary<[string, PathSegment[]]> =>
  fc.tuple(texts, pathArbitrary, fc.array(fc.nat(), { maxLength: 4 })).map(([text, segments, choices]) => {
    const found: PathSegment[] = []
    let value: Plain | undefined = plain(text)
    for (const choice of choices) {
      const steps: PathSegment[] =
        value instanceof Map ? [...value.keys()] : Array.isArray(value) ? [...value.keys()] : []
      const step = steps[choice % Math.max(steps.length, 1)]
      if (step === undefined) break
      found.push(step)
      value = childOf(value, step)
    }
    return [
      text,
      [...found, ...segments.slice(choices.length % 3)].slice(
        0,
        Math.max(found.length, 1) + (segments.length % 2),
      ),
    ]
  })

describe('properties', () => {
  test('getPath finds what a walk over parsed values finds', () => {
    fc.assert(
      fc.property(targetArbitrary(textArbitrary), ([text, segments]) => {
        const found = getPath(text, segments)
        expect(found === undefined ? undefined : plain(found)).toEqual(referenceGet(text, segments))
      }),
      { numRuns: 2000 },
    )
  })

  test('getPath agrees on fc.jsonValue', () => {
    const texts = fc
      .tuple(fc.jsonValue(), fc.constantFrom(0, 2))
      .map(([value, indent]) => JSON.stringify(value, null, indent))
    fc.assert(
      fc.property(targetArbitrary(texts), ([text, segments]) => {
        const found = getPath(text, segments)
        expect(found === undefined ? undefined : plain(found)).toEqual(referenceGet(text, segments))
      }),
      { numRuns: 500 },
    )
  })

  test('setPath does what a change of parsed values does, or fails alike', () => {
    const roots = fc.oneof({ weight: 9, arbitrary: objectArbitrary }, textArbitrary)
    fc.assert(
      fc.property(targetArbitrary(roots), textArbitrary, ([text, segments], valueText) => {
        if (segments.length === 0) return
        const expected = referenceSet(text, segments, valueText)
        const result = outcome(() => setPath(text, segments, valueText))
        if (typeof expected === 'string') {
          expect(result).toMatchObject({ code: expected })
        } else {
          expect(result).toHaveProperty('value')
          const { value } = result as { value: string }
          expect(plain(value)).toEqual(expected)
          expect(getPath(value, segments)).toBe(valueText)
        }
      }),
      { numRuns: 3000 },
    )
  })

  test('replacing keeps every other character; replacing back gives the first text', () => {
    fc.assert(
      fc.property(targetArbitrary(objectArbitrary), textArbitrary, ([text, segments], valueText) => {
        const before = getPath(text, segments)
        if (before === undefined || segments.length === 0) return
        const after = setPath(text, segments, valueText)
        expect(after.length - valueText.length).toBe(text.length - before.length)
        expect(setPath(after, segments, before)).toBe(text)
      }),
      { numRuns: 2000 },
    )
  })

  test('adding only inserts, and the members that were there keep their texts', () => {
    fc.assert(
      fc.property(targetArbitrary(objectArbitrary), textArbitrary, ([text, segments], valueText) => {
        if (segments.length === 0 || getPath(text, segments) !== undefined) return
        const result = outcome(() => setPath(text, segments, valueText))
        if ('code' in result) return
        const after = result.value
        let prefix = 0
        while (prefix < text.length && text[prefix] === after[prefix]) prefix += 1
        expect(after.endsWith(text.slice(prefix))).toBe(true)
        const [first] = segments
        const others = (of: string): unknown[] => splitObject(of).filter(([name]) => name !== first)
        expect(others(after)).toEqual(others(text))
      }),
      { numRuns: 2000 },
    )
  })
})
