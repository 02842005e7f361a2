import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Tests start what they need: settings of the shell must neither steer them nor lead them to a Redis that holds real data.
for (const name of Object.keys(process.env)) {
  if (/^(?:REDIS_URL|AUTOMATION_(?!KV_TEST_).*)$/.test(name)) delete process.env[name]
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Processes, not threads: servers, signals and exit handlers belong to a process.
    pool: 'forks',
    maxWorkers: Math.min(4, Math.max(2, availableParallelism())),
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    silent: 'passed-only',
  },
})
