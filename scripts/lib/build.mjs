import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { root, Stop, say } from './project.mjs'

const SOURCE = join(root, 'src')
const OUTPUT = join(root, 'dist')
const STAMP = '.stamp'

/** @param {string} folder @returns {string[]} */
const filesUnder = (folder) =>
  readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) =>
      entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)],
    )
    .sort()

/** What a build is made from: a README tells of its folder and goes nowhere. */
const sources = () => filesUnder(SOURCE).filter((name) => !name.endsWith('.md'))

/**
 * Names, sizes and times of all that a build depends on; unlike the newest time alone it also sees a file
 * that was deleted.
 */
const fingerprint = () => {
  const hash = createHash('sha256')
  for (const file of [...sources(), join(root, 'tsconfig.json'), join(root, 'package.json')]) {
    const { size, mtimeMs } = statSync(file)
    hash.update(`${file.slice(root.length)} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

const isFresh = () => {
  const stamp = join(OUTPUT, STAMP)
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint()
}

/** Builds when dist is missing or differs from the sources. */
export const ensureBuild = () => {
  if (isFresh()) return
  say('building dist')
  build()
}

/**
 * Compiles into a folder of its own and then moves it to dist, so that an interrupted build is never taken
 * for a good one.
 */
export const build = () => {
  const stamp = fingerprint()
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const work = mkdtempSync(join(root, '.tmp/build-'))
  try {
    const next = join(work, 'dist')
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const { status, error } = spawnSync(
      process.execPath,
      [compiler, '-p', join(root, 'tsconfig.json'), '--outDir', next],
      {
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    )
    if (status !== 0) throw new Stop(`the build failed${error ? `: ${error.message}` : ''}`)
    // Lua scripts and other assets stay beside the module that reads them.
    for (const file of sources().filter((name) => !name.endsWith('.ts'))) {
      const target = join(next, file.slice(SOURCE.length))
      mkdirSync(dirname(target), { recursive: true })
      copyFileSync(file, target)
    }
    const main = join(next, 'main.js')
    if (existsSync(main)) chmodSync(main, 0o755)
    writeFileSync(join(next, STAMP), stamp)
    replaceOutput(next, work)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * A rename does not replace a folder with content, and another build may put its own there meanwhile.
 * @param {string} next
 * @param {string} work
 */
const replaceOutput = (next, work) => {
  for (let attempt = 0; ; attempt++) {
    try {
      if (existsSync(OUTPUT)) renameSync(OUTPUT, join(work, `previous-${attempt}`))
      renameSync(next, OUTPUT)
      return
    } catch (error) {
      const { code = '' } = /** @type {NodeJS.ErrnoException} */ (error)
      if (attempt === 9 || !['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(code)) throw error
    }
  }
}
