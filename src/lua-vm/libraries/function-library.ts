import { KvError } from '../../errors/errors.ts'
import { splitInline } from '../../protocol/inline.ts'

/** What a function may say of itself, in the order in which FUNCTION LIST tells it. */
export const FUNCTION_FLAGS = [
  'no-writes',
  'allow-oom',
  'allow-stale',
  'no-cluster',
  'allow-cross-slot-keys',
] as const

export type FunctionFlag = (typeof FUNCTION_FLAGS)[number]

export interface LuaFunction {
  readonly name: string
  readonly description: Buffer | undefined
  /** In the order of FUNCTION_FLAGS, each once. */
  readonly flags: readonly FunctionFlag[]
}

/** What a function takes beside its texts, roughly. */
const FUNCTION_BYTES = 256

export const sizeOfFunction = ({ name, description }: LuaFunction): number =>
  FUNCTION_BYTES + name.length + (description?.length ?? 0)

/** What is compiled, and what came of it. */
export interface Chunk {
  readonly body: Buffer
  /** Set by the first compilation. */
  bytecode: Buffer | undefined
}

export interface LibraryHead {
  readonly name: string
  /** The code without its first line, whose line end stays so that line numbers are right. */
  readonly body: Buffer
}

const NEWLINE = 0x0a
const ENGINE = 'lua'
const NAME = /^\w+$/
/** More words than a first line can have that is right. */
const MAX_WORDS = 64

/** Redis's rule for names of libraries and functions; it has one text for both. Throws `library_name`. */
export function checkName(name: Buffer): string {
  const text = name.toString('latin1')
  if (!NAME.test(text)) throw new KvError('library_name')
  return text
}

/** Reads the first line of a library (`#!lua name=x`). Throws Redis's errors for a wrong one. */
export function readLibrary(code: Buffer): LibraryHead {
  if (code[0] !== 0x23 || code[1] !== 0x21) throw new KvError('library_no_metadata')
  const end = code.indexOf(NEWLINE)
  const words = end < 0 ? null : splitInline(code.subarray(0, end), MAX_WORDS)
  if (words === null) throw new KvError('library_metadata')
  let name: Buffer | undefined
  for (const word of words.slice(1)) {
    if (!word.toString('latin1', 0, 5).toLowerCase().startsWith('name='))
      throw new KvError('library_metadata_value', { value: word })
    if (name !== undefined) throw new KvError('library_name_twice')
    name = word.subarray(5)
  }
  if (name === undefined) throw new KvError('library_no_name')
  const checked = checkName(name)
  const engine = words[0]!.subarray(2)
  if (engine.toString('latin1').toLowerCase() !== ENGINE) throw new KvError('library_engine', { engine })
  return { name: checked, body: code.subarray(end) }
}
