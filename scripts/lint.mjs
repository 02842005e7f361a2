// npm run lint: format and rules of the code (Biome), the order of the tree, and what nothing uses (knip).
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ensureDependencies } from './lib/dependencies.mjs'
import { root, run, say } from './lib/project.mjs'

/** @param {string} title @param {string} program @param {string[]} args */
const ends = (title, program, args) => {
  say(title)
  const { status, error } = spawnSync(process.execPath, [join(root, 'node_modules', program), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (error !== undefined) throw error
  return status === 0
}

/** After the packages are there: oxc-parser is one of them. */
const isTreeInOrder = async () => {
  say('the order of the tree')
  const { readTree } = await import('./lint/source.mjs')
  const { treeViolations, wideLines } = await import('./lint/tree.mjs')
  const { LAYERS, LIMITS, LONG_FILES } = await import('./lint/layers.mjs')
  const wide = ['src', 'test', 'bench', 'scripts'].flatMap((folder) =>
    wideLines(readTree(join(root, folder)), LIMITS.columns).map((line) => line.replace(': ', `: ${folder}/`)),
  )
  const found = [...treeViolations(readTree(join(root, 'src')), { LAYERS, LIMITS, LONG_FILES }), ...wide]
  for (const violation of found) process.stdout.write(`${violation}\n`)
  if (found.length > 0) process.stdout.write(`${found.length} violations of scripts/lint/layers.mjs\n`)
  return found.length === 0
}

await run(async () => {
  ensureDependencies()
  const results = [
    ends('format and rules of the code', '@biomejs/biome/bin/biome', [
      'check',
      '--error-on-warnings',
      '--max-diagnostics=200',
    ]),
    await isTreeInOrder(),
    ends('what nothing uses', 'knip/bin/knip.js', []),
  ]
  return results.every(Boolean) ? 0 : 1
})
