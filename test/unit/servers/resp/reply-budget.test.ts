import { describe, expect, test } from 'vitest'
import { ReplyBudget } from '../../../../src/servers/resp/reply-budget.ts'

const KIB = 1024
const MIB = 1024 * KIB

describe('the bytes on their way from the backing Redis', () => {
  test('are shared by all connections, and each may always have one request on its way', () => {
    const budget = new ReplyBudget()
    const [greedy, other] = [budget.join(), budget.join()]
    greedy.charge(16, MIB)
    expect(greedy.allows(16, MIB, 0)).toBe(false)
    expect(other.allows(1, 1, 0)).toBe(false)
    expect(other.allows(0, MIB, 0)).toBe(true)
    greedy.charge(15, MIB)
    expect(other.allows(1, MIB, 0)).toBe(true)
    expect(other.allows(1, MIB + 1, 0)).toBe(false)
  })

  test('are given back when the replies have come', () => {
    const budget = new ReplyBudget()
    const share = budget.join()
    share.charge(16, MIB)
    share.charge(16, MIB)
    expect(budget.leaves(1)).toBe(false)
    share.charge(0, MIB)
    expect(budget.leaves(16 * MIB)).toBe(true)
    expect(budget.leaves(16 * MIB + 1)).toBe(false)
  })

  test('go on to count when the connection has gone, until they are here', () => {
    const budget = new ReplyBudget()
    const share = budget.join()
    share.charge(10, MIB)
    share.leave()
    expect(budget.leaves(7 * MIB)).toBe(false)
    share.charge(0, MIB)
    expect(budget.leaves(16 * MIB)).toBe(true)
  })
})

describe('the bytes that lie unsent', () => {
  test('and those expected stay within 2 MiB of a connection', () => {
    const share = new ReplyBudget().join()
    expect(share.allows(3, 512 * KIB, 0)).toBe(true)
    expect(share.allows(3, 512 * KIB, 1)).toBe(false)
    expect(share.allows(0, MIB, 2 * MIB)).toBe(true)
    expect(share.allows(0, MIB, 2 * MIB + 1)).toBe(false)
  })

  test('may be less for each when many connections do not read, but never less than 64 KiB', () => {
    const budget = new ReplyBudget()
    const slow = Array.from({ length: 63 }, () => budget.join())
    for (const share of slow) share.allows(0, 1, 3 * MIB)
    expect(budget.unsentBytes).toBe(MIB)
    for (let i = 0; i < 10_000; i++) budget.join().allows(0, 1, 3 * MIB)
    expect(budget.unsentBytes).toBe(64 * KIB)
    expect(budget.join().allows(0, 1, 64 * KIB)).toBe(true)
  })

  test('count no more when a slow connection reads again or has gone', () => {
    const budget = new ReplyBudget()
    const slow = Array.from({ length: 63 }, () => budget.join())
    for (const share of slow) share.allows(0, 1, 3 * MIB)
    for (const [i, share] of slow.entries()) {
      if (i % 2 === 0) share.leave()
      else expect(share.allows(0, 1, 0)).toBe(true)
    }
    expect(budget.unsentBytes).toBe(2 * MIB)
  })
})
