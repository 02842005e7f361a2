// npm run docs: builds as far as needed, then writes what the docs take from the code: commands, settings,
// REST errors.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuild } from './lib/build.mjs'
import { ensureDependencies } from './lib/dependencies.mjs'
import { generated } from './lib/docs.mjs'
import { root, run, say } from './lib/project.mjs'

/** @param {string} file */
const built = (file) => import(new URL(`../dist/${file}`, import.meta.url).href)

await run(async () => {
  ensureDependencies()
  ensureBuild()
  const [{ COMMANDS }, { REFUSED_SUBCOMMANDS }, { SETTINGS }, { ERRORS }] = await Promise.all(
    ['commands/table.js', 'commands/refused.js', 'config/settings.js', 'errors/errors.js'].map(built),
  )
  const facts = {
    table: COMMANDS.rows,
    refusedSubcommands: REFUSED_SUBCOMMANDS,
    settings: SETTINGS,
    errors: ERRORS,
  }
  for (const { file, render } of generated(facts)) {
    const path = join(root, file)
    const before = existsSync(path) ? readFileSync(path, 'utf8') : ''
    const after = render(before)
    if (after === before) continue
    writeFileSync(path, after)
    say(`${file} is written anew`)
  }
})
