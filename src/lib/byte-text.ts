import { isUtf8 } from 'node:buffer'

/** Bytes of what is no UTF-8 stand in a text as lone surrogates, which no UTF-8 has (PEP 383). */
const ESCAPED = 0xdc00
const ESCAPES = /[\udc80-\udcff]/u

/** Text that `bytesOfText` turns into the same bytes again, whatever they are. */
export function textOfBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString()
  return bytes
    .toString('latin1')
    .replace(/[\x80-\xff]/g, (byte) => String.fromCharCode(ESCAPED + byte.charCodeAt(0)))
}

/** Whether a text has bytes that are no UTF-8. */
export const holdsBytes = (text: string): boolean => ESCAPES.test(text)

export const bytesOfText = (text: string): Buffer =>
  Buffer.concat(
    text
      .split(/([\udc80-\udcff])/u)
      .map((part) => (ESCAPES.test(part) ? Buffer.of(part.charCodeAt(0) - ESCAPED) : Buffer.from(part))),
  )
