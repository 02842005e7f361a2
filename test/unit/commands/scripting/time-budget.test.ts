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

  test('a run of fifty milliseconds counts, a shorter one does not', () => {
    const budget = new TimeBudget()
    for (let i = 0; i < 1_000; i++) budget.spend('quick', 49.9, 0)
    for (let i = 0; i < 20; i++) budget.spend('slow', 50, 0)
    expect([
      budget.allows('quick', 200, 0),
      budget.allows('slow', 200, 0),
      budget.allows('slow', 201, 0),
    ]).toEqual([true, false, true])
  })

  test('a quarter of each second comes back', () => {
    const budget = new TimeBudget()
    budget.spend('a', 1_100, 0)
    expect(budget.allows('a', 200, 400)).toBe(false)
    expect(budget.allows('a', 200, 401)).toBe(true)
  })

  test('of many automations, the one that spent longest ago is forgotten', () => {
    const budget = new TimeBudget()
    for (let i = 0; i <= 10_000; i++) budget.spend(`a${i}`, 10_000, 0)
    expect([0, 1, 10_000].map((i) => budget.allows(`a${i}`, 200, 0))).toEqual([true, false, false])
  })
})
