// Programs from their registries, each in a folder of its own below .tmp/programs, kept for the next run.
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { finish } from '../../../bench/lib/processes.mjs'
import { root } from '../../../scripts/lib/project.mjs'

/** @typedef {import('./types.mjs').Program} Program */

const SCENARIOS = fileURLToPath(new URL('../scenarios/', import.meta.url))

/** What has to be on the PATH. @type {Record<Program['language'], readonly string[]>} */
const TOOLS = { 'Node.js': ['npm'], Python: ['python3'], Go: ['go'], Java: ['mvn', 'javac', 'java'] }

/** @param {string} folder @param {string} command @param {string[]} args */
const within = (folder, command, args) =>
  finish('sh', ['-c', 'cd "$0" && exec "$@"', folder, command, ...args])

/** @param {string} path @returns {string} */
const contentOf = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .sort()
        .map((name) => `${name}\n${contentOf(join(path, name))}`)
        .join('\n')
    : readFileSync(path, 'utf8')

/**
 * Does `step` once for what is told in `of`.
 * @param {string} folder
 * @param {string} of
 * @param {() => Promise<unknown>} step
 */
const once = async (folder, of, step) => {
  const mark = join(folder, '.installed')
  const stamp = createHash('sha256').update(of).digest('hex')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === stamp) return
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await step()
  writeFileSync(mark, stamp)
}

/** @typedef {(program: Program, folder: string) => Promise<string[]>} Setup answers how it is run */

/** @type {Record<Program['language'], Setup>} */
const SETUPS = {
  'Node.js': async ({ scenario, packages = [] }, folder) => {
    await once(folder, packages.join(' '), async () => {
      writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}\n')
      const quiet = ['--no-audit', '--no-fund', '--legacy-peer-deps', '--ignore-scripts']
      await within(folder, 'npm', ['install', ...quiet, ...packages])
    })
    for (const name of readdirSync(join(SCENARIOS, 'node')))
      cpSync(join(SCENARIOS, 'node', name), join(folder, name))
    return [process.execPath, join(folder, scenario.replace(/^node\//, ''))]
  },
  Python: async ({ scenario, packages = [] }, folder) => {
    const python = join(folder, 'venv/bin/python')
    await once(folder, packages.join(' '), async () => {
      await finish('python3', ['-m', 'venv', join(folder, 'venv')])
      await finish(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...packages])
    })
    return [python, join(SCENARIOS, scenario)]
  },
  Go: async ({ scenario }, folder) => {
    const source = join(SCENARIOS, 'go')
    await once(folder, contentOf(source), async () => {
      cpSync(source, folder, { recursive: true })
      const main = `./${scenario.replace(/^go\//, '')}`
      await within(folder, 'go', ['build', '-mod=readonly', '-buildvcs=false', '-o', 'program', main])
    })
    return [join(folder, 'program')]
  },
  Java: async ({ scenario }, folder) => {
    const sources = [join(SCENARIOS, 'java/Check.java'), join(SCENARIOS, scenario)]
    await once(folder, sources.map(contentOf).join('\n'), async () => {
      cpSync(sources[0] ?? '', join(folder, 'Check.java'))
      cpSync(sources[1] ?? '', folder, { recursive: true })
      await within(folder, 'mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'])
      await within(folder, 'javac', ['-cp', 'lib/*', '-d', 'classes', 'Check.java', 'Scenario.java'])
    })
    return ['java', '-cp', `${join(folder, 'classes')}:${join(folder, 'lib', '*')}`, 'Scenario']
  },
}

/** Why a program cannot be tried here; undefined when it can. @param {Program} program */
export const missing = async ({ language }) => {
  for (const tool of TOOLS[language])
    if ((await finish('sh', ['-c', `command -v ${tool}`], { allowFailure: true })).code !== 0)
      return `${tool} is not installed`
  return undefined
}

/** Installs what is not there, and answers the command that runs the scenario. @param {Program} program */
export const install = (program) => SETUPS[program.language](program, join(root, '.tmp/programs', program.id))
