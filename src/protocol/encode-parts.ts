import { type Parts, valuesLeft } from '../lib/parts.ts'
import { MapReply, PairsReply, type Reply, SetReply, StreamsReply } from '../reply/reply.ts'
import { encodeReply, type Protocol } from './encode.ts'
import type { OutputBuffer } from './output-buffer.ts'

/** What is encoded in one part, in values and in bytes. */
const VALUES_A_PART = 1_024
const BYTES_A_PART = 128 * 1024

const ARRAY = 0x2a // *
const MAP = 0x25 // %
const SET = 0x7e // ~

interface ListShape {
  readonly type: number
  readonly count: number
  readonly items: readonly Reply[]
  /** Two and two of the items are an array. */
  readonly paired: boolean
}

/** As `encodeReply`, a part at a time. */
export function* encodeInParts(reply: Reply, protocol: Protocol, out: OutputBuffer): Parts<void> {
  const shape = shapeOf(reply, protocol)
  if (shape === undefined) {
    encodeReply(reply, protocol, out)
    return
  }
  const { items, paired } = shape
  out.header(shape.type, shape.count)
  let mark = out.bytes
  for (let i = 0; i < items.length; i++) {
    if (paired && i % 2 === 0) out.header(ARRAY, 2)
    const item = items[i]!
    if (hasManyValues(item)) yield* encodeInParts(item, protocol, out)
    else encodeReply(item, protocol, out)
    if (i % VALUES_A_PART !== VALUES_A_PART - 1 && out.bytes - mark < BYTES_A_PART) continue
    mark = out.bytes
    yield
  }
}

/** Whether encoding it at once would hold up others. */
export function hasManyValues(reply: Reply): boolean {
  const items = itemsOf(reply)
  return items !== undefined && valuesLeft(items, VALUES_A_PART, itemsOf) <= 0
}

function itemsOf(reply: Reply): readonly Reply[] | undefined {
  if (typeof reply !== 'object' || reply === null || reply instanceof Uint8Array) return undefined
  if (isList(reply)) return reply
  if (reply instanceof SetReply) return reply.items
  if (reply instanceof MapReply || reply instanceof PairsReply || reply instanceof StreamsReply)
    return reply.flat
  return undefined
}

const isList = (reply: Reply): reply is readonly Reply[] => Array.isArray(reply)

/** Undefined for what is no list, or is odd where pairs are meant: that is left to `encodeReply`. */
function shapeOf(reply: Reply, protocol: Protocol): ListShape | undefined {
  const items = itemsOf(reply)
  if (items === undefined) return undefined
  const { length } = items
  if (isList(reply)) return { type: ARRAY, count: length, items, paired: false }
  if (reply instanceof SetReply)
    return { type: protocol === 3 ? SET : ARRAY, count: length, items, paired: false }
  if (length % 2 !== 0) return undefined
  const isMap = reply instanceof MapReply || (reply instanceof StreamsReply && protocol === 3)
  if (isMap && protocol === 3) return { type: MAP, count: length / 2, items, paired: false }
  const paired = reply instanceof StreamsReply ? protocol === 2 : protocol === 3
  return { type: ARRAY, count: paired ? length / 2 : length, items, paired: paired && !isMap }
}
