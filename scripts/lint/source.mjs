// What the rules of the tree need to know of source files: names, lines, imports, and where texts lie.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join, posix } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'

const CODE = ['.ts', '.mts', '.mjs', '.js']

/**
 * @typedef {object} SourceFile
 * @property {string} path from the folder that was read, with slashes
 * @property {string[]} lines
 * @property {string[]} imports the files it imports, in whichever way (also as types, also at run time), as
 *   paths
 * @property {(line: number, column: number) => boolean} isText whether a string, template or regular
 *   expression lies there
 */

/** @param {string} folder @returns {string[]} */
const namesUnder = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory())
      return namesUnder(join(folder, entry.name)).map((name) => `${entry.name}/${name}`)
    return CODE.includes(extname(entry.name)) ? [entry.name] : []
  })

/** @param {string} path @param {string} text @returns {SourceFile} */
const parse = (path, text) => {
  const { program, errors } = parseSync(path, text)
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`)
  /** @type {Set<string>} */
  const imports = new Set()
  /** @type {{ start: number, end: number }[]} */
  const texts = []
  /** @param {{ source: { type: string, value?: unknown } | null }} node */
  const imported = ({ source }) => {
    const name = source?.value
    if (typeof name === 'string' && name.startsWith('.')) imports.add(posix.join(dirname(path), name))
  }
  new Visitor({
    ImportDeclaration: imported,
    ExportNamedDeclaration: imported,
    ExportAllDeclaration: imported,
    ImportExpression: imported,
    TSImportType: imported,
    Literal: (node) => {
      if (typeof node.value === 'string' || 'regex' in node) texts.push(node)
    },
    TemplateLiteral: (node) => void texts.push(node),
  }).visit(program)
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const starts = [0]
  for (const line of lines) starts.push(/** @type {number} */ (starts.at(-1)) + line.length + 1)
  return {
    path,
    lines,
    imports: [...imports].sort(),
    isText: (line, column) => {
      const at = /** @type {number} */ (starts[line]) + column
      return texts.some(({ start, end }) => start <= at && at < end)
    },
  }
}

/** All code files in a folder and those below it. @param {string} folder @returns {SourceFile[]} */
export const readTree = (folder) =>
  namesUnder(folder)
    .sort()
    .map((path) => parse(path, readFileSync(join(folder, path), 'utf8')))
