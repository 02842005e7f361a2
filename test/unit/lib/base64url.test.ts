import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeStrict, encodedLength, encodeInto } from '../../../src/lib/base64url.ts'

const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array))

test('encodes as Buffer does, at any place', () => {
  fc.assert(
    fc.property(bytes, fc.nat(5), (input, at) => {
      const out = Buffer.alloc(at + encodedLength(input.length) + 3)
      const end = encodeInto(input, out, at)
      expect(end).toBe(at + encodedLength(input.length))
      expect(out.toString('latin1')).toBe(`${'\0'.repeat(at) + input.toString('base64url')}\0\0\0`)
    }),
  )
})

test('decodes the canonical text and nothing else, in both size classes', () => {
  const text = fc.oneof(
    bytes.map((b) => b.toString('base64url')),
    fc.string({ unit: fc.constantFrom(...'ABYZabyz0189-_+/=. \u00ff'), maxLength: 12 }),
    fc.tuple(bytes, fc.nat(), fc.constantFrom('+', '/', '=', ' ', '\u00e9', 'B')).map(([b, at, char]) => {
      const s = b.toString('base64url')
      const i = s.length === 0 ? 0 : at % s.length
      return s.slice(0, i) + char + s.slice(i + 1)
    }),
  )
  fc.assert(
    fc.property(text, fc.nat(3), (input, pad) => {
      const buffer = Buffer.from(`${'x'.repeat(pad) + input}x`, 'latin1')
      const decoded = decodeStrict(buffer, pad, pad + input.length)
      const lenient = Buffer.from(input, 'base64url')
      expect(decoded?.toString('hex')).toBe(
        lenient.toString('base64url') === input ? lenient.toString('hex') : undefined,
      )
    }),
    { numRuns: 2000 },
  )
})
