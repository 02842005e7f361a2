// The rules of the tree: which way imports may go, no circles, and how much may lie in a folder or file.
import { dirname } from 'node:path'
import { circlesOf } from './circles.mjs'

/** @typedef {import('./source.mjs').SourceFile} SourceFile */
/** @typedef {typeof import('./layers.mjs')} Rules */
/** @typedef {Pick<Rules, 'LAYERS' | 'LIMITS' | 'LONG_FILES'>} TreeRules */

/** The imports of a graph as [from, to] pairs. @param {SourceFile[]} files @returns {[string, string][]} */
const importsOf = (files) => {
  const known = new Set(files.map(({ path }) => path))
  return files.flatMap(({ path, imports }) =>
    imports.filter((to) => known.has(to)).map((to) => /** @type {[string, string]} */ ([path, to])),
  )
}

/** @param {SourceFile[]} files @param {Rules['LAYERS']} layers */
const wrongDirections = (files, layers) => {
  const places = layers.flatMap((entry, level) => [entry].flat().map((name) => ({ name, level })))
  /** @param {string} path */
  const placeOf = (path) =>
    places
      .filter(({ name }) => path === name || path.startsWith(`${name}/`))
      .sort((a, b) => b.name.length - a.name.length)[0]
  const homeless = files.filter(({ path }) => placeOf(path) === undefined)
  const wrong = importsOf(files).flatMap(([from, to]) => {
    const [above, below] = [placeOf(from), placeOf(to)]
    if (above === undefined || below === undefined || above.name === below.name) return []
    if (below.level > above.level) return []
    const why = below.level === above.level ? 'lies beside' : 'lies above'
    return [`wrong direction: ${from} -> ${to} (${below.name} ${why} ${above.name})`]
  })
  return [...homeless.map(({ path }) => `no layer: ${path} belongs to no entry of LAYERS`), ...wrong]
}

/**
 * Circles among the nodes that `nodeOf` makes of files.
 * @param {[string, string][]} imports
 * @param {(path: string) => string} nodeOf
 */
const circlesAmong = (imports, nodeOf) => {
  /** @type {Map<string, Set<string>>} */
  const graph = new Map()
  /** @type {Map<string, string>} */
  const examples = new Map()
  for (const [from, to] of imports) {
    const [a, b] = [nodeOf(from), nodeOf(to)]
    if (a === b) continue
    graph.set(a, (graph.get(a) ?? new Set()).add(b))
    if (!examples.has(`${a} ${b}`)) examples.set(`${a} ${b}`, `${from} -> ${to}`)
  }
  return circlesOf(graph).map((circle) => ({
    name: circle.join(' -> '),
    steps: circle.slice(1).map((node, i) => /** @type {string} */ (examples.get(`${circle[i]} ${node}`))),
  }))
}

/** @param {SourceFile[]} files */
const circles = (files) => {
  const imports = importsOf(files)
  const found = circlesAmong(imports, (path) => path).map(({ name }) => `circle of files: ${name}`)
  const deepest = Math.max(0, ...files.map(({ path }) => path.split('/').length - 1))
  /**
   * Folders as they lie below the first `depth` levels; what lies directly in the top folder stands for
   * itself.
   * @param {number} depth
   */
  const folderAt = (depth) => (/** @type {string} */ path) => {
    const folders = path.split('/').slice(0, -1)
    return folders.length === 0 ? path : folders.slice(0, depth).join('/')
  }
  const shown = new Set()
  for (let depth = 1; depth <= deepest; depth++) {
    for (const { name, steps } of circlesAmong(imports, folderAt(depth))) {
      if (shown.has(name)) continue
      shown.add(name)
      found.push([`circle of folders: ${name}`, ...steps.map((step) => `    ${step}`)].join('\n'))
    }
  }
  return found
}

/** @param {SourceFile[]} files @param {TreeRules} rules */
const sizes = (files, { LIMITS, LONG_FILES }) => {
  /** @type {Map<string, number>} */
  const counts = new Map()
  for (const { path } of files) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)
  const folders = [...counts].flatMap(([folder, count]) => {
    const most = folder === '.' ? LIMITS.filesInTop : LIMITS.filesInFolder
    return count > most ? [`full folder: ${folder} has ${count} files, at most ${most} may lie in it`] : []
  })
  const long = new Map(files.map(({ path, lines }) => [path, lines.length > LIMITS.linesInFile]))
  const lengths = files
    .filter(({ path }) => long.get(path) && LONG_FILES[path] === undefined)
    .map(
      ({ path, lines }) =>
        `long file: ${path} has ${lines.length} lines, at most ${LIMITS.linesInFile} may be in it`,
    )
  const idle = Object.keys(LONG_FILES).filter((path) => !long.get(path))
  return [...folders, ...lengths, ...idle.map((path) => `needless exception: LONG_FILES names ${path}`)]
}

/**
 * What the source folder has against the rules.
 * @param {SourceFile[]} files
 * @param {TreeRules} rules
 * @returns {string[]} a message for each violation, with the files as paths from that folder
 */
export const treeViolations = (files, rules) => [
  ...wrongDirections(files, rules.LAYERS),
  ...circles(files),
  ...sizes(files, rules),
]

/**
 * Lines that are too wide, unless a text reaches over the edge.
 * @param {SourceFile[]} files
 * @param {number} columns
 */
export const wideLines = (files, columns) =>
  files.flatMap(({ path, lines, isText }) =>
    lines.flatMap((line, i) =>
      line.length > columns && !isText(i, columns - 1)
        ? [`wide line: ${path}:${i + 1} has ${line.length} columns`]
        : [],
    ),
  )
