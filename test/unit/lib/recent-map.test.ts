import { describe, expect, test } from 'vitest'
import { RecentMap } from '../../../src/lib/recent-map.ts'

describe('a map of what was used lately', () => {
  const filled = (capacity: number, count: number): RecentMap<number> => {
    const map = new RecentMap<number>(capacity, () => 1)
    for (let i = 0; i < count; i++) map.set(`k${i}`, i)
    return map
  }

  test('holds no more than its capacity, and the last half of it', () => {
    for (const count of [1, 9, 10, 11, 25, 1_000]) {
      const map = filled(10, count)
      for (let i = count - 1; i >= Math.max(0, count - 5); i--) expect(map.get(`k${i}`)).toBe(i)
      if (count > 10) expect(map.get(`k${count - 11}`)).toBeUndefined()
    }
  })

  test('keeps what is used', () => {
    const map = filled(10, 1)
    for (let i = 1; i < 100; i++) {
      map.set(`other${i}`, i)
      expect(map.get('k0')).toBe(0)
    }
  })

  test('answers the latest value, and nothing that was deleted', () => {
    const map = filled(10, 7)
    for (let i = 0; i < 50; i++) map.set('k0', 100 + i)
    expect(map.get('k0')).toBe(149)
    expect(map.get('k6')).toBe(6)
    map.delete('k0')
    expect(map.get('k0')).toBeUndefined()
    map.clear()
    expect(map.get('k6')).toBeUndefined()
  })
})
