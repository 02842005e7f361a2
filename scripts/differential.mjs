// npm run test:differential [-- --runs 100000] [--seed 1]: random commands against a real Redis, as long as wanted.
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '10000' }, seed: { type: 'string' } } })
process.env.AUTOMATION_KV_TEST_RUNS = values.runs
if (values.seed !== undefined) process.env.AUTOMATION_KV_TEST_SEED = values.seed
process.argv.splice(2, process.argv.length, 'test/differential')
await import('./test.mjs')
