import { locations } from '../../automation/location.ts'
import type { BackingReply } from '../../backing/backing.ts'
import { decodeFields } from '../../engine/plaintext/stream-entry.ts'
import type { StreamEntry } from '../../engine/plaintext/stream-value.ts'
import { mapInParts, type Parts } from '../../lib/parts.ts'
import { idText } from '../../redis-semantics/stream-id.ts'
import type { Call } from '../../registry/context.ts'
import { NULL_ARRAY, type Reply, StreamsReply } from '../../reply/reply.ts'

/** An entry as every command shows it: its id, and its fields and values in turn. */
export const entryReply = ({ id, cell }: StreamEntry): Reply => [idText(id), decodeFields(cell.bytes)]

/**
 * What needs no opening. An integer beyond 2^53 lost its last digits on the way here, and still is an
 * integer.
 */
export function plainReply(raw: BackingReply): Reply {
  if (typeof raw === 'number') return Number.isSafeInteger(raw) ? raw : BigInt(raw)
  return Array.isArray(raw) ? raw.map(plainReply) : (raw as Buffer | null)
}

/**
 * An entry as Redis gives it; without fields when it is pending and was deleted. Null: Redis 6.2 claimed such
 * a one.
 */
export function openEntry({ automation }: Call, name: Buffer, raw: BackingReply): Reply {
  if (!Array.isArray(raw)) return raw as Buffer | null
  const [id, fields] = raw as [Buffer, [Buffer, Buffer] | null]
  return [
    id,
    fields === null
      ? NULL_ARRAY
      : decodeFields(automation.sealer.open(locations.streamValue(name), fields[1]).bytes),
  ]
}

/** A list of entries, or of ids. */
export const openEntries = (call: Call, name: Buffer, raw: BackingReply): Reply =>
  raw === null ? NULL_ARRAY : (raw as BackingReply[]).map((entry) => openEntry(call, name, entry))

export function* openEntriesInParts(call: Call, name: Buffer, raw: BackingReply): Parts<Reply> {
  if (raw === null) return NULL_ARRAY
  return yield* mapInParts(raw as BackingReply[], (entry) => openEntry(call, name, entry))
}

/** What XREAD and XREADGROUP answer. */
export function* openStreamsInParts(call: Call, raw: BackingReply): Parts<Reply> {
  if (raw === null) return NULL_ARRAY
  const { length } = call.automation.prefix
  const opened: Reply[] = []
  for (const [key, entries] of raw as [Buffer, BackingReply][]) {
    const name = key.subarray(length)
    opened.push(name, yield* openEntriesInParts(call, name, entries))
  }
  return new StreamsReply(opened)
}
