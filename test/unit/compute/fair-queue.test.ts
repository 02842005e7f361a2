import { expect, test } from 'vitest'
import { FairQueue } from '../../../src/compute/fair-queue.ts'

/** Takes `count` items one after the other; each takes as long as `costs` says of its automation. */
function serve(queue: FairQueue<string>, count: number, costs: Readonly<Record<string, number>>): string[] {
  const served: string[] = []
  for (let i = 0; i < count; i++) {
    const taken = queue.take()
    if (taken === undefined) break
    served.push(taken.item)
    queue.finished(taken.id, costs[taken.id]!)
  }
  return served
}

test('automations whose work costs the same take turns', () => {
  const queue = new FairQueue<string>()
  for (let i = 0; i < 4; i++) queue.add('a', `a${i}`)
  for (let i = 0; i < 4; i++) queue.add('b', `b${i}`)
  expect(serve(queue, 8, { a: 1, b: 1 })).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'a3', 'b3'])
})

test('the time that was used counts, not the number of items', () => {
  const queue = new FairQueue<string>()
  for (let i = 0; i < 100; i++) queue.add('slow', 'slow')
  for (let i = 0; i < 100; i++) queue.add('quick', 'quick')
  const served = serve(queue, 101, { slow: 100, quick: 1 })
  expect(served.filter((item) => item === 'slow')).toHaveLength(1)
})

test('who comes late begins at the present: neither behind nor ahead of the others', () => {
  const queue = new FairQueue<string>()
  for (let i = 0; i < 50; i++) queue.add('early', 'early')
  serve(queue, 40, { early: 10 })
  for (let i = 0; i < 10; i++) queue.add('late', 'late')
  const served = serve(queue, 8, { early: 10, late: 10 })
  expect(served.filter((item) => item === 'late')).toHaveLength(4)
})

test('what was used is remembered while others wait, and forgotten when nobody does', () => {
  const queue = new FairQueue<string>()
  queue.add('a', 'a0')
  serve(queue, 1, { a: 1_000 })
  queue.add('a', 'a1')
  queue.add('b', 'b0')
  expect(serve(queue, 2, { a: 1, b: 1 })).toHaveLength(2)
  expect(queue.take()).toBeUndefined()
})

test('drains what was not taken', () => {
  const queue = new FairQueue<string>()
  queue.add('a', 'a0')
  queue.add('b', 'b0')
  queue.take()
  expect(queue.drain()).toEqual(['b0'])
  expect(queue.take()).toBeUndefined()
})
