import { Buffer } from 'node:buffer'
import { KvError } from '../errors/errors.ts'
import { addByte, type ByteSet, emptySet, readClass } from './glob-class.ts'
import { type Item, Run } from './glob-run.ts'

const BACKSLASH = 0x5c

/**
 * Glob patterns of KEYS, SCAN MATCH and PSUBSCRIBE, with the corner cases of Redis's own matcher: a class
 * without `]` runs to the end of the pattern, `[a-]` starts a range up to `]`, an escape inside a class is
 * never the start of a range, ranges may be reversed, and bytes from 0x80 compare as signed. Source:
 * https://redis.io/docs/latest/commands/keys/
 *
 * A pattern is cut at its stars. The runs between them are looked for from left to right, each at the first
 * place where it fits: what a later place could still match, the first one can too. So a text is gone through
 * once. A run of plain bytes is found in linear time whatever it is; one with `?` or classes takes a step for
 * each 32 of its bytes at each place, which is why its length has a bound. Redis has none, and takes pattern
 * length times text length.
 */
const MAX_PATTERN = 65_536

/** Most bytes in a run between two stars that has a `?` or a class. */
const MAX_WILD_RUN = 256

const tooCostly = () => new KvError('pattern_too_long', { bytes: MAX_PATTERN, wild: MAX_WILD_RUN })

const STAR = 0x2a

const QUESTION = 0x3f

const OPEN = 0x5b

/** The runs of a pattern: one more than it has stars, of which those next to each other count as one. */
function readRuns(pattern: Buffer, nocase: boolean): Run[] {
  const runs: Run[] = []
  const sets = new Map<number, ByteSet>()
  const plain = Buffer.allocUnsafe(pattern.length)
  let items: Item[] = []
  let isPlain = true
  let i = 0
  const endRun = (): void => {
    const run = isPlain
      ? new Run([], Buffer.from(plain.subarray(0, items.length)))
      : new Run(items, undefined)
    runs.push(run)
    items = []
    isPlain = true
  }
  while (i < pattern.length) {
    let byte = pattern[i++] as number
    if (byte === STAR) {
      while (pattern[i] === STAR) i++
      endRun()
      continue
    }
    if (byte === QUESTION) {
      isPlain = false
      items.push('any')
      continue
    }
    if (byte === OPEN) {
      const { set, next } = readClass(pattern, i, nocase)
      isPlain = false
      items.push(set)
      i = next
      continue
    }
    if (byte === BACKSLASH && i < pattern.length) byte = pattern[i++] as number
    if (nocase) isPlain = false
    plain[items.length] = byte
    items.push(literal(sets, byte, nocase))
  }
  endRun()
  return runs
}

function literal(sets: Map<number, ByteSet>, byte: number, nocase: boolean): ByteSet {
  let set = sets.get(byte)
  if (set === undefined) {
    set = emptySet()
    addByte(set, byte, nocase)
    sets.set(byte, set)
  }
  return set
}

function matchRuns(runs: readonly Run[], least: number, text: Buffer): boolean {
  const first = runs[0] as Run
  const last = runs[runs.length - 1] as Run
  if (text.length < least || !first.fits(text, 0)) return false
  if (runs.length === 1) return text.length === first.length
  const end = text.length - last.length
  if (!last.fits(text, end)) return false
  let at = first.length
  for (let r = 1; r < runs.length - 1; r++) {
    at = (runs[r] as Run).endIn(text, at, end)
    if (at === -1) return false
  }
  return true
}

/**
 * A matcher to use on many texts. An empty text matches the empty pattern and, for KEYS and SCAN, `*` alone:
 * not `**`, because Redis stops before it looks at the pattern when there is no text. Throws for a pattern
 * beyond the bounds.
 */
export function compileGlob(pattern: Buffer, nocase = false): (text: Buffer) => boolean {
  if (pattern.length > MAX_PATTERN) throw tooCostly()
  if (pattern.length === 1 && pattern[0] === STAR) return () => true
  const runs = readRuns(pattern, nocase)
  if (runs.slice(1, -1).some((run) => run.isWild && run.length > MAX_WILD_RUN)) throw tooCostly()
  const least = runs.reduce((sum, run) => sum + run.length, 0)
  return (text) => (text.length === 0 ? pattern.length === 0 : matchRuns(runs, least, text))
}

/** Whether the whole text matches; `nocase` ignores the case of ASCII letters. */
export const globMatch = (pattern: Buffer, text: Buffer, nocase = false): boolean =>
  compileGlob(pattern, nocase)(text)
