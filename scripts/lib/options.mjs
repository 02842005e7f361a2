// The options of a script: its help, and a message instead of a stack for what is wrong with them.
import { parseArgs } from 'node:util'

/** The values of `options` (see util.parseArgs). `--help` prints `help` and ends the process; an option that is wrong ends it with exit code 2. */
export const optionsOf = (help, options) => {
  let values
  try {
    ;({ values } = parseArgs({ options: { ...options, help: { type: 'boolean' } } }))
  } catch (error) {
    process.stderr.write(`automation-kv: ${error.message}\n\n${help}`)
    process.exit(2)
  }
  if (values.help) {
    process.stdout.write(help)
    process.exit(0)
  }
  return values
}
