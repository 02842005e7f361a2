import type { BackingReply } from '../../backing/backing.ts'
import { makeId, type StreamId } from '../../redis-semantics/stream-id.ts'
import type { Cell } from './cell.ts'
import { type StreamGroup, type StreamValue, UNKNOWN_READ } from './stream-value.ts'

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
  const entries = (facts.get('entries') as [Buffer, [Buffer, Buffer]][]).map(([id, [, sealed]]) => ({
    id: idFrom(id),
    cell: cellOf(sealed),
  }))
  const groups = (facts.get('groups') as BackingReply[]).map(loadGroup)
  return {
    type: 'stream',
    entries,
    lastId: idFrom(facts.get('last-generated-id')),
    maxDeletedId: idFrom(facts.get('max-deleted-entry-id')),
    entriesAdded: integerFrom(facts.get('entries-added'), BigInt(entries.length)),
    groups: new Map(groups.map((group) => [group.name.toString('latin1'), group])),
    log: [],
  }
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
