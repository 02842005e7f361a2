import { type BackingReply, isEncodedWords, type ScriptArg } from '../backing/backing.ts'

/** 32 words of a command weigh as much as a command of its own. */
const WORDS_A_COMMAND_BITS = 5

/** The more words, the longer it takes there. */
export function weightOf(words: readonly ScriptArg[]): number {
  let count = words.length
  for (const word of words) if (isEncodedWords(word)) count += word.count
  return 1 + (count >> WORDS_A_COMMAND_BITS)
}

/** About what a reply measured. */
export function sizeOf(reply: BackingReply): number {
  if (Array.isArray(reply)) return reply.reduce((sum: number, item) => sum + sizeOf(item), 16)
  return Buffer.isBuffer(reply) ? reply.length + 16 : 16
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
