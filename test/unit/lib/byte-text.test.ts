import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOfText, holdsBytes, textOfBytes } from '../../../src/lib/byte-text.ts'

test('any bytes come back from their text', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.string({ unit: 'binary' }), (bytes, text) => {
      const both = textOfBytes(Buffer.from(bytes)) + textOfBytes(Buffer.from(text))
      expect(bytesOfText(both)).toEqual(Buffer.concat([bytes, Buffer.from(text)]))
    }),
  )
})

test('only what is no UTF-8 is marked', () => {
  expect(textOfBytes(Buffer.from('é😀'))).toBe('é😀')
  expect(holdsBytes('é😀')).toBe(false)
  expect(holdsBytes(textOfBytes(Buffer.of(0x61, 0xff)))).toBe(true)
})
