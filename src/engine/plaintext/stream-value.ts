import type { BackingArg } from '../../backing/backing.ts'
import type { StreamId } from '../../redis-semantics/stream-id.ts'
import type { Cell } from './cell.ts'

export interface StreamEntry {
  readonly id: StreamId
  /** All fields and values, as `encodeFields` writes them. */
  readonly cell: Cell
}

/** An entry that was delivered and not yet acknowledged. */
export interface Pending {
  /** Key of `consumers`. */
  readonly consumer: string
  /** Of the last delivery, milliseconds since the epoch. */
  readonly time: number
  readonly count: bigint
}

export interface Consumer {
  readonly name: Buffer
  /** Milliseconds since the epoch. */
  readonly seenTime: number
}

/** What Redis keeps for a group whose number of entries read it cannot tell. */
export const UNKNOWN_READ = -1n

/**
 * Group and consumer names stay in the clear, as key names do: Redis sorts by them, and operators look for
 * them.
 */
export interface StreamGroup {
  readonly name: Buffer
  lastId: StreamId
  entriesRead: bigint
  /** The pending entries list, in no order. */
  readonly pending: Map<StreamId, Pending>
  /** By `idOf(name)`. */
  readonly consumers: Map<string, Consumer>
}

/**
 * A native command that repeats a change in Redis. The key, left out, comes after its one or two words
 * (`XGROUP SETID`); cells are yet to be sealed.
 */
export type StreamStep = readonly [command: string, ...args: (BackingArg | Cell)[]]

/**
 * A stream with all that Redis keeps about it. It has a history (entries added, highest id deleted, what each
 * group read) that no comparison of two states gives back: so whatever changes it also writes down the native
 * commands for it.
 */
export interface StreamValue {
  readonly type: 'stream'
  /** By ascending id. */
  entries: StreamEntry[]
  lastId: StreamId
  /** 0 when none was. */
  maxDeletedId: StreamId
  entriesAdded: bigint
  /** By `idOf(name)`. */
  groups: Map<string, StreamGroup>
  /** Since the snapshot. */
  log: StreamStep[]
}

export const newStream = (): StreamValue => ({
  type: 'stream',
  entries: [],
  lastId: 0n,
  maxDeletedId: 0n,
  entriesAdded: 0n,
  groups: new Map(),
  log: [],
})

export const cloneStream = (stream: StreamValue): StreamValue => ({
  ...stream,
  entries: stream.entries.slice(),
  groups: new Map(
    Array.from(stream.groups, ([id, group]) => [
      id,
      { ...group, pending: new Map(group.pending), consumers: new Map(group.consumers) },
    ]),
  ),
  log: stream.log.slice(),
})

/** The same contents for another key: the entries are to be sealed anew. */
export const streamForOtherKey = (stream: StreamValue): StreamValue => ({
  ...cloneStream(stream),
  entries: stream.entries.map(({ id, cell }) => ({ id, cell: cell.copy() })),
  log: [],
})

/** Index of the first entry whose id is not below `id`. */
export function indexFrom(entries: readonly StreamEntry[], id: StreamId): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries[middle]!.id < id) low = middle + 1
    else high = middle
  }
  return low
}

export function entryAt({ entries }: StreamValue, id: StreamId): StreamEntry | undefined {
  const entry = entries[indexFrom(entries, id)]
  return entry?.id === id ? entry : undefined
}

/** The entries from `start` to `end`, both inclusive. */
export const entriesBetween = ({ entries }: StreamValue, start: StreamId, end: StreamId): StreamEntry[] =>
  entries.slice(indexFrom(entries, start), indexFrom(entries, end + 1n))

const byName = (a: { name: Buffer }, b: { name: Buffer }): number => Buffer.compare(a.name, b.name)

export const sortedGroups = ({ groups }: StreamValue): StreamGroup[] => [...groups.values()].sort(byName)
export const sortedConsumers = ({ consumers }: StreamGroup): Consumer[] =>
  [...consumers.values()].sort(byName)

/** Of one consumer, or of all, by ascending id. */
export function sortedPending({ pending }: StreamGroup, consumer?: string): [StreamId, Pending][] {
  const all =
    consumer === undefined
      ? [...pending]
      : [...pending].filter(([, { consumer: owner }]) => owner === consumer)
  return all.sort(([a], [b]) => (a < b ? -1 : 1))
}

const firstIdOf = ({ entries }: StreamValue): StreamId => entries[0]?.id ?? 0n

/** Whether an entry at or after `from` was deleted (streamRangeHasTombstones). */
export function hasTombstones(stream: StreamValue, from: StreamId): boolean {
  if (stream.entries.length === 0 || stream.maxDeletedId === 0n || firstIdOf(stream) > stream.maxDeletedId)
    return false
  return from <= stream.maxDeletedId
}

/**
 * How many entries were added up to and with `id`, as far as it can be told
 * (streamEstimateDistanceFromFirstEverEntry).
 */
export function estimateRead(stream: StreamValue, id: StreamId): bigint {
  const { entries, entriesAdded, lastId, maxDeletedId } = stream
  if (entriesAdded === 0n) return 0n
  if (entries.length === 0 && id <= lastId) return entriesAdded
  if (id === lastId) return entriesAdded
  if (id > lastId) return UNKNOWN_READ
  const first = firstIdOf(stream)
  if (maxDeletedId === 0n || maxDeletedId < first) {
    if (id < first) return entriesAdded - BigInt(entries.length)
    if (id === first) return entriesAdded - BigInt(entries.length) + 1n
  }
  return UNKNOWN_READ
}

/** How many entries a group has yet to read, null when that cannot be told (streamReplyWithCGLag). */
export function lagOf(stream: StreamValue, group: StreamGroup): bigint | null {
  if (stream.entriesAdded === 0n) return 0n
  const known = group.entriesRead !== UNKNOWN_READ && !hasTombstones(stream, group.lastId)
  const read = known ? group.entriesRead : estimateRead(stream, group.lastId)
  return known || read !== UNKNOWN_READ ? stream.entriesAdded - read : null
}
