import { idOf } from '../../lib/id.ts'
import { idText, type StreamId } from '../../redis-semantics/stream-id.ts'
import type { Cell } from './cell.ts'
import {
  type Consumer,
  entryAt,
  estimateRead,
  hasTombstones,
  type StreamEntry,
  type StreamGroup,
  type StreamStep,
  type StreamValue,
  UNKNOWN_READ,
} from './stream-value.ts'

// What changes a stream: each writes down the native commands for it, so that Redis ends in the same state.

/**
 * No command that repeats a change has more ids than this: Lua's unpack takes some thousands of arguments.
 */
const MAX_IDS = 900

/** One step, or several when there are many ids. */
export function stepsOf(
  ids: readonly StreamId[],
  step: (texts: readonly string[]) => StreamStep,
): StreamStep[] {
  const steps: StreamStep[] = []
  for (let at = 0; at < ids.length; at += MAX_IDS) steps.push(step(ids.slice(at, at + MAX_IDS).map(idText)))
  return steps
}

/** `id` is above the last one. */
export function addEntry(stream: StreamValue, id: StreamId, cell: Cell): void {
  stream.entries.push({ id, cell })
  stream.lastId = id
  stream.entriesAdded++
  stream.log.push(['XADD', idText(id), cell])
}

/** Trims the first `count` entries. */
export function dropFirst(stream: StreamValue, count: number): void {
  stream.entries.splice(0, count)
  stream.log.push(['XTRIM', 'MAXLEN', '=', stream.entries.length])
}

/** All of them are there. */
export function deleteEntries(stream: StreamValue, ids: readonly StreamId[]): void {
  const gone = new Set(ids)
  stream.entries = stream.entries.filter(({ id }) => !gone.has(id))
  for (const id of gone) if (id > stream.maxDeletedId) stream.maxDeletedId = id
  for (const step of stepsOf(ids, (texts) => ['XDEL', ...texts])) stream.log.push(step)
}

export function setLastId(
  stream: StreamValue,
  lastId: StreamId,
  entriesAdded: bigint | undefined,
  maxDeletedId: StreamId,
): void {
  stream.lastId = lastId
  if (entriesAdded !== undefined) stream.entriesAdded = entriesAdded
  if (maxDeletedId !== 0n) stream.maxDeletedId = maxDeletedId
  stream.log.push([
    'XSETID',
    idText(lastId),
    ...(entriesAdded === undefined ? [] : ['ENTRIESADDED', `${entriesAdded}`]),
    ...(maxDeletedId === 0n ? [] : ['MAXDELETEDID', idText(maxDeletedId)]),
  ])
}

export function createGroup(stream: StreamValue, name: Buffer, lastId: StreamId, entriesRead: bigint): void {
  stream.groups.set(idOf(name), { name, lastId, entriesRead, pending: new Map(), consumers: new Map() })
  stream.log.push(['XGROUP CREATE', name, idText(lastId), 'ENTRIESREAD', `${entriesRead}`])
}

export function moveGroup(
  stream: StreamValue,
  group: StreamGroup,
  lastId: StreamId,
  entriesRead: bigint,
): void {
  group.lastId = lastId
  group.entriesRead = entriesRead
  stream.log.push(['XGROUP SETID', group.name, idText(lastId), 'ENTRIESREAD', `${entriesRead}`])
}

export function destroyGroup(stream: StreamValue, group: StreamGroup): void {
  stream.groups.delete(idOf(group.name))
  stream.log.push(['XGROUP DESTROY', group.name])
}

export function createConsumer(stream: StreamValue, group: StreamGroup, name: Buffer, now: number): void {
  group.consumers.set(idOf(name), { name, seenTime: now })
  stream.log.push(['XGROUP CREATECONSUMER', group.name, name])
}

/** With all that is pending for it. */
export function deleteConsumer(stream: StreamValue, group: StreamGroup, { name }: Consumer): void {
  const consumer = idOf(name)
  group.consumers.delete(consumer)
  for (const [id, pending] of group.pending) if (pending.consumer === consumer) group.pending.delete(id)
  stream.log.push(['XGROUP DELCONSUMER', group.name, name])
}

/** Takes ids, all of them pending, off the list. */
export function acknowledge(stream: StreamValue, group: StreamGroup, ids: readonly StreamId[]): void {
  for (const id of ids) group.pending.delete(id)
  for (const step of stepsOf(ids, (texts) => ['XACK', group.name, ...texts])) stream.log.push(step)
}

/**
 * Makes a consumer the owner of entries, all of them in the stream, no matter who had them. `time` is not
 * after `now`.
 */
export function assign(
  stream: StreamValue,
  group: StreamGroup,
  consumer: Buffer,
  claims: readonly { readonly id: StreamId; readonly count: bigint }[],
  time: number,
  now: number,
): void {
  const owner = idOf(consumer)
  const byCount = new Map<bigint, StreamId[]>()
  for (const { id, count } of claims) {
    group.pending.set(id, { consumer: owner, time, count })
    const same = byCount.get(count)
    if (same === undefined) byCount.set(count, [id])
    else same.push(id)
  }
  group.consumers.set(owner, { name: group.consumers.get(owner)?.name ?? consumer, seenTime: now })
  for (const [count, ids] of byCount) {
    for (const step of claimSteps(group.name, consumer, ids, time, count)) stream.log.push(step)
  }
}

/**
 * Sets owner, time and count of pending entries to exactly these: how Redis itself replicates them
 * (streamPropagateXCLAIM).
 */
export const claimSteps = (
  group: Buffer,
  consumer: Buffer,
  ids: readonly StreamId[],
  time: number,
  count: bigint,
): StreamStep[] =>
  stepsOf(ids, (texts) => [
    'XCLAIM',
    group,
    consumer,
    0,
    ...texts,
    'TIME',
    time,
    'RETRYCOUNT',
    `${count}`,
    'FORCE',
    'JUSTID',
  ])

/** Delivers new entries: the group moves on, and without `noAck` they are pending for the consumer. */
export function deliver(
  stream: StreamValue,
  group: StreamGroup,
  consumer: Buffer,
  entries: readonly StreamEntry[],
  noAck: boolean,
  now: number,
): void {
  let { lastId, entriesRead } = group
  for (const { id } of entries) {
    if (id <= lastId) continue
    if (entriesRead !== UNKNOWN_READ && !hasTombstones(stream, id)) entriesRead++
    else if (stream.entriesAdded > 0n) entriesRead = estimateRead(stream, id)
    lastId = id
  }
  moveGroup(stream, group, lastId, entriesRead)
  if (!noAck)
    assign(
      stream,
      group,
      consumer,
      entries.map(({ id }) => ({ id, count: 1n })),
      now,
      now,
    )
  else if (!group.consumers.has(idOf(consumer))) createConsumer(stream, group, consumer, now)
}

/**
 * Repeats the delivery of pending entries to their own consumer; those no longer in the stream are left as
 * they are.
 */
export function deliverAgain(
  stream: StreamValue,
  group: StreamGroup,
  consumer: Buffer,
  ids: readonly StreamId[],
  now: number,
): void {
  const claims = ids
    .filter((id) => entryAt(stream, id) !== undefined)
    .map((id) => ({ id, count: group.pending.get(id)!.count + 1n }))
  if (claims.length > 0) assign(stream, group, consumer, claims, now, now)
  else if (!group.consumers.has(idOf(consumer))) createConsumer(stream, group, consumer, now)
}
