import type { BackingKey } from '../automation/backing-key.ts'
import { KvError } from '../errors/errors.ts'
import type { DecodedReply } from '../protocol/reply-decoder.ts'

/** What the backing Redis answers. */
export type BackingReply = DecodedReply
/** Words of a command that were encoded elsewhere, each a bulk string: they are sent as they are. */
export class EncodedWords {
  readonly count: number
  readonly bytes: Buffer

  constructor(count: number, bytes: Buffer) {
    this.count = count
    this.bytes = bytes
  }
}

export type BackingArg = Buffer | BackingKey | string | number
/** What a script may be given. */
export type ScriptArg = BackingArg | EncodedWords

/** `instanceof` walks the prototypes of each Buffer, which was seen in the time of a SET. */
export const isEncodedWords = (word: ScriptArg): word is EncodedWords =>
  typeof word === 'object' && (word as { count?: number }).count !== undefined

/** The same for the name of a key, which is in two parts. */
export const isBackingKey = (word: ScriptArg): word is BackingKey =>
  typeof word === 'object' && (word as { prefix?: Buffer }).prefix !== undefined

/** `bytes`: what the reply measured on the link, 0 or nothing when there was none. */
export type BackingCallback = (error: Error | null, reply: BackingReply, bytes?: number) => void

/** Kinds of errors by which a Redis refuses before it has changed anything. */
const REFUSALS = [
  'OOM',
  'READONLY',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'NOREPLICAS',
  'BUSY',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'MOVED',
  'ASK',
  'NOPERM',
  'NOAUTH',
  'UNKILLABLE',
] as const

/** Kinds that are about the command, or the key that it names. */
const COMMAND_ERRORS = ['WRONGTYPE', 'NOGROUP', 'NOSCRIPT'] as const

export type RedisErrorKind = (typeof REFUSALS)[number] | (typeof COMMAND_ERRORS)[number]

const KINDS: ReadonlySet<string> = new Set([...REFUSALS, ...COMMAND_ERRORS])
const REFUSAL_KINDS: ReadonlySet<RedisErrorKind | undefined> = new Set(REFUSALS)

/**
 * What kind of error it is by its prefix, whether a Redis says so or a command that is computed here;
 * undefined for any other (ERR...).
 */
export function kindOf({ message }: Error): RedisErrorKind | undefined {
  const end = message.indexOf(' ')
  const prefix = end < 0 ? '' : message.slice(0, end)
  return KINDS.has(prefix) ? (prefix as RedisErrorKind) : undefined
}

/** Whether a reply is `+OK`, which looks like a bulk of these letters here. */
export const isOk = (reply: BackingReply): boolean =>
  Buffer.isBuffer(reply) && reply.length === 2 && reply[0] === LETTER_O && reply[1] === LETTER_K

const LETTER_O = 0x4f
const LETTER_K = 0x4b

/** By its name, since ioredis, which makes the connection, has a class of its own for it. */
export const isReplyError = (error: Error): boolean => error.name === 'ReplyError'

/** A Redis's error with a part of its text left out: the prefix of the names of an automation. */
export const leavingOut = (error: Error, part: string): Error =>
  Object.assign(new Error(error.message.replace(part, '')), { name: error.name })

/**
 * The state of the backing Redis in the words of our own error table; undefined when the error is the
 * command's own (WRONGTYPE...).
 */
export function refusalOf(error: Error): KvError | undefined {
  if (!isReplyError(error)) return undefined
  const prefix = kindOf(error)
  return prefix !== undefined && REFUSAL_KINDS.has(prefix)
    ? new KvError('backing_refused', { prefix })
    : undefined
}

/** The first error that a script passes on, of one command or of one in a list. */
export const errorIn = (replies: readonly BackingReply[]): Error | undefined => {
  for (const reply of replies) {
    const error = Array.isArray(reply) ? reply.find((each) => each instanceof Error) : reply
    if (error instanceof Error) return error
  }
  return undefined
}
