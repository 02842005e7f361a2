import { describe, expect, test } from 'vitest'
import { TimeBudget } from '../../../../src/commands/scripting/time-budget.ts'

describe('the time budget', () => {
  test('quick scripts cost nothing, slow ones use up the burst, and it comes back', () => {
    const budget = new TimeBudget()
    for (let i = 0; i < 10_000; i++) budget.spend('a', 10, 0)
    expect(budget.allows('a', 200, 0)).toBe(true)
    for (let i = 0; i < 5; i++) {
      expect(budget.allows('a', 200, 0)).toBe(true)
      budget.spend('a', 200, 0)
    }
    expect(budget.allows('a', 200, 0)).toBe(false)
    expect(budget.allows('b', 200, 0)).toBe(true)
    expect(budget.allows('a', 200, 1000)).toBe(true)
    budget.spend('a', 300, 1000)
    expect(budget.allows('a', 200, 1000)).toBe(false)
    expect(budget.allows('a', 200, 60_000)).toBe(true)
  })
})
