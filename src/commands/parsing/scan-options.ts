import { KvError } from '../../errors/errors.ts'
import { compileGlob } from '../../redis-semantics/glob.ts'
import { integer, word } from './args.ts'

const MAX_CURSOR = 2n ** 64n - 1n

/**
 * A cursor as Redis reads it, with C's strtoul: so `+5`, `-5` and an empty text pass. Throws
 * `invalid_cursor`.
 */
export function parseCursor(arg: Buffer): string {
  const [text = ''] = arg.toString('latin1').split('\0', 1)
  if (text === '') return '0'
  const digits = /^[+-]?(\d+)$/.exec(text)?.[1]?.replace(/^0+/, '')
  // No more digits than 64 bits have: a bigint of many is slow to read.
  if (digits === undefined || digits.length > 20) throw new KvError('invalid_cursor')
  const value = BigInt(digits)
  if (value > MAX_CURSOR) throw new KvError('invalid_cursor')
  return String(text.startsWith('-') ? BigInt.asUintN(64, -value) : value)
}

export interface ScanOptions {
  readonly matches: (text: Buffer) => boolean
  readonly count: number
  /** Lower case; only SCAN has it. */
  readonly type: string | undefined
}

/** `[MATCH pattern] [COUNT count] [TYPE type]` from argument `from`. */
export function parseScanOptions(args: readonly Buffer[], from: number, typed = false): ScanOptions {
  let pattern: Buffer | undefined
  let count = 10
  let type: string | undefined
  for (let i = from; i < args.length; i += 2) {
    const option = word(args[i])
    const arg = args[i + 1]
    if (arg === undefined) throw new KvError('syntax')
    if (option === 'COUNT') {
      count = integer(arg)
      if (count < 1) throw new KvError('syntax')
    } else if (option === 'MATCH') pattern = arg
    else if (option === 'TYPE' && typed) type = arg.toString('latin1').toLowerCase()
    else throw new KvError('syntax')
  }
  return { matches: pattern === undefined ? () => true : compileGlob(pattern), count, type }
}
