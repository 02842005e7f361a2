import { KvError } from '../../errors/errors.ts'

/**
 * How an entry is kept: natively it has one field of this name, whose value seals all its fields and values
 * in one piece. One seal an entry costs a tenth of one for each name and value of five fields, keeps order
 * and duplicates, and hides how many fields there are. The same short name in every entry is kept once for a
 * whole node of the stream.
 */
export const ENTRY_FIELD = 'e'

const COLON = 0x3a
const COMMA = 0x2c
const ZERO = 0x30

/** Names and values in turn as netstrings, `1:a,3:foo,`: https://cr.yp.to/proto/netstrings.txt */
export function encodeFields(fields: readonly Buffer[]): Buffer {
  const heads = fields.map(({ length }) => `${length}:`)
  const size = fields.reduce((sum, { length }, i) => sum + heads[i]!.length + length + 1, 0)
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  fields.forEach((field, i) => {
    at += bytes.write(heads[i]!, at, 'latin1')
    at += field.copy(bytes, at)
    bytes[at++] = COMMA
  })
  return bytes
}

export function decodeFields(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    let length = 0
    for (; bytes[at] !== COLON; at++) {
      const digit = (bytes[at] ?? 0) - ZERO
      if (digit < 0 || digit > 9) throw new KvError('unreadable')
      length = length * 10 + digit
    }
    const end = ++at + length
    if (bytes[end] !== COMMA) throw new KvError('unreadable')
    fields.push(bytes.subarray(at, end))
    at = end + 1
  }
  return fields
}
