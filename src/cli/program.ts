import { Command, CommanderError } from 'commander'
import { ConfigError } from '../config/load.ts'
import { commandsCommand } from './commands.ts'
import { serveCommand } from './serve.ts'
import { tokenCommand } from './token.ts'

const program = new Command('automation-kv')
  .description(
    'A Redis-compatible server that gives every automation its own private, encrypted, durable key-value store.',
  )
  .addHelpText(
    'after',
    `
Examples:
  automation-kv serve                                  start; without REDIS_URL a Redis of its own keeps the data in ./data
  automation-kv serve --help                           all settings with their defaults
  automation-kv token mint --automation demo --ttl 2h  make a token for one run of the automation "demo"
  automation-kv token inspect < token.txt              what is in a token, and whether it is valid
  automation-kv commands                               the commands that Redis clients may use`,
  )
  .showHelpAfterError()
  .exitOverride()

program.addCommand(serveCommand(), { isDefault: true })
program.addCommand(tokenCommand())
program.addCommand(commandsCommand())

/** Runs the command line; what went wrong is told once, on standard error. */
export async function run(): Promise<void> {
  try {
    await program.parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode
    } else {
      const problems = error instanceof ConfigError ? error.problems : [(error as Error).message]
      for (const problem of problems) process.stderr.write(`automation-kv: ${problem}\n`)
      process.exitCode = 1
    }
  }
}
