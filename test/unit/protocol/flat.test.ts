import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Flat, flatten, unflatten } from '../../../src/protocol/flat.ts'

const { value } = fc.letrec<{ value: Flat }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ maxLength: 20 }),
    fc.maxSafeInteger(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 6 }),
  ),
}))

/** Texts come back as bytes. */
const asBytes = (flat: Flat): unknown =>
  typeof flat === 'string' ? Buffer.from(flat) : Array.isArray(flat) ? flat.map(asBytes) : flat

test('what is laid flat comes back', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 8 }), (values) => {
      expect(unflatten(flatten(values))).toEqual(values.map(asBytes))
    }),
    { numRuns: 2_000 },
  )
})

test('it lies in memory of its own, so that handing it over takes nothing else along', () => {
  const flat = flatten([Buffer.from('abc'), ['x', 1, null]])
  expect([flat.byteOffset, flat.buffer.byteLength]).toEqual([0, flat.length])
})
