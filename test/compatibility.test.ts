import { describe, expect, test } from 'vitest'
import { clientRun, redisCommands, standing } from '../scripts/lib/compatibility.mjs'
import { REFUSED_SUBCOMMANDS } from '../src/commands/refused.ts'
import { COMMANDS } from '../src/commands/table.ts'

describe('commands of Redis 7.0', () => {
  const facts = { table: COMMANDS.rows, refusedSubcommands: REFUSED_SUBCOMMANDS }
  const commands = redisCommands().map((name) => ({ name, ...standing(name, facts) }))

  test('none is missing: each is served, or refused with a reason', () => {
    expect(commands).toHaveLength(366)
    expect(commands.filter(({ status }) => status === 'missing')).toEqual([])
    expect(commands.filter(({ status, reason }) => status === 'refused' && !reason)).toEqual([])
  })
})

describe('the recorded run of real clients', () => {
  test('has no failure', () => {
    const failures = (clientRun()?.clients ?? []).flatMap(({ id, results }) =>
      Object.entries(results)
        .filter(([, { status }]) => status === 'fail')
        .map(([feature]) => `${id}: ${feature}`),
    )
    expect(failures).toEqual([])
  })
})
