// npm run build: compiles src to dist, whether or not something changed.
import { build } from './lib/build.mjs'
import { ensureDependencies } from './lib/dependencies.mjs'
import { run } from './lib/project.mjs'

await run(() => {
  ensureDependencies()
  build()
})
