import { Command } from 'commander'

/** One line a command, with what is refused and why at the end. */
export function commandsCommand(): Command {
  return new Command('commands')
    .description('list the commands that Redis clients may use')
    .action(async () => {
      const { COMMANDS } = await import('../commands/table.ts')
      const rows = [...COMMANDS.rows.values()].sort((a, b) => a.name.localeCompare(b.name))
      for (const row of rows) {
        if (row.kind === 'refused') continue
        const leaves = row.kind === 'container' ? [...row.subcommands.values()] : [row]
        for (const { name, syntax } of leaves)
          process.stdout.write(`${`${name.replace('|', ' ').toUpperCase()} ${syntax}`.trimEnd()}\n`)
      }
      process.stdout.write('\nNot offered:\n')
      for (const row of rows)
        if (row.kind === 'refused') process.stdout.write(`${row.name.toUpperCase()}: ${row.reason}\n`)
    })
}
