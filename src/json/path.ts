import { KvError } from '../errors/errors.ts'
import { BACKSLASH, OPEN_BRACKET } from './scan.ts'

/** A string names a member of an object, a number counts the elements of an array from 0. */
export type PathSegment = string | number

const MAX_PATH_SEGMENTS = 32

const badPath = (reason: string): KvError => new KvError('invalid_path', reason)

const BARE_NAME = /[^.[\]"']+/y
const INDEX = /\[(0|[1-9][0-9]*)\]/y

/** Escapes in a quoted name, as in RFC 9535 section 2.3.1.1. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['/', '/'],
  ['\\', '\\'],
  ['"', '"'],
  ["'", "'"],
])

const unescaped = (raw: string): string =>
  raw.replace(/\\(?:u([0-9A-Fa-f]{4})|(.))/gs, (_match, hex: string | undefined, char: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    const plain = ESCAPES.get(char)
    if (plain === undefined) throw badPath('unknown escape in a quoted name')
    return plain
  })

interface PathStep {
  readonly segment: PathSegment
  readonly end: number
}

const readBareName = (path: string, start: number): PathStep => {
  BARE_NAME.lastIndex = start
  const name = BARE_NAME.exec(path)?.[0]
  if (name === undefined) throw badPath('a name is missing')
  return { segment: name, end: start + name.length }
}

const readIndex = (path: string, open: number): PathStep => {
  INDEX.lastIndex = open
  const match = INDEX.exec(path)
  if (match === null) throw badPath('brackets hold an index from 0 or a quoted name')
  return { segment: Number(match[1]), end: INDEX.lastIndex }
}

const readQuotedName = (path: string, open: number): PathStep => {
  const mark = path.charCodeAt(open + 1)
  let close = open + 2
  while (close < path.length && path.charCodeAt(close) !== mark)
    close += path.charCodeAt(close) === BACKSLASH ? 2 : 1
  if (path.charAt(close + 1) !== ']') throw badPath('a quoted name is not closed')
  return { segment: unescaped(path.slice(open + 2, close)), end: close + 2 }
}

const readBrackets = (path: string, open: number): PathStep => {
  const next = path.charAt(open + 1)
  return next === '"' || next === "'" ? readQuotedName(path, open) : readIndex(path, open)
}

/**
 * Reads `a.b`, `items[0]`, `a["my.key"]`, `a['x']`, `[0].b`; throws `invalid_path` for anything else, and
 * beyond 32 segments. A bare name may hold any characters but dots, brackets and quotes, so `a.0` asks for
 * the member "0" and never for an element.
 */
export const parsePath = (path: string): PathSegment[] => {
  const segments: PathSegment[] = []
  let at = 0
  do {
    if (segments.length === MAX_PATH_SEGMENTS) throw badPath(`more than ${MAX_PATH_SEGMENTS} segments`)
    const inBrackets = path.charCodeAt(at) === OPEN_BRACKET
    if (!inBrackets && at > 0) {
      if (path.charAt(at) !== '.') throw badPath('a dot or a bracket is missing')
      at += 1
    }
    const step = inBrackets ? readBrackets(path, at) : readBareName(path, at)
    segments.push(step.segment)
    at = step.end
  } while (at < path.length)
  return segments
}
