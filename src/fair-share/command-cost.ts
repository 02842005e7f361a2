import { type BackingArg, type BackingReply, isEncodedWords, type ScriptArg } from '../backing/backing.ts'

/** A call of a script takes there as long as so many small commands. */
const SCRIPT_WEIGHT = 4

/** The time that a command takes there, in small commands of about 1.5 us: the more words, the longer. */
export const weightOf = ({ length }: readonly BackingArg[]): number => 1 + (length >> 2)

/** The same for a script, which does more with each word. */
export function weightOfScript(words: readonly ScriptArg[]): number {
  let count = words.length
  for (const word of words) if (isEncodedWords(word)) count += word.count
  return SCRIPT_WEIGHT + (count >> 1)
}

/**
 * A value of a list takes as long there as so many bytes of a long one: HGETALL of 900 fields takes as long
 * as GET of 1 MiB.
 */
const BYTES_A_VALUE = 512

/** About what a reply measured. */
export function sizeOf(reply: BackingReply): number {
  if (Array.isArray(reply)) return reply.reduce((sum: number, item) => sum + sizeOf(item), 16)
  return Buffer.isBuffer(reply) ? reply.length + 16 : 16
}

/** What a reply of `bytes` has cost, in bytes of one long value. */
export function costOfReply(reply: BackingReply, bytes: number): number {
  return Array.isArray(reply) ? bytes + valuesIn(reply) * BYTES_A_VALUE : bytes
}

function valuesIn(list: readonly BackingReply[]): number {
  let count = list.length
  for (const item of list) if (Array.isArray(item)) count += valuesIn(item)
  return count
}

/** What is sent. */
export function bytesOf(words: readonly ScriptArg[]): number {
  let bytes = 0
  for (const word of words) {
    if (isEncodedWords(word)) bytes += word.bytes.length
    else bytes += typeof word === 'number' ? 8 : word.length
  }
  return bytes
}
