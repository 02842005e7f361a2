import type { Buffer } from 'node:buffer'
import { KvError } from '../../errors/errors.ts'
import { parseInteger } from '../../redis-semantics/integers.ts'
import { lcs, lcsLength } from '../../redis-semantics/lcs.ts'
import { MapReply, type Reply } from '../../reply/reply.ts'

/** Options of `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN]`. */
export interface LcsOptions {
  readonly len: boolean
  readonly idx: boolean
  readonly minMatchLength: number
  readonly withMatchLength: boolean
}

/**
 * Reads what follows the two keys. Throws Redis's errors; Redis checks the types of the keys before it looks
 * here.
 */
export function parseLcsOptions(args: readonly Buffer[]): LcsOptions {
  let len = false
  let idx = false
  let minMatchLength = 0
  let withMatchLength = false
  for (let i = 0; i < args.length; i++) {
    const option = args[i]?.toString('latin1').toUpperCase()
    const next = args[i + 1]
    if (option === 'LEN') len = true
    else if (option === 'IDX') idx = true
    else if (option === 'WITHMATCHLEN') withMatchLength = true
    else if (option === 'MINMATCHLEN' && next !== undefined) {
      const value = parseInteger(next)
      if (value === undefined) throw new KvError('not_integer')
      minMatchLength = Number(value)
      i++
    } else throw new KvError('syntax')
  }
  if (len && idx) throw new KvError('lcs_len_and_idx')
  return { len, idx, minMatchLength, withMatchLength }
}

/** What LCS answers for two values (empty for a missing key). */
export function lcsReply(a: Buffer, b: Buffer, options: LcsOptions): Reply {
  if (options.len) return lcsLength(a, b)
  const { length, value, matches } = lcs(a, b, options.minMatchLength)
  if (!options.idx) return value
  const rows = matches.map((match) =>
    options.withMatchLength ? [match.a, match.b, match.length] : [match.a, match.b],
  )
  return new MapReply(['matches', rows, 'len', length])
}
