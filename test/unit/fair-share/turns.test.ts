import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { STRANGERS } from '../../../src/fair-share/line.ts'
import { Turns } from '../../../src/fair-share/turns.ts'

/** Turns by a clock that only work moves. */
function start() {
  let now = 0
  const errors: Error[] = []
  const turns = new Turns(
    (error) => void errors.push(error),
    () => now,
  )
  const work = (ms: number): void => void (now += ms)
  /** Until nothing is queued any more. */
  const drain = async (): Promise<void> => {
    const queued = (): number => ['a', 'b', 'c'].reduce((sum, id) => sum + turns.lineOf(id).queued, 0)
    do {
      await nextTurn()
      // Pauses end.
      now += 0.01
    } while (queued() > 0)
  }
  return { turns, errors, work, drain }
}

describe('turns', () => {
  test('work of an automation that is alone is done at once, up to the time of a turn', async () => {
    const { turns, work, drain } = start()
    const line = turns.lineOf('a')
    let done = 0
    while (turns.mayStart(line) && done < 1_000) {
      work(0.1)
      done++
    }
    expect(done).toBeGreaterThanOrEqual(20)
    expect(done).toBeLessThan(40)
    await drain()
    expect(turns.mayStart(line)).toBe(true)
  })

  test('another is served at once when one has used up the turn, and the first is not', () => {
    const { turns, work } = start()
    const [a, b] = [turns.lineOf('a'), turns.lineOf('b')]
    expect(turns.mayStart(a)).toBe(true)
    work(1.5)
    expect(turns.mayStart(b)).toBe(true)
    expect(turns.mayStart(a)).toBe(false)
  })

  test.each([1, 50, 5_000])('%d pieces queued by one weigh as much as few of others', async (pieces) => {
    const { turns, work, drain } = start()
    const order: string[] = []
    const add = (id: string, count: number): void => {
      for (let i = 0; i < count; i++)
        turns.addRequest(turns.lineOf(id), () => {
          work(0.25)
          order.push(id)
        })
    }
    add('a', pieces)
    add('b', 8)
    add('c', 8)
    await drain()
    expect(order).toHaveLength(pieces + 16)
    const before = order.slice(0, order.lastIndexOf('b')).filter((id) => id === 'a').length
    expect(before).toBeLessThanOrEqual(Math.min(pieces, 12))
  })

  test('a long piece of work is made up for by waiting', async () => {
    const { turns, work, drain } = start()
    const order: string[] = []
    const add = (id: string, ms: number): void =>
      turns.addRequest(turns.lineOf(id), () => {
        work(ms)
        order.push(id)
      })
    add('a', 2.5)
    add('a', 2.5)
    for (let i = 0; i < 2; i++) add('b', 1)
    await drain()
    expect(order).toEqual(['a', 'b', 'b', 'a'])
  })

  test('who does long pieces all the time leaves others as much time as each took', async () => {
    const { turns, work, drain } = start()
    const [a, b] = [turns.lineOf('a'), turns.lineOf('b')]
    let done = 0
    const long = (): void => {
      work(8)
      done++
    }
    turns.addRequest(b, () => {})
    await drain()
    for (let i = 0; i < 3; i++) turns.addRequest(a, long)
    while (a.pausedUntil === 0) await nextTurn()
    expect(done).toBe(2)
    // What the other is sent meanwhile is worked on at once.
    expect(turns.mayStart(b)).toBe(true)
    expect(turns.mayStart(a)).toBe(false)
    work(8)
    await drain()
    expect(done).toBe(3)
  })

  test.each([
    ['of one who is alone', []],
    ['beside those who have not logged in', Object.values(STRANGERS)],
  ])('long pieces follow each other %s', async (_title, others) => {
    const { turns, work, drain } = start()
    let done = 0
    for (let i = 0; i < 10; i++) {
      for (const id of others) turns.addRequest(turns.lineOf(id), () => {})
      turns.addRequest(turns.lineOf('a'), () => {
        work(8)
        done++
      })
    }
    await drain()
    expect(done).toBe(10)
    expect(turns.lineOf('a').pausedUntil).toBe(0)
  })

  test('replies of an automation come before its requests', async () => {
    const { turns, drain } = start()
    const order: string[] = []
    const line = turns.lineOf('a')
    turns.addRequest(line, () => order.push('request'))
    turns.addReply(line, () => order.push('reply'))
    await drain()
    expect(order).toEqual(['reply', 'request'])
  })

  test('long work goes on a part at a time, and others come in between', async () => {
    const { turns, work, drain } = start()
    const order: string[] = []
    let left = 8
    turns.inParts(turns.lineOf('a'), () => {
      work(1)
      order.push('a')
      return --left > 0
    })
    turns.addRequest(turns.lineOf('b'), () => order.push('b'))
    await drain()
    expect(order.indexOf('b')).toBeLessThanOrEqual(3)
    expect(order.filter((id) => id === 'a')).toHaveLength(8)
  })

  test('a piece that fails is reported, and the next is done', async () => {
    const { turns, errors, drain } = start()
    let done = false
    turns.addRequest(turns.lineOf('a'), () => {
      throw new Error('a fault')
    })
    turns.addRequest(turns.lineOf('a'), () => (done = true))
    await drain()
    expect(errors.map(({ message }) => message)).toEqual(['a fault'])
    expect(done).toBe(true)
  })

  test('lines that nobody holds do not add up', () => {
    const { turns } = start()
    const held = turns.lineOf('held')
    held.holders++
    const dropped = turns.lineOf('dropped')
    for (let i = 0; i < 25_000; i++) turns.lineOf(`automation-${i}`)
    expect(turns.lineOf('held')).toBe(held)
    expect(dropped.isDropped).toBe(true)
  })
})
