import { expect, test } from 'vitest'
import { Pauses } from '../../../src/session/pauses.ts'

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('those who waited go on one in each turn of the event loop', async () => {
  const pauses = new Pauses()
  pauses.begin('a', 60_000, true)
  const resumed: number[] = []
  const proceeds = Array.from({ length: 5 }, (_, i) => () => void resumed.push(i))
  for (const proceed of proceeds) expect(pauses.holds('a', () => false, proceed)).toBe(true)
  pauses.forget('a', proceeds[3]!)
  pauses.end('a')
  expect(resumed).toEqual([0])
  await nextTurn()
  expect(resumed).toEqual([0, 1])
  for (let i = 0; i < 4; i++) await nextTurn()
  expect(resumed).toEqual([0, 1, 2, 4])
  expect(
    pauses.holds(
      'a',
      () => true,
      () => {},
    ),
  ).toBe(false)
})

test('holds what may write, or all, of its own automation; a second one only makes it wider', () => {
  const pauses = new Pauses()
  const holds = (id: string, mayWrite: boolean): boolean =>
    pauses.holds(
      id,
      () => mayWrite,
      () => {},
    )
  pauses.begin('a', 60_000, false)
  expect([holds('a', true), holds('a', false), holds('b', true)]).toEqual([true, false, false])
  pauses.begin('a', 1, true)
  expect(holds('a', false)).toBe(true)
  pauses.begin('a', 1, false)
  expect(holds('a', false)).toBe(true)
  pauses.end('a')
  expect(holds('a', true)).toBe(false)
})
