import { isUtf8 } from 'node:buffer'
import { KvError } from '../errors/errors.ts'

const DOLLAR = 0x24

/** What a command does with the names of its keys: facts of its row. */
export interface NamingCommand {
  readonly flags: readonly string[]
  /** It puts what is there under another name, which no flag of Redis tells. */
  readonly moves?: boolean
}

/**
 * Whether a command could leave something at a name: a key, or itself as one that waits for it. To all others
 * a name that cannot be a key's is one that no key has, as in Redis.
 */
export const usesNames = ({ flags, moves }: NamingCommand): boolean =>
  flags.includes('denyoom') || flags.includes('blocking') || moves === true

/**
 * RESP keys are binary-safe; only length and the reserved `$` are checked, where a command uses the name.
 * Throws `reserved_key` or `key_too_long`.
 */
export function checkKey(name: Buffer, maxBytes: number, command: NamingCommand): void {
  const isLong = name.length > maxBytes
  if ((!isLong && name[0] !== DOLLAR) || !usesNames(command)) return
  throw new KvError(isLong ? 'key_too_long' : 'reserved_key')
}

/** A key as a REST caller named it, and as the store does. */
export interface Key {
  readonly text: string
  readonly name: Buffer
}

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
/** With the flag `u` only a lone one matches; UTF-8 cannot carry it. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** What is wrong with a key, undefined when nothing is. */
function faultOf(text: string, maxLength: number): string | undefined {
  if (text === '') return 'it is empty'
  // A character outside the BMP counts once.
  if (text.length > maxLength && [...text].length > maxLength)
    return `it is longer than ${maxLength} characters`
  if (text.startsWith('$')) return "names that start with '$' are reserved"
  if (CONTROL.test(text)) return 'it has a control character'
  if (LONE_SURROGATE.test(text)) return 'it is not valid Unicode'
  if (text.trim() === '') return 'it has only white space'
  return undefined
}

/** The key that a REST caller names. Throws `invalid_key`. */
export function keyOf(text: string, maxLength: number): Key {
  const fault = faultOf(text, maxLength)
  if (fault !== undefined) throw new KvError('invalid_key', fault)
  return { text, name: Buffer.from(text) }
}

/** The key of a stored name; undefined for one that only RESP can address. */
export function keyOfName(name: Buffer, maxLength: number): Key | undefined {
  if (!isUtf8(name)) return undefined
  const text = name.toString()
  return faultOf(text, maxLength) === undefined ? { text, name } : undefined
}
