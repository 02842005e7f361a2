import type { BackingReply } from '../../backing/backing.ts'
import { makeId, type StreamId } from '../../redis-semantics/stream-id.ts'
import type { Cell } from './cell.ts'
import { NotLoaded } from './not-loaded.ts'
import { type StreamEntry, type StreamGroup, type StreamValue, UNKNOWN_READ } from './stream-value.ts'

const idFrom = (reply: BackingReply | undefined): StreamId => {
  if (reply === undefined) return 0n
  const text = (reply as Buffer).toString('latin1')
  const dash = text.indexOf('-')
  return makeId(BigInt(text.slice(0, dash)), BigInt(text.slice(dash + 1)))
}

/** A flat reply of names and values. */
function factsOf(reply: BackingReply): ReadonlyMap<string, BackingReply> {
  const flat = reply as BackingReply[]
  const facts = new Map<string, BackingReply>()
  for (let i = 0; i < flat.length; i += 2) facts.set((flat[i] as Buffer).toString('latin1'), flat[i + 1]!)
  return facts
}

const integerFrom = (reply: BackingReply | undefined, otherwise: bigint): bigint =>
  typeof reply === 'number' ? BigInt(reply) : otherwise

/**
 * A stream from the reply of XINFO STREAM FULL COUNT 0, which holds everything but what was never kept.
 * Numbers above 2^53 (a counter that XSETID set so high) lose their last digits on the way through Lua. Redis
 * 6.2 keeps no counters: there nothing counts as deleted, and what is in the stream as all that was ever
 * added.
 */
export function loadStream(reply: BackingReply, cellOf: (sealed: Buffer) => Cell): StreamValue {
  const facts = factsOf(reply)
  const groups = (facts.get('groups') as BackingReply[]).map(loadGroup)
  return streamOf(
    facts,
    (facts.get('entries') as RawEntry[]).map((entry) => entryOf(entry, cellOf)),
    new Map(groups.map((group) => [group.name.toString('latin1'), group])),
  )
}

type RawEntry = [id: Buffer, fields: [Buffer, Buffer]]

const entryOf = ([id, [, sealed]]: RawEntry, cellOf: (sealed: Buffer) => Cell): StreamEntry => ({
  id: idFrom(id),
  cell: cellOf(sealed),
})

const streamOf = (
  facts: ReadonlyMap<string, BackingReply>,
  entries: StreamEntry[],
  groups: StreamValue['groups'],
): StreamValue => ({
  type: 'stream',
  entries,
  lastId: idFrom(facts.get('last-generated-id')),
  maxDeletedId: idFrom(facts.get('max-deleted-entry-id')),
  entriesAdded: integerFrom(facts.get('entries-added'), BigInt(entries.length)),
  groups,
  log: [],
})

/** An entry that was not loaded: looking at it loads the whole stream. */
class UnseenEntry implements StreamEntry {
  private readonly key: Buffer

  constructor(key: Buffer) {
    this.key = key
  }

  get id(): StreamId {
    throw new NotLoaded([{ name: this.key, extent: 'all' }])
  }

  get cell(): Cell {
    throw new NotLoaded([{ name: this.key, extent: 'all' }])
  }
}

/**
 * A long stream without its groups, from the replies of XINFO STREAM and XRANGE: of its entries the first
 * ones and the last.
 */
export function loadTail(key: Buffer, reply: BackingReply, cellOf: (sealed: Buffer) => Cell): StreamValue {
  const [info, head] = reply as [BackingReply, RawEntry[]]
  const facts = factsOf(info)
  const entries = new Array<StreamEntry>(facts.get('length') as number).fill(new UnseenEntry(key))
  for (const [i, entry] of head.entries()) entries[i] = entryOf(entry, cellOf)
  entries[entries.length - 1] = entryOf(facts.get('last-entry') as RawEntry, cellOf)
  return streamOf(facts, entries, new Map())
}

function loadGroup(reply: BackingReply): StreamGroup {
  const facts = factsOf(reply)
  const pending = facts.get('pending') as [Buffer, Buffer, number, number][]
  const consumers = (facts.get('consumers') as BackingReply[]).map(factsOf)
  return {
    name: facts.get('name') as Buffer,
    lastId: idFrom(facts.get('last-delivered-id')),
    entriesRead: integerFrom(facts.get('entries-read'), UNKNOWN_READ),
    pending: new Map(
      pending.map(([id, consumer, time, count]) => [
        idFrom(id),
        { consumer: consumer.toString('latin1'), time, count: BigInt(count) },
      ]),
    ),
    consumers: new Map(
      consumers.map((consumer) => {
        const name = consumer.get('name') as Buffer
        return [name.toString('latin1'), { name, seenTime: consumer.get('seen-time') as number }]
      }),
    ),
  }
}
