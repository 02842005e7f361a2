import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeMessages, encodeMessages, type Message } from '../../../../src/engine/messaging/message.ts'

const bytes = fc.uint8Array({ maxLength: 40_000 }).map((array) => Buffer.from(array))
const message = fc.record({
  kind: fc.constantFrom('channel' as const, 'shard' as const),
  channel: fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array)),
  message: fc.oneof(bytes, fc.constant(Buffer.alloc(0))),
})

test('what is encoded is decoded, in order', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
      expect(encodeMessages(messages).flatMap(decodeMessages)).toEqual(messages)
    }),
    { numRuns: 200 },
  )
})

test('many small ones share frames, which stay short', () => {
  const small: Message = { kind: 'channel', channel: Buffer.from('c'), message: Buffer.alloc(90) }
  const frames = encodeMessages(Array.from({ length: 10_000 }, () => small))
  expect(frames.length).toBeLessThan(20)
  expect(Math.max(...frames.map(({ length }) => length))).toBeLessThan(66_000)
  expect(encodeMessages([])).toEqual([])
})

test('one alone is encoded as release 0.1.0 does', () => {
  const [frame] = encodeMessages([{ kind: 'shard', channel: Buffer.from('ab'), message: Buffer.from('m') }])
  expect(frame).toEqual(Buffer.from([1, 0, 0, 0, 2, 0x61, 0x62, 0x6d]))
})
