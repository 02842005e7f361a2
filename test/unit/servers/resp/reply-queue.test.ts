import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Reply } from '../../../../src/reply/reply.ts'
import { ReplyQueue } from '../../../../src/servers/resp/reply-queue.ts'

test('replies leave in the order of their requests, as soon as all before them are there', () => {
  const sent: Reply[] = []
  const queue = new ReplyQueue((reply) => void sent.push(reply))
  const [first, second, third] = [queue.next(), queue.next(), queue.next()]
  queue.answer(second, 2)
  expect(sent).toEqual([])
  queue.answer(first, 1)
  expect(sent).toEqual([1, 2])
  queue.answer(third, 3)
  expect(sent).toEqual([1, 2, 3])
})

test('a silent reply keeps its place and is not sent', () => {
  const sent: Reply[] = []
  const queue = new ReplyQueue((reply) => void sent.push(reply))
  const [off, skipped, shown] = [queue.next(), queue.next(), queue.next()]
  off.silent = true
  queue.answer(shown, 'shown')
  queue.answer(off, 'off')
  expect(sent).toEqual([])
  queue.answer(skipped, 'skipped', true)
  expect(sent).toEqual(['shown'])
})

test('whatever the order of the answers, every request is answered once, in order', () => {
  // More than the queue keeps before it drops what has left.
  const requests = fc.array(
    fc.record({ at: fc.nat(), silent: fc.boolean(), ask: fc.integer({ min: 1, max: 200 }) }),
    { maxLength: 60 },
  )
  fc.assert(
    fc.property(requests, (steps) => {
      const sent: Reply[] = []
      const queue = new ReplyQueue((reply) => void sent.push(reply))
      const open: Array<readonly [number, ReturnType<ReplyQueue['next']>]> = []
      const expected: number[] = []
      let asked = 0
      const answer = (index: number): void => {
        const [[number, pending]] = open.splice(index, 1) as [(typeof open)[number]]
        queue.answer(pending, number)
      }
      for (const { at, silent, ask } of steps) {
        for (let i = 0; i < ask; i++) {
          const pending = queue.next()
          pending.silent = silent
          if (!silent) expected.push(asked)
          open.push([asked++, pending])
        }
        // Mostly the latest ones: the head waits, and what is behind it gathers.
        for (let i = 0; i < ask / 2; i++) answer(open.length - 1 - (at % Math.min(open.length, 3)))
        expect(sent).toEqual(expected.slice(0, sent.length))
      }
      while (open.length > 0) answer(0)
      expect(sent).toEqual(expected)
    }),
  )
})
