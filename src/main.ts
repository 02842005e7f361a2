#!/usr/bin/env node
import './lib/compile-cache.ts'

// An import that is not awaited here would be compiled before the cache is there.
const { run } = await import('./cli/program.ts')
await run()
