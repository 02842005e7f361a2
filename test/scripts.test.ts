import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const run = (file: string, ...args: string[]) =>
  spawnSync(process.execPath, [fileURLToPath(new URL(`../${file}`, import.meta.url)), ...args], {
    encoding: 'utf8',
  })

test.each([
  ['bench', 'bench/run.mjs'],
  ['test:conformance', 'scripts/conformance.mjs'],
  ['test:abuse', 'test/abuse/run.mjs'],
  ['test:cost', 'test/cost/run.mjs'],
  ['test:load', 'test/load/run.mjs'],
  ['test:reliability', 'test/reliability/run.mjs'],
  ['test:soak', 'test/load/soak/run.mjs'],
])('npm run %s tells its options, and refuses others before it does anything', (name, file) => {
  const usage = `npm run ${name} [-- options]\n\n  `
  const told = run(file, '--help')
  expect([told.status, told.stdout.slice(0, usage.length), told.stderr]).toEqual([0, usage, ''])
  const refused = run(file, '--such')
  expect([refused.status, refused.stdout, refused.stderr]).toEqual([
    2,
    '',
    `automation-kv: Unknown option '--such'\n\n${told.stdout}`,
  ])
})
