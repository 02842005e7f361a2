import { expect, test } from 'vitest'
import { encodeReply, OutputBuffer } from '../../../src/protocol/encode.ts'
import { encodeInParts, hasManyValues } from '../../../src/protocol/encode-parts.ts'
import {
  Double,
  EncodedReply,
  MapReply,
  NULL_ARRAY,
  PairsReply,
  type Reply,
  SetReply,
  StreamsReply,
} from '../../../src/reply/reply.ts'

const many = (each: (i: number) => Reply, count = 5_000): Reply[] =>
  Array.from({ length: count }, (_, i) => each(i))
const bytes = (i: number): Reply => Buffer.from(`value ${i}`)

const LONG: ReadonlyArray<readonly [string, Reply]> = [
  ['an array', many(bytes)],
  ['an array of arrays', many((i) => [bytes(i), i, null, NULL_ARRAY])],
  ['a long array in an array', [1, many(bytes), 'two', new SetReply(many(bytes))]],
  ['a set', new SetReply(many(bytes))],
  ['a map', new MapReply(many(bytes))],
  ['pairs', new PairsReply(many((i) => (i % 2 === 0 ? bytes(i) : new Double(String(i)))))],
  ['streams', new StreamsReply([Buffer.from('one'), many((i) => [bytes(i), [bytes(i)]]), bytes(2), []])],
]

test.each(
  LONG.flatMap(([name, reply]) => ([2, 3] as const).map((protocol) => [name, protocol, reply] as const)),
)('%s in RESP%d has the same bytes in parts', (_name, protocol, reply) => {
  expect(hasManyValues(reply)).toBe(true)
  const [whole, pieces] = [new OutputBuffer(), new OutputBuffer()]
  encodeReply(reply, protocol, whole)
  let steps = 0
  for (const _ of encodeInParts(reply, protocol, pieces)) steps++
  expect(steps).toBeGreaterThanOrEqual(4)
  const chunks = pieces.take()
  const again = new OutputBuffer()
  encodeReply(new EncodedReply(chunks), protocol, again)
  const expected = Buffer.concat(whole.take())
  expect(Buffer.concat(again.take()).equals(expected)).toBe(true)
})

test('short replies are encoded at once', () => {
  for (const reply of [
    null,
    1,
    'text',
    bytes(1),
    many(bytes, 100),
    new MapReply(many(bytes, 100)),
    NULL_ARRAY,
  ])
    expect(hasManyValues(reply)).toBe(false)
})
