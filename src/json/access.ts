import { KvError } from '../errors/errors.ts'
import { quote, stringContent } from './document.ts'
import type { PathSegment } from './path.ts'
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  OPEN_BRACE,
  OPEN_BRACKET,
  skipColon,
  skipComma,
  skipSpace,
  skipString,
  skipValue,
} from './scan.ts'

/** How far a path leads into a text. */
interface Place {
  /** How many segments were followed. */
  level: number
  /** The value they lead to: all of it is `text.slice(start, end)`. */
  start: number
  end: number
  /** Its members or elements, when it is the container that the next segment asks for; else -1. */
  count: number
  /** Where the next member or element belongs, when `count` is not -1. */
  insertAt: number
}

/** Longest spelling of one UTF-16 unit: a `\u` escape. */
const LONGEST_ESCAPE = 6

const nameIs = (text: string, open: number, end: number, name: string): boolean => {
  const length = end - open - 2
  if (length < name.length || length > name.length * LONGEST_ESCAPE) return false
  // An escape is always longer than what it stands for, so with equal lengths there is none.
  if (length === name.length) return text.startsWith(name, open + 1) && !name.includes('\\')
  return stringContent(text.slice(open, end)) === name
}

const mark = (
  place: Place,
  level: number,
  start: number,
  end: number,
  count: number,
  insertAt: number,
): void => {
  place.level = level
  place.start = start
  place.end = end
  place.count = count
  place.insertAt = insertAt
}

const opens = (segment: PathSegment): number => (typeof segment === 'string' ? OPEN_BRACE : OPEN_BRACKET)

/**
 * Follows the path from the value at `start` and answers where that value ends, having read each character
 * once. It recurses once a segment, however deep the text. Of equal names the last one counts, as in
 * JSON.parse: it overwrites what an earlier one left in `place`.
 */
const locate = (
  text: string,
  start: number,
  segments: readonly PathSegment[],
  level: number,
  place: Place,
): number => {
  const segment = segments[level]
  if (segment === undefined || text.charCodeAt(start) !== opens(segment)) {
    const end = skipValue(text, start)
    mark(place, level, start, end, -1, -1)
    return end
  }
  const closer = typeof segment === 'string' ? CLOSE_BRACE : CLOSE_BRACKET
  let count = 0
  let insertAt = start + 1
  let found = false
  let at = skipSpace(text, insertAt)
  while (text.charCodeAt(at) !== closer) {
    let wanted = count === segment
    if (typeof segment === 'string') {
      const nameEnd = skipString(text, at)
      wanted = nameIs(text, at, nameEnd, segment)
      at = skipColon(text, nameEnd)
    }
    insertAt = wanted ? locate(text, at, segments, level + 1, place) : skipValue(text, at)
    found ||= wanted
    count += 1
    at = skipComma(text, insertAt)
  }
  if (!found) mark(place, level, start, at + 1, count, insertAt)
  return at + 1
}

const follow = (text: string, segments: readonly PathSegment[]): Place => {
  const place: Place = { level: 0, start: 0, end: 0, count: -1, insertAt: -1 }
  locate(text, 0, segments, 0, place)
  return place
}

/** The text of the value at the path; undefined when nothing is there. `text` is validated and trimmed. */
export const getPath = (text: string, segments: readonly PathSegment[]): string | undefined => {
  const { level, start, end } = follow(text, segments)
  return level === segments.length ? text.slice(start, end) : undefined
}

const mismatch = (fact: string): KvError => new KvError('type_mismatch', fact)
const badPath = (fact: string): KvError => new KvError('invalid_path', fact)

/** The value wrapped in the objects that the rest of the path asks for. */
const nest = (segments: readonly PathSegment[], valueText: string): string =>
  segments.reduceRight<string>((inner, segment) => {
    if (typeof segment === 'number') throw badPath('an index needs an array that is there')
    return `{${quote(segment)}:${inner}}`
  }, valueText)

/**
 * Puts `valueText` at the path, in place of what is there or as a new last member or element, and creates
 * missing objects on the way. Every other character of `text` stays. Both texts are validated and trimmed.
 * The result is valid JSON, but may be nested too deep or be too long: the caller runs `checkDepth` and its
 * size limit on it. Throws `type_mismatch` when the root or a step is not the container that the path asks
 * for, `invalid_path` for an index beyond the end of its array or where nothing is.
 */
export const setPath = (text: string, segments: readonly PathSegment[], valueText: string): string => {
  if (text.charCodeAt(0) !== OPEN_BRACE) throw mismatch('value is not an object')
  if (segments.length === 0) throw badPath('the path is empty')
  const { level, start, end, count, insertAt } = follow(text, segments)
  if (level === segments.length) return text.slice(0, start) + valueText + text.slice(end)

  const segment = segments[level]
  if (count === -1)
    throw mismatch(`a step of the path is not an ${typeof segment === 'string' ? 'object' : 'array'}`)
  if (typeof segment === 'number' && segment > count)
    throw badPath('the index is beyond the end of the array')
  const inner = nest(segments.slice(level + 1), valueText)
  const added = typeof segment === 'string' ? `${quote(segment)}:${inner}` : inner
  return `${text.slice(0, insertAt)}${count > 0 ? ',' : ''}${added}${text.slice(insertAt)}`
}
