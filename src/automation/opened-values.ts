import { Buffer } from 'node:buffer'
import type { Opened } from './opened.ts'

/** Of the whole process; touched page by page, as values are read. */
const RING_BYTES = 32 * 1024 * 1024
/** A longer value (sealed and open together) would push out hundreds of others. */
const LONGEST = 64 * 1024

/**
 * Where a value lies in the ring: sealed, and behind it open. `start` counts all bytes ever put into the
 * ring, so the entry is gone once the ring has gone round.
 */
export interface OpenedEntry {
  readonly start: number
  readonly at: number
  readonly sealedLength: number
  readonly openLength: number
  readonly json: boolean
}

/** What remembers where the value that was opened last lies: the headers of its location. */
export interface HoldsRecent {
  recent: OpenedEntry | undefined
}

let ring: Buffer | undefined
let total = 0

/**
 * The values that were opened last, since automations read the same ones again and again, and to compare a
 * sealed value with what was opened before costs a thirtieth of opening it. Only the very same bytes at the
 * same location are taken from here, so whatever was changed in the Redis is still found out. Each answer is
 * a copy: nobody can change what others get.
 */
export function openedBefore({ recent }: HoldsRecent, sealed: Buffer): Opened | undefined {
  if (
    recent === undefined ||
    ring === undefined ||
    recent.sealedLength !== sealed.length ||
    total - recent.start > RING_BYTES
  )
    return undefined
  const openAt = recent.at + recent.sealedLength
  if (sealed.compare(ring, recent.at, openAt) !== 0) return undefined
  const bytes = Buffer.allocUnsafe(recent.openLength)
  ring.copy(bytes, 0, openAt, openAt + recent.openLength)
  return { bytes, json: recent.json }
}

export function keepOpened(holder: HoldsRecent, sealed: Buffer, { bytes, json }: Opened): void {
  const length = sealed.length + bytes.length
  if (length > LONGEST) return
  ring ??= Buffer.allocUnsafeSlow(RING_BYTES)
  let at = total % RING_BYTES
  if (at + length > RING_BYTES) {
    total += RING_BYTES - at
    at = 0
  }
  sealed.copy(ring, at)
  bytes.copy(ring, at + sealed.length)
  holder.recent = { start: total, at, sealedLength: sealed.length, openLength: bytes.length, json }
  total += length
}
