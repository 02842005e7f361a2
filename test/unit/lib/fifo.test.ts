import { expect, test } from 'vitest'
import { Fifo } from '../../../src/lib/fifo.ts'

test('what comes in first goes out first, however it grows and shrinks', () => {
  const fifo = new Fifo<number>()
  const model: number[] = []
  let next = 0
  // Waves: each adds more than it takes until it is high, then takes more than it adds.
  for (const high of [3, 9, 100, 5_000]) {
    for (const rising of [true, false]) {
      while (rising ? model.length < high : model.length > 0) {
        for (let i = 0; i < (rising ? 3 : 1); i++) {
          fifo.push(next)
          model.push(next++)
        }
        for (let i = 0; i < (rising ? 1 : 3); i++) expect(fifo.shift()).toBe(model.shift())
        expect([fifo.size, fifo.peek()]).toEqual([model.length, model[0]])
      }
    }
  }
})

test('all of it is taken in its order, also when it goes round', () => {
  const fifo = new Fifo<number>()
  for (let i = 0; i < 6; i++) fifo.push(i)
  for (let i = 0; i < 4; i++) fifo.shift()
  for (let i = 6; i < 11; i++) fifo.push(i)
  expect(fifo.drain()).toEqual([4, 5, 6, 7, 8, 9, 10])
  expect([fifo.size, fifo.peek(), fifo.shift()]).toEqual([0, undefined, undefined])
  fifo.push(1)
  expect(fifo.drain()).toEqual([1])
})
