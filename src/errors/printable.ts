import type { Buffer } from 'node:buffer'
import { textOfBytes } from '../lib/byte-text.ts'

/** A part of an error text: bytes are the caller's, anything else is ours. */
export type Part = Buffer | string | number | bigint

/** Redis shows this many bytes of a word that it does not know. */
const MOST_BYTES = 128

/** Names of data: Redis shows them whole, and the caller must recognize them. */
const WHOLE: ReadonlySet<string> = new Set(['key', 'group'])

/**
 * A part as it stands in the text. The only place that lets a caller's bytes into an error: cut, up to the
 * first NUL as C's `%s`, and in one line.
 */
export function printable(name: string, part: Part): string {
  if (typeof part !== 'object') return oneLine(String(part))
  const bytes = WHOLE.has(name) ? part : part.subarray(0, MOST_BYTES)
  const end = bytes.indexOf(0)
  const shown = end < 0 ? bytes : bytes.subarray(0, end)
  return oneLine(textOfBytes(shown))
}

const oneLine = (text: string): string => text.replace(/[\r\n]/g, ' ')
