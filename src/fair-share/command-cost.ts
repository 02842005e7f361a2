import { type BackingReply, isEncodedWords, type ScriptArg } from '../backing/backing.ts'

/** 32 words of a command weigh as much as a command of its own. */
const WORDS_A_COMMAND_BITS = 5

/** The more words, the longer it takes there. */
export function weightOf(words: readonly ScriptArg[]): number {
  let count = words.length
  for (const word of words) if (isEncodedWords(word)) count += word.count
  return 1 + (count >> WORDS_A_COMMAND_BITS)
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
