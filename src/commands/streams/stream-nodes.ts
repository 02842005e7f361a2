import { decodeFields } from '../../engine/plaintext/stream-entry.ts'
import type { StreamEntry } from '../../engine/plaintext/stream-value.ts'
import { EMPTY_BYTES, elementBytes, integerBytes } from '../../redis-semantics/listpack.ts'
import { millisecondsOf, type StreamId, sequenceOf } from '../../redis-semantics/stream-id.ts'

/** Redis's settings stream-node-max-entries and stream-node-max-bytes, by default. */
const MAX_ENTRIES = 100
const MAX_BYTES = 4_096

interface Master {
  readonly id: StreamId
  readonly names: readonly Buffer[]
}

const sum = (elements: readonly Buffer[], size: (element: Buffer) => number): number =>
  elements.reduce((bytes, element) => bytes + size(element), 0)

const everySecond = (fields: readonly Buffer[], from: 0 | 1): Buffer[] =>
  fields.filter((_field, i) => i % 2 === from)

/** Of what a node begins with: counts of entries, of deleted ones and of names, the names, and a zero. */
const masterBytes = ({ names }: Master): number =>
  EMPTY_BYTES +
  integerBytes(1n) +
  integerBytes(0n) +
  integerBytes(BigInt(names.length)) +
  sum(names, elementBytes) +
  integerBytes(0n)

/** Of one entry: flags, the differences to the master's id, fields, and the number of elements. */
function entryBytes({ id, names }: Master, own: StreamId, fields: readonly Buffer[]): number {
  const ownNames = everySecond(fields, 0)
  const count = ownNames.length
  const isSame = count === names.length && ownNames.every((name, i) => name.equals(names[i]!))
  return (
    integerBytes(isSame ? 2n : 0n) +
    integerBytes(millisecondsOf(own) - millisecondsOf(id)) +
    integerBytes(sequenceOf(own) - sequenceOf(id)) +
    (isSame ? 0 : integerBytes(BigInt(count))) +
    sum(isSame ? everySecond(fields, 1) : fields, elementBytes) +
    integerBytes(BigInt(isSame ? count + 3 : 2 * count + 4))
  )
}

/**
 * How many entries from `start` on Redis would keep in one node (streamAppendItem), if they were added one
 * after the other and none was deleted; undefined when there are more than `most`. No entry behind these is
 * opened but one.
 */
function nodeLength(entries: readonly StreamEntry[], start: number, most: number): number | undefined {
  let master: Master | undefined
  let bytes = 0
  for (let i = start; i < entries.length; i++) {
    const count = i - start
    if (count >= MAX_ENTRIES) return count
    const { id, cell } = entries[i]!
    const fields = decodeFields(cell.bytes)
    if (master === undefined) {
      master = { id, names: everySecond(fields, 0) }
      bytes = masterBytes(master)
    } else if (bytes + sum(fields, ({ length }) => length) >= MAX_BYTES) {
      return count
    }
    if (count >= most) return undefined
    bytes += entryBytes(master, id, fields)
  }
  return entries.length - start
}

/**
 * How many entries approximate trimming takes from the head, of `exact` that exact trimming would: whole
 * nodes, and no more than `limit` entries (0: without a limit).
 */
export function trimmedNodes(entries: readonly StreamEntry[], exact: number, limit: number): number {
  let count = 0
  while (count < exact) {
    const node = nodeLength(entries, count, exact - count)
    if (node === undefined || (limit > 0 && count + node > limit)) break
    count += node
  }
  return count
}
