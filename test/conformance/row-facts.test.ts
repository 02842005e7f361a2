import { describe, expect, test } from 'vitest'
import { leaves } from '../helpers/sample-calls.ts'
import { useComparison } from './lib/comparison.ts'
import { wireTree } from './lib/wire-tree.ts'

type Info = [string, [string, string, string, string[], string, string, string]]

describe('rows have the facts that COMMAND INFO tells', () => {
  const comparison = useComparison()

  const rows = leaves().flatMap((row) => (row.kind === 'connection' ? [] : [row]))

  test.each(rows.map((row) => [row.name, row] as const))('%s', async (name, { arity, flags, keys }) => {
    const [resp2] = await comparison.reference.run(['COMMAND', 'INFO', name].map((word) => Buffer.from(word)))
    const [, [, , realArity, [, ...realFlags], first, last, step]] = wireTree(resp2) as Info
    const real = [realArity, first, last, step].map((integer) => Number(integer.slice(1)))
    expect([arity, keys.first, keys.last, keys.step]).toEqual(real)
    // Redis has may_replicate, and does not tell it.
    const told = flags.filter((flag) => flag !== 'may_replicate')
    expect(told.sort()).toEqual(realFlags.map((flag) => flag.trim().slice(1)).sort())
  })
})
