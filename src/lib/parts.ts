/** Long work that is done a part at a time; each `next` is one part of some tenths of a millisecond. */
export type Parts<T> = Generator<void, T>

/** Told once how such work ended. */
export type PartsDone<T> = (...outcome: [error: null, value: T] | [error: Error, value: undefined]) => void

/** Opened values in a part: each takes some microseconds. */
const OPENED_A_PART = 128
/** Compared or copied ones. */
const MOVED_A_PART = 2_048

/**
 * How many of `limit` are left when the values of nested lists are taken from it, of which a list is one as
 * well; it stops below 1. `itemsOf` answers undefined for what is no list.
 */
export function valuesLeft<T>(
  items: readonly T[],
  limit: number,
  itemsOf: (value: T) => readonly T[] | undefined,
): number {
  let left = limit - items.length
  for (let i = 0; i < items.length && left > 0; i++) {
    const inner = itemsOf(items[i]!)
    if (inner !== undefined) left = valuesLeft(inner, left, itemsOf)
  }
  return left
}

/** For values whose only lists are arrays. */
export const itemsOfArray = <T>(value: T): readonly T[] | undefined =>
  Array.isArray(value) ? value : undefined

/** Does all that is left at once. */
export function finish<T>(parts: Parts<T>): T {
  for (;;) {
    const { done, value } = parts.next()
    if (done === true) return value as T
  }
}

/** `each` is called with 0 to `count - 1`. */
export function* forEachInParts(count: number, each: (i: number) => void): Parts<void> {
  for (let i = 0; i < count; i++) {
    if (i > 0 && i % OPENED_A_PART === 0) yield
    each(i)
  }
}

export function* mapInParts<A, B>(items: readonly A[], each: (item: A) => B): Parts<B[]> {
  const mapped: B[] = []
  yield* forEachInParts(items.length, (i) => mapped.push(each(items[i]!)))
  return mapped
}

/** A stable sort: short runs, then merged. */
export function* sortInParts<A>(items: readonly A[], compare: (a: A, b: A) => number): Parts<A[]> {
  let from: A[] = []
  for (let i = 0; i < items.length; i += MOVED_A_PART) {
    if (i > 0) yield
    for (const item of items.slice(i, i + MOVED_A_PART).sort(compare)) from.push(item)
  }
  for (let width = MOVED_A_PART; width < from.length; width *= 2) {
    const to: A[] = []
    for (let start = 0; start < from.length; start += 2 * width) {
      const middle = Math.min(start + width, from.length)
      const end = Math.min(start + 2 * width, from.length)
      let [left, right] = [start, middle]
      while (left < middle || right < end) {
        const takesLeft = right >= end || (left < middle && compare(from[left]!, from[right]!) <= 0)
        to.push(takesLeft ? from[left++]! : from[right++]!)
        if (to.length % MOVED_A_PART === 0) yield
      }
    }
    from = to
  }
  return from
}
