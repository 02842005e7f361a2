// npm run test:conformance [-- options]: random commands against a real Redis, as long as wanted.
import { optionsOf } from './lib/options.mjs'

const HELP = `npm run test:conformance [-- options]

  --runs <n>   sequences of commands, default 10000
  --seed <n>   repeats the choices of an earlier run
`

const values = optionsOf(HELP, { runs: { type: 'string', default: '10000' }, seed: { type: 'string' } })
process.env.AUTOMATION_KV_TEST_RUNS = values.runs
if (values.seed !== undefined) process.env.AUTOMATION_KV_TEST_SEED = values.seed
process.argv.splice(2, process.argv.length, 'test/conformance/sequences')
await import('./test.mjs')
