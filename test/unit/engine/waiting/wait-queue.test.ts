import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Turn, type WaitEntry, WaitQueue } from '../../../../src/engine/waiting/wait-queue.ts'

let positions = 0

/** A client that waits at `keys`; it takes from others of its `competition`, or from nobody. */
const waiter = (keys: readonly string[], competition: string | null = 'list'): WaitEntry => ({
  keys: new Map(keys.map((key) => [key, Buffer.from(key)])),
  competition: competition ?? undefined,
  position: positions++,
  isBlocked: false,
  triedAt: 0,
})

/** They wait: each has been tried once in vain. */
function blocked(queue: WaitQueue<WaitEntry>, ...entries: readonly WaitEntry[]): void {
  for (const entry of entries) {
    queue.add(entry)
    queue.enter(entry)
  }
  settle(queue, () => false)
}

/** Tries everybody who may find something, until nobody may; answers the places of those tried, in order. */
function settle(queue: WaitQueue<WaitEntry>, finds: (turn: Turn<WaitEntry>) => boolean, most = 64): number[] {
  const tried: number[] = []
  for (let turns = queue.next(most); turns.length > 0; turns = queue.next(most)) {
    for (const turn of turns) {
      tried.push(turn.entry.position)
      const found = finds(turn)
      queue.tried(turn, found)
      if (found) queue.delete(turn.entry)
      else turn.entry.isBlocked = true
    }
  }
  return tried
}

describe('the first try', () => {
  test('is at all keys, as the command itself, and only once', () => {
    const queue = new WaitQueue<WaitEntry>()
    const entry = waiter(['a', 'b'])
    queue.add(entry)
    expect(queue.next(64)).toEqual([])
    queue.enter(entry)
    expect(queue.next(64)).toEqual([{ entry, names: undefined }])
    queue.tried({ entry, names: undefined }, false)
    entry.isBlocked = true
    expect(queue.next(64)).toEqual([])
  })

  test('comes after that of those who began before and want the same', () => {
    const queue = new WaitQueue<WaitEntry>()
    const [early, late] = [waiter(['k']), waiter(['k'])]
    blocked(queue, early)
    queue.add(late)
    queue.enter(late)
    expect(settle(queue, () => false)).toEqual([early.position, late.position])
  })
})

describe('a wake', () => {
  test('gives those at the key a try, in the order in which they began, whatever the order of adding', () => {
    const queue = new WaitQueue<WaitEntry>()
    const entries = Array.from({ length: 4 }, () => waiter(['k'], null))
    const elsewhere = waiter(['other'], null)
    blocked(queue, ...entries.toReversed(), elsewhere)
    queue.wake('k')
    expect(settle(queue, () => false)).toEqual(entries.map(({ position }) => position))
    expect(settle(queue, () => false)).toEqual([])
  })

  test('of a key that nobody waits at is forgotten', () => {
    const queue = new WaitQueue<WaitEntry>()
    queue.wake('k')
    blocked(queue, waiter(['other']))
    const late = waiter(['k'])
    queue.add(late)
    late.isBlocked = true
    expect(queue.next(64)).toEqual([])
  })

  test('names the woken keys in the order of the wakes, and no others', () => {
    const queue = new WaitQueue<WaitEntry>()
    const entry = waiter(['a', 'b', 'c'])
    blocked(queue, entry)
    queue.wake('c')
    queue.wake('a')
    expect(queue.next(64).map(({ names }) => names!.map(String))).toEqual([['c', 'a']])
  })

  test('that comes while one is tried gives another try', () => {
    const queue = new WaitQueue<WaitEntry>()
    const entry = waiter(['k'])
    blocked(queue, entry)
    queue.wake('k')
    const [turn] = queue.next(64)
    queue.wake('k')
    queue.tried(turn!, false)
    expect(queue.next(64).map(({ entry: { position } }) => position)).toEqual([entry.position])
  })

  test('that comes after a competitor found nothing makes up for that', () => {
    const queue = new WaitQueue<WaitEntry>()
    const entries = [waiter(['k']), waiter(['k'])]
    blocked(queue, ...entries)
    queue.wake('k')
    const [first] = queue.next(1)
    queue.tried(first!, false)
    queue.wake('k')
    expect(queue.next(64).map(({ entry: { position } }) => position)).toEqual(
      entries.map(({ position }) => position),
    )
  })

  test('is dropped by a rest', () => {
    const queue = new WaitQueue<WaitEntry>()
    blocked(queue, waiter(['k']))
    queue.wake('k')
    queue.rest()
    expect(queue.next(64)).toEqual([])
  })
})

describe('competition', () => {
  test('four at a time look at a key, and none more once one of them found nothing', () => {
    const queue = new WaitQueue<WaitEntry>()
    const entries = Array.from({ length: 10 }, () => waiter(['k']))
    blocked(queue, ...entries)
    queue.wake('k')
    const turns = queue.next(64)
    expect(turns.map(({ entry }) => entry)).toEqual(entries.slice(0, 4))
    for (const turn of turns) queue.tried(turn, false)
    expect(queue.next(64)).toEqual([])
  })

  test('it grows wider by one for each who found something', () => {
    const queue = new WaitQueue<WaitEntry>()
    blocked(queue, ...Array.from({ length: 30 }, () => waiter(['k'])))
    queue.wake('k')
    const sizes: number[] = []
    for (let turns = queue.next(64); turns.length > 0; turns = queue.next(64)) {
      sizes.push(turns.length)
      for (const turn of turns) {
        queue.tried(turn, true)
        queue.delete(turn.entry)
      }
    }
    expect(sizes).toEqual([4, 8, 16, 2])
  })

  test('nobody is tried beyond what the caller takes, and the rest comes next', () => {
    const queue = new WaitQueue<WaitEntry>()
    const entries = Array.from({ length: 7 }, () => waiter(['k'], null))
    blocked(queue, ...entries)
    queue.wake('k')
    expect(queue.next(5).map(({ entry }) => entry)).toEqual(entries.slice(0, 5))
    expect(queue.next(5).map(({ entry }) => entry)).toEqual(entries.slice(5))
  })

  test('others than the rivals of who found nothing are tried all the same', () => {
    const queue = new WaitQueue<WaitEntry>()
    const [list, zset, reader] = [waiter(['k'], 'list'), waiter(['k'], 'zset'), waiter(['k'], null)]
    const second = waiter(['k'], 'list')
    blocked(queue, list, zset, reader, second)
    queue.wake('k')
    const [first, ...rest] = queue.next(64)
    queue.tried(first!, false)
    expect(rest.map(({ entry }) => entry)).toEqual([zset, reader, second])
    for (const turn of rest.slice(0, 2)) queue.tried(turn, turn.entry === zset)
    expect(queue.next(64)).toEqual([])
  })

  test('one who waits at two keys overtakes nobody at the other', () => {
    const queue = new WaitQueue<WaitEntry>()
    const four = Array.from({ length: 4 }, () => waiter(['a']))
    const [both, behind] = [waiter(['a', 'b']), waiter(['b'])]
    blocked(queue, ...four, both, behind)
    queue.wake('a')
    queue.wake('b')
    // There is room at b, but `both` has to wait for a, and who is behind it at b must not overtake it.
    expect(queue.next(64).map(({ entry }) => entry)).toEqual(four)
  })
})

test('whoever left is not tried, and its key is not waited at any more', () => {
  const queue = new WaitQueue<WaitEntry>()
  const [gone, stays] = [waiter(['a', 'k']), waiter(['k'])]
  blocked(queue, gone, stays)
  expect([...queue.keys.keys()].sort()).toEqual(['a', 'k'])
  expect([queue.delete(gone), queue.delete(gone)]).toEqual([true, false])
  expect([...queue.keys.keys()]).toEqual(['k'])
  queue.wake('a')
  queue.wake('k')
  expect(settle(queue, () => false)).toEqual([stays.position])
})

/**
 * Elements at keys: who is tried takes one, if there is any; in the end nothing lies where somebody waits,
 * and the earlier ones were served.
 */
test('with any wakes, elements go to those who waited longest, and none is left where somebody waits', () => {
  const key = fc.constantFrom('a', 'b', 'c')
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('wait' as const),
      keys: fc.uniqueArray(key, { minLength: 1, maxLength: 2 }),
    }),
    fc.record({ kind: fc.constant('push' as const), key, count: fc.integer({ min: 1, max: 6 }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), (steps, most) => {
      const queue = new WaitQueue<WaitEntry>()
      const elements = new Map<string, number>()
      const take = ({ entry, names }: Turn<WaitEntry>): boolean => {
        const found = (names?.map(String) ?? [...entry.keys.keys()]).find(
          (name) => (elements.get(name) ?? 0) > 0,
        )
        if (found === undefined) return false
        const earlier = [...queue.entries].filter(
          ({ position, keys }) => position < entry.position && keys.has(found),
        )
        expect(earlier).toEqual([])
        elements.set(found, elements.get(found)! - 1)
        return true
      }
      for (const one of steps) {
        if (one.kind === 'wait') {
          const entry = waiter(one.keys)
          queue.add(entry)
          queue.enter(entry)
        } else {
          elements.set(one.key, (elements.get(one.key) ?? 0) + one.count)
          queue.wake(one.key)
        }
        settle(queue, take, most)
        for (const waited of queue.keys.keys())
          expect([waited, elements.get(waited) ?? 0]).toEqual([waited, 0])
      }
    }),
  )
})
