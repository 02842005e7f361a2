import { bytesOfText, holdsBytes } from '../lib/byte-text.ts'
import {
  BigNumber,
  Double,
  EncodedReply,
  ErrorReply,
  MapReply,
  MultiReply,
  NullArray,
  OK,
  PairsReply,
  PONG,
  PushReply,
  QUEUED,
  type Reply,
  SetReply,
  SimpleString,
  StreamsReply,
  Verbatim,
} from '../reply/reply.ts'
import type { OutputBuffer } from './output-buffer.ts'

export { OutputBuffer } from './output-buffer.ts'

export type Protocol = 2 | 3

const SIMPLE = 0x2b // +
const ERROR = 0x2d // -
const INTEGER = 0x3a // :
const BULK = 0x24 // $
const ARRAY = 0x2a // *
const MAP = 0x25 // %
const SET = 0x7e // ~
const PUSH = 0x3e // >
const DOUBLE = 0x2c // ,
const BIG_NUMBER = 0x28 // (
const VERBATIM = 0x3d // =

const OK_LINE = Buffer.from('+OK\r\n')
const QUEUED_LINE = Buffer.from('+QUEUED\r\n')
const PONG_LINE = Buffer.from('+PONG\r\n')
const NULL_BULK = Buffer.from('$-1\r\n')
const NULL_ARRAY_LINE = Buffer.from('*-1\r\n')
const NULL = Buffer.from('_\r\n')
const TRUE = Buffer.from('#t\r\n')
const FALSE = Buffer.from('#f\r\n')

/**
 * Appends the wire form of `reply`. Throws a TypeError for a number that is not a safe integer or a flat list
 * of odd length; what was written by then stays, so the connection cannot be used any more.
 */
export const encodeReply = (reply: Reply, protocol: Protocol, out: OutputBuffer): void => {
  if (typeof reply === 'string') return bulkText(reply, out)
  if (typeof reply === 'number') return integer(reply, out)
  if (reply === null) return out.buffer(protocol === 3 ? NULL : NULL_BULK)
  if (reply instanceof Uint8Array) {
    out.header(BULK, reply.length)
    out.buffer(reply as Buffer)
    return out.crlf()
  }
  if (typeof reply === 'boolean') {
    if (protocol === 3) return out.buffer(reply ? TRUE : FALSE)
    return out.header(INTEGER, reply ? 1 : 0)
  }
  if (typeof reply === 'bigint') return line(INTEGER, reply.toString(), out)
  if (isArray(reply)) return list(ARRAY, reply, protocol, out)
  if (reply instanceof SimpleString) return simple(reply, out)
  if (reply instanceof ErrorReply) return errorLine(oneLine(reply.text), out)
  if (reply instanceof NullArray) return out.buffer(protocol === 3 ? NULL : NULL_ARRAY_LINE)
  if (reply instanceof PushReply) return list(protocol === 3 ? PUSH : ARRAY, reply.items, protocol, out)
  if (reply instanceof SetReply) return list(protocol === 3 ? SET : ARRAY, reply.items, protocol, out)
  if (reply instanceof MapReply) return flat(protocol === 3 ? MAP : ARRAY, reply.flat, protocol, out)
  if (reply instanceof PairsReply)
    return protocol === 3 ? pairs(reply.flat, 3, out) : flat(ARRAY, reply.flat, 2, out)
  if (reply instanceof StreamsReply)
    return protocol === 3 ? flat(MAP, reply.flat, 3, out) : pairs(reply.flat, 2, out)
  if (reply instanceof Double)
    return protocol === 3 ? line(DOUBLE, oneLine(reply.text), out) : bulkText(reply.text, out)
  if (reply instanceof BigNumber)
    return protocol === 3 ? line(BIG_NUMBER, oneLine(reply.text), out) : bulkText(reply.text, out)
  if (reply instanceof Verbatim) return verbatim(reply, protocol, out)
  if (reply instanceof MultiReply) {
    for (const part of reply.parts) encodeReply(part, protocol, out)
    return
  }
  if (reply instanceof EncodedReply) {
    for (const chunk of reply.chunks) out.buffer(chunk)
    return
  }
  throw new TypeError('not a reply')
}

/** Array.isArray does not narrow readonly arrays out of a union. */
const isArray = (reply: Reply): reply is readonly Reply[] => Array.isArray(reply)

/** A line of the protocol ends at the first CRLF: text that held one could forge the next reply. */
const oneLine = (text: string): string => (/[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, '') : text)

const line = (type: number, text: string, out: OutputBuffer): void => {
  out.byte(type)
  out.text(text, Buffer.byteLength(text))
  out.crlf()
}

/** Parts of it may be bytes of the caller that are no UTF-8. */
const errorLine = (text: string, out: OutputBuffer): void => {
  if (!holdsBytes(text)) return line(ERROR, text, out)
  out.byte(ERROR)
  out.buffer(bytesOfText(text))
  out.crlf()
}

const simple = (reply: SimpleString, out: OutputBuffer): void => {
  if (reply === OK) return out.buffer(OK_LINE)
  if (reply === QUEUED) return out.buffer(QUEUED_LINE)
  if (reply === PONG) return out.buffer(PONG_LINE)
  line(SIMPLE, oneLine(reply.text), out)
}

const integer = (value: number, out: OutputBuffer): void => {
  if (!Number.isSafeInteger(value)) throw new TypeError('an integer reply is not a safe integer')
  if (value >= 0) out.header(INTEGER, value)
  else line(INTEGER, String(value), out)
}

const bulkText = (text: string, out: OutputBuffer): void => {
  const bytes = Buffer.byteLength(text)
  out.header(BULK, bytes)
  out.text(text, bytes)
  out.crlf()
}

const verbatim = (reply: Verbatim, protocol: Protocol, out: OutputBuffer): void => {
  if (protocol === 2) return bulkText(reply.text, out)
  const bytes = Buffer.byteLength(reply.text)
  out.header(VERBATIM, bytes + 4)
  out.text(reply.format, 3)
  out.byte(0x3a)
  out.text(reply.text, bytes)
  out.crlf()
}

const list = (type: number, items: readonly Reply[], protocol: Protocol, out: OutputBuffer): void => {
  out.header(type, items.length)
  for (let i = 0; i < items.length; i++) encodeReply(items[i]!, protocol, out)
}

const pairCount = (flat: readonly Reply[]): number => {
  if (flat.length % 2 !== 0) throw new TypeError('a flat list of pairs has an odd length')
  return flat.length / 2
}

const flat = (type: number, items: readonly Reply[], protocol: Protocol, out: OutputBuffer): void => {
  const count = pairCount(items)
  out.header(type, type === MAP ? count : items.length)
  for (let i = 0; i < items.length; i++) encodeReply(items[i]!, protocol, out)
}

const pairs = (items: readonly Reply[], protocol: Protocol, out: OutputBuffer): void => {
  out.header(ARRAY, pairCount(items))
  for (let i = 0; i < items.length; i += 2) {
    out.header(ARRAY, 2)
    encodeReply(items[i]!, protocol, out)
    encodeReply(items[i + 1]!, protocol, out)
  }
}
