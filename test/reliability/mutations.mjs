// node test/reliability/mutations.mjs [name...]: does the harness find what it is for? Breaks the server on
// purpose, one way at a time, in a copy of the tree under the system's temporary folder, and expects a
// violation within a minute of each. Nothing in this tree is changed.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run, Stop } from '../../scripts/lib/project.mjs'
import { MUTATIONS } from './mutation-list.mjs'

const COPIED = [
  'src',
  'test',
  'scripts',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.test.json',
  'vitest.config.ts',
]

/**
 * Whether the harness finds one mutation, and after how many seconds.
 * @param {import('./mutation-list.mjs').Mutation} mutation
 * @param {string} copy the folder with the copy of the tree
 */
function tryOne({ name, faults, edits }, copy) {
  const before = new Map(edits.map(([file]) => [file, readFileSync(join(copy, file), 'utf8')]))
  const output = join(copy, 'report.json')
  try {
    for (const [file, from, to] of edits) {
      const text = readFileSync(join(copy, file), 'utf8')
      if (!text.includes(from)) throw new Stop(`${name}: ${file} no longer has: ${from}`)
      writeFileSync(
        join(copy, file),
        text.replace(from, () => to),
      )
    }
    const node = (/** @type {string[]} */ ...args) =>
      spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8', env })
    const env = {
      ...process.env,
      NO_COLOR: '1',
      AUTOMATION_KV_TEST_MINUTES: '1',
      AUTOMATION_KV_TEST_OUTPUT: output,
      AUTOMATION_KV_TEST_FAULTS: faults,
    }
    // Not `npm run build`, which might install packages into the folder of this tree.
    const built = node('--input-type=module', '-e', "(await import('./scripts/lib/build.mjs')).build()")
    if (built.status !== 0) throw new Stop(`${name}: the build failed\n${built.stdout}${built.stderr}`)
    const startedAt = performance.now()
    const { stdout, stderr } = node(
      'node_modules/vitest/vitest.mjs',
      'run',
      'test/reliability/reliability.test.ts',
    )
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    const [violation] = existsSync(output)
      ? JSON.parse(readFileSync(output, 'utf8')).violations
      : [/Error: .*/.exec(stdout + stderr)?.[0]]
    return { seconds, violation }
  } finally {
    for (const [file, text] of before) writeFileSync(join(copy, file), text)
    rmSync(output, { force: true })
  }
}

await run(() => {
  const copy = mkdtempSync(join(tmpdir(), 'akv-mutations-'))
  try {
    for (const item of COPIED)
      cpSync(join(root, item), join(copy, item), { recursive: true, preserveTimestamps: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    const chosen = process.argv.slice(2)
    let missed = 0
    for (const mutation of MUTATIONS.filter(({ name }) => chosen.length === 0 || chosen.includes(name))) {
      const { seconds, violation } = tryOne(mutation, copy)
      if (violation === undefined) missed++
      const verdict = violation === undefined ? 'NOT FOUND' : `found after ${seconds} s`
      process.stdout.write(
        `${mutation.name} (${mutation.what}): ${verdict}\n  ${(violation ?? '').split('\n')[0].slice(0, 200)}\n`,
      )
    }
    return missed === 0 ? 0 : 1
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
})
