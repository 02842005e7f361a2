import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePath } from '../../../src/json/path.ts'
import { nameArbitrary, outcome, pathArbitrary } from './helpers.ts'

describe('parsePath', () => {
  test.each([
    ['a', ['a']],
    ['a.b', ['a', 'b']],
    ['items[0]', ['items', 0]],
    ['items[10].name', ['items', 10, 'name']],
    ['m[1][2]', ['m', 1, 2]],
    ['[0].b', [0, 'b']],
    ['[0][1]', [0, 1]],
    ['a["my.key"]', ['a', 'my.key']],
    ["a['x']", ['a', 'x']],
    ['a["x"].b[\'y\'][3]', ['a', 'x', 'b', 'y', 3]],
    ['["a"]', ['a']],
    ['a["0"]', ['a', '0']],
    ['a.0', ['a', '0']],
    ['a[""]', ['a', '']],
    ['a["]"]', ['a', ']']],
    ['a["it\'s"]', ['a', "it's"]],
    ["a['\"']", ['a', '"']],
    ['a["\\""]', ['a', '"']],
    ["a['\\'']", ['a', "'"]],
    ['a["\\\\"]', ['a', '\\']],
    ['a["\\u00e9\\n\\/"]', ['a', 'é\n/']],
    ['a b.é-ü.$x', ['a b', 'é-ü', '$x']],
    ['a\\n', ['a\\n']],
    ['__proto__.constructor', ['__proto__', 'constructor']],
    ['😀.日本', ['😀', '日本']],
    [Array(32).fill('a').join('.'), Array(32).fill('a')],
    [`a${'[0]'.repeat(31)}`, ['a', ...Array(31).fill(0)]],
  ])('%s', (path, segments) => {
    expect(parsePath(path)).toEqual(segments)
  })

  test.each([
    [''],
    ['.'],
    ['.a'],
    ['a.'],
    ['a..b'],
    ['a['],
    ['a[]'],
    ['a[0'],
    ['a[-1]'],
    ['a[+1]'],
    ['a[01]'],
    ['a[1.5]'],
    ['a[ 0 ]'],
    ['a[x]'],
    ['a[0]b'],
    ['a.[0]'],
    ['a[0].'],
    ['a]'],
    ['a[0]]'],
    ['a"b'],
    ["it's"],
    ['"a"'],
    ['a["x'],
    ['a["x"'],
    ['a["x\']'],
    ['a["x"y]'],
    ['a["\\"]'],
    ['a["\\x"]'],
    ['a["\\u12"]'],
    ['['],
    ['a["'],
    ['a["x\\'],
    [Array(33).fill('a').join('.')],
    ['[0]'.repeat(33)],
  ])('%s is refused', (path) => {
    expect(outcome(() => parsePath(path))).toMatchObject({
      code: 'invalid_path',
      message: expect.stringMatching(/^invalid_path: [a-z0-9 ]+$/),
    })
  })

  test('long names and indexes neither overflow nor take long', () => {
    expect(parsePath(`a["${'x'.repeat(1 << 20)}"]`)).toHaveLength(2)
    expect(parsePath('x'.repeat(1 << 20))).toHaveLength(1)
    expect(parsePath(`[${'9'.repeat(400)}]`)).toEqual([Infinity])
  })

  test('what is written in any of the ways is read back', () => {
    const plain = /^[^.[\]"']+$/
    fc.assert(
      fc.property(pathArbitrary, fc.infiniteStream(fc.boolean()), nameArbitrary, (segments, dots, last) => {
        const path = [...segments, last].map((segment, i) => {
          if (typeof segment === 'number') return `[${segment}]`
          const bare = dots.next().value && plain.test(segment)
          return bare ? `${i > 0 ? '.' : ''}${segment}` : `[${JSON.stringify(segment)}]`
        })
        expect(parsePath(path.join(''))).toEqual([...segments, last])
      }),
    )
  })

  test('any text is read or refused as invalid_path, nothing else', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '.', '[', ']', '"', "'", '\\', '0', 'u', ' ') }),
        (path) => {
          const result = outcome(() => parsePath(path))
          if ('code' in result) expect(result.code).toBe('invalid_path')
          else expect(result.value.length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 2000 },
    )
  })
})
