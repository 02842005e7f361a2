import { Buffer } from 'node:buffer'
import { RecentMap } from '../lib/recent-map.ts'
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

/** So many elements of lists and entries of streams are remembered, of all automations. */
const MOST_ELEMENTS = 65_536
/** A longer one is seldom one of many. */
const LONGEST_ELEMENT = 4 * 1024

/** By the nonce that they were sealed with, of which no two are alike. */
const elements = new RecentMap<OpenedEntry>(MOST_ELEMENTS, () => 1)

let ring: Buffer | undefined
let total = 0

/**
 * The values that were opened last, since automations read the same ones again and again, and to compare a
 * sealed value with what was opened before costs a thirtieth of opening it. Only the very same bytes at the
 * same location are taken from here, so whatever was changed in the Redis is still found out. Each answer is
 * a copy: nobody can change what others get.
 */
export const openedBefore = ({ recent }: HoldsRecent, sealed: Buffer): Opened | undefined =>
  openedAt(recent, sealed)

/** The same for one of many values at one location. */
export const elementOpenedBefore = (nonce: string, sealed: Buffer): Opened | undefined =>
  openedAt(elements.get(nonce), sealed)

function openedAt(recent: OpenedEntry | undefined, sealed: Buffer): Opened | undefined {
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

export function keepOpened(holder: HoldsRecent, sealed: Buffer, opened: Opened): void {
  if (sealed.length + opened.bytes.length <= LONGEST) holder.recent = put(sealed, opened)
}

export function keepOpenedElement(nonce: string, sealed: Buffer, opened: Opened): void {
  if (sealed.length + opened.bytes.length <= LONGEST_ELEMENT) elements.set(nonce, put(sealed, opened))
}

function put(sealed: Buffer, { bytes, json }: Opened): OpenedEntry {
  const length = sealed.length + bytes.length
  ring ??= Buffer.allocUnsafeSlow(RING_BYTES)
  let at = total % RING_BYTES
  if (at + length > RING_BYTES) {
    total += RING_BYTES - at
    at = 0
  }
  sealed.copy(ring, at)
  bytes.copy(ring, at + sealed.length)
  const entry = { start: total, at, sealedLength: sealed.length, openLength: bytes.length, json }
  total += length
  return entry
}
