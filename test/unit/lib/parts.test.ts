import { expect, test } from 'vitest'
import { finish, mapInParts, type Parts, sortInParts } from '../../../src/lib/parts.ts'

function counted<T>(parts: Parts<T>): { steps: number; result: T } {
  for (let steps = 1; ; steps++) {
    const { done, value } = parts.next()
    if (done === true) return { steps, result: value as T }
  }
}

test('each item is mapped once, in its order, some at a time', () => {
  const items = Array.from({ length: 10_000 }, (_, i) => i)
  const { steps, result } = counted(mapInParts(items, (i) => i * 2))
  expect(result).toEqual(items.map((i) => i * 2))
  expect(steps).toBeGreaterThan(50)
  expect(finish(mapInParts([], () => 1))).toEqual([])
})

test.each([0, 1, 2_047, 2_048, 2_049, 10_000, 50_001])(
  '%d items are sorted as by sort, and stably',
  (count) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    let state = seed
    const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31)
    const items = Array.from({ length: count }, (_, place) => ({ key: random() % 100, place }))
    const byKey = (a: { key: number }, b: { key: number }): number => a.key - b.key
    const { steps, result } = counted(sortInParts(items, byKey))
    expect(result, `seed ${seed}`).toEqual(items.toSorted(byKey))
    if (count > 10_000) expect(steps).toBeGreaterThan(20)
  },
)
