const code = (text: string): number => text.charCodeAt(0)
const PERCENT = code('%')
const OPEN_SET = code('[')
const CLOSE_SET = code(']')
const NOT = code('^')
const DOLLAR = code('$')
const OPEN = code('(')
const CLOSE = code(')')
const BALANCE = code('b')
const FRONTIER = code('f')
const OPTIONAL = code('?')
const REPEATS = new Set(['*', '+', '-'].map(code))
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39

/** Where the set that starts at `at` ends (behind its bracket). */
function endOfSet(pattern: Uint8Array, at: number): number {
  let i = at + 1
  if (pattern[i] === NOT) i++
  do {
    if (i >= pattern.length) return i
    if (pattern[i++] === PERCENT) i++
  } while (pattern[i] !== CLOSE_SET)
  return i + 1
}

/**
 * An upper bound of the steps that Lua's pattern matcher may take. It backtracks: a repeated item multiplies
 * the work by the subject's length when something behind it can still fail. Source:
 * https://www.lua.org/manual/5.1/manual.html#5.4.1
 */
export function patternSteps(pattern: Uint8Array, subjectLength: number, anchors: boolean): number {
  const length = Math.max(subjectLength, 2)
  let i = anchors && pattern[0] === NOT ? 1 : 0
  /** Factor of the items before the last one that can fail, and of those seen since. */
  let certain = i === 1 ? 1 : length
  let pending = 1
  const canFail = (): void => {
    certain *= pending
    pending = 1
  }
  while (i < pattern.length) {
    const byte = pattern[i]!
    if (byte === OPEN || byte === CLOSE) {
      i++
      continue
    }
    if (byte === DOLLAR && i === pattern.length - 1) {
      canFail()
      break
    }
    if (byte === PERCENT && (pattern[i + 1] === BALANCE || isDigit(pattern[i + 1] ?? 0))) {
      canFail()
      certain *= length
      i += pattern[i + 1] === BALANCE ? 4 : 2
      continue
    }
    if (byte === PERCENT && pattern[i + 1] === FRONTIER) {
      canFail()
      i = pattern[i + 2] === OPEN_SET ? endOfSet(pattern, i + 2) : i + 2
      continue
    }
    i = byte === OPEN_SET ? endOfSet(pattern, i) : byte === PERCENT ? i + 2 : i + 1
    const suffix = pattern[i] ?? 0
    if (suffix === OPTIONAL) {
      pending *= 2
      i++
    } else if (REPEATS.has(suffix)) {
      if (suffix === code('+')) canFail()
      pending *= length
      i++
    } else {
      canFail()
    }
  }
  return (certain + length) * Math.max(1, pattern.length)
}
