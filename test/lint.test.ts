import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readTree } from '../scripts/lint/source.mjs'
import { treeViolations, wideLines } from '../scripts/lint/tree.mjs'

const LIMITS = { filesInFolder: 16, filesInTop: 4, linesInFile: 300, columns: 110 }
const RULES = {
  LAYERS: ['main.ts', ['doors/a', 'doors/b'], 'rows', 'rows/table', 'lib'],
  LIMITS,
  LONG_FILES: {},
}

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'automation-kv-lint-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** The files of a tree made of these texts. */
const treeOf = (files: Record<string, string>) => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return readTree(folder)
}

const violations = (files: Record<string, string>, rules: Partial<typeof RULES> = {}) =>
  treeViolations(treeOf(files), { ...RULES, ...rules })

describe('directions', () => {
  test('downward imports, within an entry and below it, are in order', () => {
    const found = violations({
      'main.ts': "import './doors/a/x.ts'\nimport './doors/b/x.ts'",
      'doors/a/x.ts': "import { y } from './y.ts'\nimport { row } from '../../rows/strings/get.ts'",
      'doors/a/y.ts': 'export const y = 1',
      'doors/b/x.ts': "import { l } from '../../lib/l.ts'\nimport fs from 'node:fs'",
      'rows/strings/get.ts': "export { t as row } from '../table/t.ts'",
      'rows/table/t.ts': "export { l as t } from '../../lib/l.ts'",
      'lib/l.ts': 'export const l = 1',
    })
    expect(found).toEqual([])
  })

  test.each([
    ['import', "import { x } from '../doors/a/x.ts'"],
    ['import of a type', "import type { X } from '../doors/a/x.ts'"],
    ['export from', "export * from '../doors/a/x.ts'"],
    ['import at run time', "export const load = () => import('../doors/a/x.ts')"],
    ['type by import()', "export type T = import('../doors/a/x.ts').X"],
  ])('an upward %s is found', (_, text) => {
    expect(violations({ 'lib/l.ts': text, 'doors/a/x.ts': '' })).toEqual([
      'wrong direction: lib/l.ts -> doors/a/x.ts (doors/a lies above lib)',
    ])
  })

  test('an import of a neighbour is found', () => {
    expect(violations({ 'doors/a/x.ts': "import '../b/x.ts'", 'doors/b/x.ts': '' })).toEqual([
      'wrong direction: doors/a/x.ts -> doors/b/x.ts (doors/b lies beside doors/a)',
    ])
  })

  test('a folder in a folder can have an entry of its own', () => {
    const found = violations({ 'rows/table/t.ts': "import '../strings/get.ts'", 'rows/strings/get.ts': '' })
    expect(found).toEqual([
      'wrong direction: rows/table/t.ts -> rows/strings/get.ts (rows lies above rows/table)',
    ])
  })

  test('a file without an entry is found', () => {
    expect(violations({ 'other/x.ts': '' })).toEqual(['no layer: other/x.ts belongs to no entry of LAYERS'])
  })

  test('what looks like an import in a text or a comment is none', () => {
    expect(
      violations({
        'lib/l.ts': "// import '../main.ts'\nexport const t = `import '../main.ts'`",
        'main.ts': '',
      }),
    ).toEqual([])
  })
})

describe('circles', () => {
  test('a circle of files is found, and shown as short as it is', () => {
    const found = violations({
      'lib/a.ts': "import './b.ts'\nimport './c.ts'",
      'lib/b.ts': "import './c.ts'",
      'lib/c.ts': "import './a.ts'",
    })
    expect(found).toContain('circle of files: lib/a.ts -> lib/c.ts -> lib/a.ts')
  })

  test('a circle of types alone is found', () => {
    const found = violations({
      'lib/a.ts': "import type { B } from './b.ts'\nexport interface A { b?: B }",
      'lib/b.ts': "import { type A } from './a.ts'\nexport interface B { a?: A }",
    })
    expect(found).toEqual(['circle of files: lib/a.ts -> lib/b.ts -> lib/a.ts'])
  })

  test('a circle of folders is found where there is none of files', () => {
    const found = violations({
      'lib/x/a.ts': "import '../y/b.ts'",
      'lib/x/c.ts': '',
      'lib/y/b.ts': "import '../x/c.ts'",
    })
    expect(found).toEqual([
      'circle of folders: lib/x -> lib/y -> lib/x\n    lib/x/a.ts -> lib/y/b.ts\n    lib/y/b.ts -> lib/x/c.ts',
    ])
  })

  test('a folder and one within it make a circle', () => {
    const found = violations({
      'lib/a.ts': "import './x/b.ts'",
      'lib/x/b.ts': "import '../c.ts'",
      'lib/c.ts': '',
    })
    expect(found).toEqual([
      'circle of folders: lib -> lib/x -> lib\n    lib/a.ts -> lib/x/b.ts\n    lib/x/b.ts -> lib/c.ts',
    ])
  })

  test('folders that only meet as a whole make a circle', () => {
    const found = violations(
      { 'x/one/a.ts': "import '../../y/b.ts'", 'y/b.ts': "import '../x/two/c.ts'", 'x/two/c.ts': '' },
      { LAYERS: ['x/one', 'y', 'x/two'] },
    )
    expect(found).toEqual([
      'circle of folders: x -> y -> x\n    x/one/a.ts -> y/b.ts\n    y/b.ts -> x/two/c.ts',
    ])
  })
})

describe('sizes', () => {
  const many = (count: number, prefix: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`${prefix}${n}.ts`, '']))

  test('a folder with 17 files is found, one with 16 is in order', () => {
    expect(violations({ ...many(17, 'lib/f'), ...many(16, 'rows/f') })).toEqual([
      'full folder: lib has 17 files, at most 16 may lie in it',
    ])
  })

  test('five files that lie loose are found', () => {
    const files = many(5, 'f')
    expect(violations(files, { LAYERS: Object.keys(files) })).toEqual([
      'full folder: . has 5 files, at most 4 may lie in it',
    ])
  })

  test('a file of 301 lines is found unless it is excepted, one of 300 is in order', () => {
    const files = { 'lib/long.ts': '\n'.repeat(301), 'lib/full.ts': '\n'.repeat(300) }
    expect(violations(files)).toEqual(['long file: lib/long.ts has 301 lines, at most 300 may be in it'])
    expect(violations(files, { LONG_FILES: { 'lib/long.ts': 'a table' } })).toEqual([])
  })

  test('an exception that nothing needs is found', () => {
    expect(violations({ 'lib/l.ts': '' }, { LONG_FILES: { 'lib/l.ts': 'a table' } })).toEqual([
      'needless exception: LONG_FILES names lib/l.ts',
    ])
  })

  test('a line of 111 columns is found, unless a text reaches the edge', () => {
    const wide = (start: string, end: string) =>
      `${start}${'x'.repeat(111 - start.length - end.length)}${end}`
    const lines = [
      wide('// ', ''),
      wide('// ', '').slice(0, LIMITS.columns),
      wide("export const a = '", "'"),
      wide('export const b = /', '/'),
      `${wide('export const c = `', '')}\n\``,
      wide('export const d', '=  1'),
    ]
    expect(wideLines(treeOf({ 'lib/l.ts': lines.join('\n') }), LIMITS.columns)).toEqual([
      'wide line: lib/l.ts:1 has 111 columns',
      'wide line: lib/l.ts:7 has 111 columns',
    ])
  })
})
