// What every script needs. Plain JavaScript without dependencies, since it runs before `npm ci`.
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * What the scripts do is told on standard error, so that standard output stays that of the command.
 * @param {string} message
 */
export const say = (message) => process.stderr.write(`automation-kv: ${message}\n`)

/** A problem that its reader can solve: shown as a message, without a stack. */
export class Stop extends Error {}

/**
 * Runs a script's main function; its result, if any, becomes the exit code.
 * @param {() => number | void | Promise<number | void>} main
 */
export const run = async (main) => {
  try {
    process.exitCode = (await main()) ?? 0
  } catch (error) {
    process.stderr.write(
      error instanceof Stop
        ? `automation-kv: ${error.message}\n`
        : `${error instanceof Error ? error.stack : error}\n`,
    )
    process.exitCode = 1
  }
}
