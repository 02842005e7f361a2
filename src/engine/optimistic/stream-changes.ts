import type { Automation } from '../../automation/automation.ts'
import { locations } from '../../automation/location.ts'
import type { BackingArg } from '../../backing/backing.ts'
import { idOf } from '../../lib/id.ts'
import { idText } from '../../redis-semantics/stream-id.ts'
import { Cell } from '../plaintext/cell.ts'
import { claimSteps, stepsOf } from '../plaintext/stream-edit.ts'
import { ENTRY_FIELD } from '../plaintext/stream-entry.ts'
import {
  entryAt,
  type StreamGroup,
  type StreamStep,
  type StreamValue,
  sortedGroups,
  sortedPending,
  UNKNOWN_READ,
} from '../plaintext/stream-value.ts'
import type { NativeCommand } from '../writes/native-command.ts'

/** Options of Redis 7 for counters that Redis 6.2 does not keep. */
const COUNTERS: readonly BackingArg[] = ['ENTRIESREAD', 'ENTRIESADDED', 'MAXDELETEDID']

/** Before 7.0 Redis refuses the options that set the counters of a stream, and has none to set. */
export const hasStreamCounters = (version: string): boolean => Number.parseInt(version, 10) >= 7

/** The native commands for what was done to a stream since the snapshot. */
export const streamChanges = (
  automation: Automation,
  name: Buffer,
  { log }: StreamValue,
  counters: boolean,
): NativeCommand[] => log.map((step) => commandOf(automation, name, step, counters))

function commandOf(
  automation: Automation,
  name: Buffer,
  [command, ...args]: StreamStep,
  counters: boolean,
): NativeCommand {
  const native: BackingArg[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg instanceof Cell)
      native.push(ENTRY_FIELD, arg.sealAt(locations.streamValue(name), automation.sealer))
    else if (counters || !COUNTERS.includes(arg)) native.push(arg)
    else i++
  }
  return [command, ...native]
}

/**
 * The native commands that make a stream where no key is. When a consumer was last seen cannot be set: it is
 * the moment of the write.
 */
export function wholeStream(
  automation: Automation,
  name: Buffer,
  stream: StreamValue,
  counters: boolean,
): NativeCommand[] {
  return [
    ...entrySteps(stream),
    ...sortedGroups(stream).flatMap(groupSteps),
    ...danglingSteps(stream),
    ...counterSteps(stream),
  ].map((step) => commandOf(automation, name, step, counters))
}

/**
 * Stands for an entry that is pending although it was deleted: only for an entry that is there can XCLAIM
 * make that so.
 */
const PLACEHOLDER = [ENTRY_FIELD, ''] as const

const danglingIds = (stream: StreamValue): bigint[] => {
  const ids = new Set<bigint>()
  for (const { pending } of stream.groups.values()) {
    for (const id of pending.keys()) if (entryAt(stream, id) === undefined) ids.add(id)
  }
  return [...ids].sort((a, b) => (a < b ? -1 : 1))
}

function entrySteps(stream: StreamValue): StreamStep[] {
  const dangling = danglingIds(stream)
  if (stream.entries.length + dangling.length === 0) {
    const anyName = Buffer.from('g')
    return [
      ['XGROUP CREATE', anyName, '0-0', 'MKSTREAM'],
      ['XGROUP DESTROY', anyName],
    ]
  }
  const all: { id: bigint; cell?: Cell }[] = [...stream.entries, ...dangling.map((id) => ({ id }))]
  if (dangling.length > 0) all.sort((a, b) => (a.id < b.id ? -1 : 1))
  return all.map(({ id, cell }) => ['XADD', idText(id), ...(cell === undefined ? PLACEHOLDER : [cell])])
}

function groupSteps(group: StreamGroup): StreamStep[] {
  const { name, lastId, entriesRead, consumers } = group
  const counter = entriesRead === UNKNOWN_READ ? [] : ['ENTRIESREAD', `${entriesRead}`]
  const steps: StreamStep[] = [['XGROUP CREATE', name, idText(lastId), ...counter]]
  for (const consumer of consumers.values()) {
    const alike = new Map<string, { time: number; count: bigint; ids: bigint[] }>()
    for (const [id, { time, count }] of sortedPending(group, idOf(consumer.name))) {
      const same = alike.get(`${time}:${count}`)
      if (same === undefined) alike.set(`${time}:${count}`, { time, count, ids: [id] })
      else same.ids.push(id)
    }
    if (alike.size === 0) steps.push(['XGROUP CREATECONSUMER', name, consumer.name])
    for (const { time, count, ids } of alike.values()) {
      for (const step of claimSteps(name, consumer.name, ids, time, count)) steps.push(step)
    }
  }
  return steps
}

/**
 * Takes the placeholders away: from the head by XTRIM, which leaves no trace, as what is gone there may never
 * have been XDELeted.
 */
function danglingSteps(stream: StreamValue): StreamStep[] {
  const dangling = danglingIds(stream)
  if (dangling.length === 0) return []
  const first = stream.entries[0]?.id
  if (first === undefined) return [['XTRIM', 'MAXLEN', '=', 0]]
  const trim: StreamStep[] = dangling[0]! < first ? [['XTRIM', 'MINID', '=', idText(first)]] : []
  return [
    ...trim,
    ...stepsOf(
      dangling.filter((id) => id > first),
      (texts) => ['XDEL', ...texts],
    ),
  ]
}

function counterSteps(stream: StreamValue): StreamStep[] {
  const { lastId, maxDeletedId, entriesAdded } = stream
  const added = ['ENTRIESADDED', `${entriesAdded}`]
  if (maxDeletedId === 0n) return [['XSETID', idText(lastId), ...added]]
  // XSETID refuses a last id below the highest deleted one, unless that was there before.
  const highest = maxDeletedId > lastId ? maxDeletedId : lastId
  const steps: StreamStep[] = [['XSETID', idText(highest), ...added, 'MAXDELETEDID', idText(maxDeletedId)]]
  if (highest !== lastId) steps.push(['XSETID', idText(lastId)])
  return steps
}
