import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Flat, flatten, flattenInParts, unflatten } from '../../../src/protocol/flat.ts'

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

test('done in parts it is the same, and no part is long', () => {
  const long = fc
    .tuple(fc.integer({ min: 0, max: 5_000 }), value)
    .map(([count, each]): Flat => Array.from({ length: count }, () => each))
  fc.assert(
    fc.property(fc.array(fc.oneof(value, long, fc.tuple(long, value)), { maxLength: 5 }), (values) => {
      const parts = flattenInParts(values)
      let count = 0
      let part = parts.next()
      for (; part.done !== true; part = parts.next()) count++
      expect(Buffer.concat(part.value).equals(flatten([values]))).toBe(true)
      for (const { byteOffset, buffer, length } of part.value)
        expect([byteOffset, buffer.byteLength]).toEqual([0, length])
      // Its own comparison would take most of the time of this test.
      expect(isDeepStrictEqual(unflatten(...part.value), [values.map(asBytes)])).toBe(true)
      if (values.some((each) => Array.isArray(each) && each.length > 3_000)) expect(count).toBeGreaterThan(2)
    }),
    { numRuns: 150 },
  )
})

test('it lies in memory of its own, so that handing it over takes nothing else along', () => {
  const flat = flatten([Buffer.from('abc'), ['x', 1, null]])
  expect([flat.byteOffset, flat.buffer.byteLength]).toEqual([0, flat.length])
})
