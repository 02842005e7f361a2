import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { programRuns } from '../../scripts/lib/programs-page.mjs'
import { PROGRAMS } from './lib/catalog.mjs'

const SCENARIOS = join(import.meta.dirname, 'scenarios')
/** What scenarios share, and what tells of packages. */
const SHARED =
  /^(?:node\/check\.mjs|python\/(?:check|tasks)\.py|go\/(?:check|go\.(?:mod|sum))|java\/Check\.java)$/

describe('the catalogue of programs', () => {
  test('names each once, and its scenario', () => {
    const ids = PROGRAMS.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { scenario } of PROGRAMS) expect(existsSync(join(SCENARIOS, scenario)), scenario).toBe(true)
  })

  test('has every scenario', () => {
    const named = new Set(PROGRAMS.map(({ scenario }) => scenario))
    const all = ['node', 'python', 'go', 'java'].flatMap((folder) =>
      readdirSync(join(SCENARIOS, folder)).map((name) => `${folder}/${name}`),
    )
    expect(all.filter((file) => !SHARED.test(file) && !named.has(file))).toEqual([])
  })
})

describe('the recorded runs of programs', () => {
  const runs = programRuns()

  test('are of the programs of the catalogue, in its order', () => {
    const facts = (of: ReadonlyArray<{ id: string; name: string; language: string }>): string[] =>
      of.map(({ id, name, language }) => `${id}: ${name}, ${language}`)
    expect(facts(runs)).toEqual(facts(PROGRAMS))
  })

  test('have no failure', () => {
    const failures = runs.flatMap(({ id, checks }) =>
      checks.filter(({ status }) => status === 'fail').map(({ check, note }) => `${id}, ${check}: ${note}`),
    )
    expect(failures).toEqual([])
    expect(runs.filter(({ checks }) => checks.length === 0)).toEqual([])
  })
})
