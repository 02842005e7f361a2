import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { MeanWait, Turn } from '../../../src/compute/turn.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

/** It waits for a key, and computes with it. */
function look(turn: Turn, waitMs: number, computeMs: number): void {
  vi.advanceTimersByTime(waitMs)
  turn.waited(waitMs, 1)
  vi.advanceTimersByTime(computeMs)
}

test('a computation that has not waited stays, as long as waits are short', () => {
  const mean = new MeanWait()
  expect(new Turn(0, mean).isOver).toBe(false)
  for (let i = 0; i < 100; i++) mean.note(50)
  expect(new Turn(0, mean).isOver).toBe(true)
})

test('it stays until it has waited as long as it takes to run anew', () => {
  const turn = new Turn(0, new MeanWait())
  vi.advanceTimersByTime(10)
  let looks = 0
  for (; !turn.isOver; looks++) look(turn, 1, 0)
  expect(looks).toBeGreaterThan(5)
  expect(looks).toBeLessThan(20)
})

test('the more it has read, the longer it stays', () => {
  const few = new Turn(1, new MeanWait())
  const many = new Turn(1_000, new MeanWait())
  for (const turn of [few, many]) look(turn, 5, 0)
  expect([few.isOver, many.isOver]).toEqual([true, false])
})

test('one that computes most of the time stays', () => {
  const turn = new Turn(0, new MeanWait())
  for (let i = 0; i < 50; i++) {
    look(turn, 1, 5)
    expect(turn.isOver).toBe(false)
  }
})
