// The options of a script: its help, and a message instead of a stack for what is wrong with them.
import { parseArgs } from 'node:util'

/**
 * The values of `options` (see util.parseArgs). `--help` prints `help` and ends the process; an option that
 * is wrong ends it with exit code 2.
 * @template {NonNullable<import('node:util').ParseArgsConfig['options']>} Options
 * @param {string} help
 * @param {Options} options
 */
export const optionsOf = (help, options) => {
  const values = parsed(help, options)
  if ('help' in values && values.help) {
    process.stdout.write(help)
    process.exit(0)
  }
  return values
}

/**
 * @template {NonNullable<import('node:util').ParseArgsConfig['options']>} Options
 * @param {string} help
 * @param {Options} options
 */
const parsed = (help, options) => {
  try {
    return parseArgs({ options: { ...options, help: { type: 'boolean' } } }).values
  } catch (error) {
    process.stderr.write(`automation-kv: ${/** @type {Error} */ (error).message}\n\n${help}`)
    return process.exit(2)
  }
}
