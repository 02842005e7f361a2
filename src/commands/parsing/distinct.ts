import { idOf } from '../../lib/id.ts'
import { forEachInParts, type Parts } from '../../lib/parts.ts'

/**
 * Each name once, in the order of their first places. A caller that names a key a thousand times must not
 * have it read as often.
 */
export function distinct(names: readonly Buffer[]): readonly Buffer[] {
  if (names.length < 2) return names
  const found = new Map(names.map((name) => [idOf(name), name]))
  return found.size === names.length ? names : [...found.values()]
}

/** For what is subtracted from the first: the first may be named again. */
export const firstAndDistinct = ([first, ...others]: readonly Buffer[]): readonly Buffer[] =>
  first === undefined ? [] : [first, ...distinct(others)]

/**
 * Answers for each name, of which only the distinct ones were asked, in their order. `open` is called once
 * for each of these.
 */
export function* forEachNameInParts<T, R>(
  names: readonly Buffer[],
  answers: readonly T[],
  open: (name: Buffer, answer: T) => R,
): Parts<R[]> {
  const asked = distinct(names)
  const opened: R[] = []
  yield* forEachInParts(asked.length, (i) => opened.push(open(asked[i]!, answers[i]!)))
  if (asked === names) return opened
  const byId = new Map(asked.map((name, i) => [idOf(name), opened[i]!]))
  return names.map((name) => byId.get(idOf(name))!)
}
