import type { Automation } from '../../automation/automation.ts'
import { locations } from '../../automation/location.ts'
import type { Cell } from '../plaintext/cell.ts'
import { inChunks, type NativeCommand } from '../writes/native-command.ts'

/** Most LSET, LINSERT or LREM for one change of a list. */
const MAX_SEEKS = 100

/**
 * Elements are told apart by identity, and in Redis by their ciphertext, which is unique: so LREM and LINSERT
 * hit exactly one.
 */
export function listDifference(
  automation: Automation,
  name: Buffer,
  before: readonly Cell[],
  after: readonly Cell[],
): NativeCommand[] | undefined {
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && before[head] === after[head]) head++
  let tail = 0
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++
  const gone = before.slice(head, before.length - tail)
  const come = after.slice(head, after.length - tail)
  const seal = (cells: readonly Cell[]): Buffer[] => sealedElements(automation, name, cells)
  if (head + tail === 0 && before.length > 0) return shiftedDifference(seal, before, after)
  if (tail === 0) return [...popped('RPOP', gone.length), ...inChunks('RPUSH', seal(come), 1)]
  if (head === 0) return [...popped('LPOP', gone.length), ...inChunks('LPUSH', seal(come.toReversed()), 1)]
  // Each of these goes through the list in the Redis: above some of them, writing it anew is less work.
  if (
    come.length > MAX_SEEKS &&
    (gone.length === 0 || come.filter((cell, i) => cell !== gone[i]).length > MAX_SEEKS)
  )
    return undefined
  if (gone.length === come.length) {
    const sealed = seal(come)
    return come.flatMap((cell, i): NativeCommand[] =>
      cell === gone[i] ? [] : [['LSET', head + i, sealed[i]!]],
    )
  }
  if (gone.length === 0) {
    const [pivot] = seal([after[after.length - tail]!])
    return seal(come).map((sealed): NativeCommand => ['LINSERT', 'BEFORE', pivot!, sealed])
  }
  const kept = new Set(come)
  const removed = gone.filter((cell) => !kept.has(cell))
  const inOrder = gone.filter((cell) => kept.has(cell))
  if (
    removed.length <= MAX_SEEKS &&
    inOrder.length === come.length &&
    inOrder.every((cell, i) => cell === come[i])
  ) {
    return seal(removed).map((sealed): NativeCommand => ['LREM', 1, sealed])
  }
  return undefined
}

/**
 * Both ends changed, or elements moved: the longest run that stays together is kept, the rest is pushed at
 * its ends.
 */
function shiftedDifference(
  seal: (cells: readonly Cell[]) => Buffer[],
  before: readonly Cell[],
  after: readonly Cell[],
): NativeCommand[] | undefined {
  const places = new Map(before.map((cell, i) => [cell, i]))
  let best = { at: 0, start: 0, length: 0 }
  for (let at = 0; at < after.length; ) {
    const start = places.get(after[at]!)
    let length = 1
    if (start !== undefined) {
      while (
        at + length < after.length &&
        start + length < before.length &&
        after[at + length] === before[start + length]
      )
        length++
      if (length > best.length) best = { at, start, length }
    }
    at += length
  }
  if (best.length === 0) return undefined
  return [
    ['LTRIM', best.start, best.start + best.length - 1],
    ...inChunks('LPUSH', seal(after.slice(0, best.at).reverse()), 1),
    ...inChunks('RPUSH', seal(after.slice(best.at + best.length)), 1),
  ]
}

export const sealedElements = (automation: Automation, name: Buffer, cells: readonly Cell[]): Buffer[] => {
  const location = locations.element(name)
  return cells.map((cell) => cell.sealAt(location, automation.sealer))
}

const popped = (command: 'LPOP' | 'RPOP', count: number): NativeCommand[] =>
  count === 0 ? [] : [[command, count]]
