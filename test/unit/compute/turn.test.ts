import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { MeanWait, Turn } from '../../../src/compute/turn.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

test('a computation that has not waited stays, as long as waits are short', () => {
  const mean = new MeanWait()
  expect(new Turn(0, mean).isOver(0)).toBe(false)
  for (let i = 0; i < 100; i++) mean.note(50)
  expect(new Turn(0, mean).isOver(0)).toBe(true)
})

test('it stays until it has waited as long as it takes to run anew', () => {
  const turn = new Turn(0, new MeanWait())
  vi.advanceTimersByTime(10)
  let looks = 0
  for (; !turn.isOver(10); looks++) {
    vi.advanceTimersByTime(1)
    turn.waited(1, 1)
  }
  expect(looks).toBeGreaterThan(5)
  expect(looks).toBeLessThan(20)
})

test('the more it has read, the longer it stays', () => {
  const few = new Turn(1, new MeanWait())
  const many = new Turn(1_000, new MeanWait())
  vi.advanceTimersByTime(5)
  expect([few.isOver(0), many.isOver(0)]).toEqual([true, false])
  few.waited(5, 1_000)
  expect(few.isOver(0)).toBe(false)
})

test('one that computes most of the time stays', () => {
  const turn = new Turn(0, new MeanWait())
  for (let i = 1; i <= 50; i++) {
    vi.advanceTimersByTime(6)
    turn.waited(1, 1)
    expect(turn.isOver(5 * i)).toBe(false)
  }
})
