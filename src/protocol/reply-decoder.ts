import { Buffer } from 'node:buffer'

/**
 * What a Redis answers in RESP2: bulk strings and simple strings are both Buffers, nested errors are Error
 * objects.
 */
export type DecodedReply = Buffer | number | null | Error | DecodedReply[]

const CR = 0x0d
const LF = 0x0a
const SIMPLE = 0x2b // +
const ERROR = 0x2d // -
const INTEGER = 0x3a // :
const BULK = 0x24 // $
const ARRAY = 0x2a // *
const MINUS = 0x2d

/**
 * A bulk from this size on that is not all here is gathered in memory of its own size; shorter ones wait for
 * their rest.
 */
const LONG_BULK = 16_384

/** An error that Redis answered. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError'
}

interface List {
  readonly items: DecodedReply[]
  readonly length: number
}

/**
 * Decodes the RESP2 replies of the backing Redis, in whatever pieces they come
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/). Each byte is looked at once but for the
 * rest of a piece, and a long bulk is copied once, into memory that holds nothing else. Short ones are slices
 * of the piece that they came in: anyone who keeps one for long copies it.
 */
export class ReplyDecoder {
  private readonly onReply: (reply: DecodedReply, bytes: number) => void
  private rest: Buffer | undefined
  /** The lists that the next value is in, outermost first. */
  private readonly lists: List[] = []
  private bulk: Buffer | undefined
  private filled = 0
  /** Bytes of the stream before the present chunk, and up to the end of the last whole reply. */
  private before = 0
  private replied = 0
  /** The end of the present value, in the chunk. */
  private end = 0

  /** `bytes`: what the reply measured on the wire. */
  constructor(onReply: (reply: DecodedReply, bytes: number) => void) {
    this.onReply = onReply
  }

  /** Throws for what is no RESP2: the stream cannot be used any more then. */
  write(piece: Buffer): void {
    let from = 0
    if (this.bulk !== undefined) {
      from = this.fill(this.bulk, piece)
      if (from < 0) {
        this.before += piece.length
        return
      }
    }
    const chunk =
      this.rest === undefined ? piece : Buffer.concat([this.rest, from === 0 ? piece : piece.subarray(from)])
    if (this.rest !== undefined) from = 0
    this.rest = undefined
    const end = this.decode(chunk, from)
    this.before += end
    if (this.bulk === undefined && end < chunk.length) this.rest = chunk.subarray(end)
  }

  /** Where the bulk and its CRLF end in `piece`; -1 when they do not. */
  private fill(bulk: Buffer, piece: Buffer): number {
    const missing = bulk.length - this.filled
    if (missing > 0) piece.copy(bulk, this.filled, 0, missing)
    this.filled += piece.length
    if (this.filled < bulk.length + 2) return -1
    this.bulk = undefined
    this.end = missing + 2
    this.add(bulk)
    return missing + 2
  }

  /** Decodes as much as is there; answers where the first value begins that is not whole. */
  private decode(chunk: Buffer, from: number): number {
    let at = from
    while (at < chunk.length) {
      const lineEnd = chunk.indexOf(CR, at + 1)
      if (lineEnd < 0 || lineEnd + 1 === chunk.length) return at
      if (chunk[lineEnd + 1] !== LF) throw new Error('a line without an end')
      const type = chunk[at]
      const next = lineEnd + 2
      if (type === BULK) {
        const length = numberIn(chunk, at + 1, lineEnd)
        const end = next + length
        if (length < 0) {
          this.end = at = next
          this.add(null)
        } else if (end + 2 <= chunk.length) {
          this.end = at = end + 2
          this.add(chunk.subarray(next, end))
        } else if (length < LONG_BULK) {
          return at
        } else {
          this.bulk = Buffer.allocUnsafeSlow(length)
          chunk.copy(this.bulk, 0, next)
          this.filled = chunk.length - next
          return chunk.length
        }
        continue
      }
      const line = at + 1
      this.end = at = next
      if (type === INTEGER) this.add(numberIn(chunk, line, lineEnd))
      else if (type === SIMPLE) this.add(chunk.subarray(line, lineEnd))
      else if (type === ERROR) this.add(new ReplyError(chunk.toString('utf8', line, lineEnd)))
      else if (type === ARRAY) this.beginList(numberIn(chunk, line, lineEnd))
      else throw new Error('a reply of an unknown type')
    }
    return at
  }

  private beginList(length: number): void {
    if (length > 0) this.lists.push({ items: [], length })
    else this.add(length < 0 ? null : [])
  }

  /** A whole value: the next of the innermost list, or a reply. */
  private add(value: DecodedReply): void {
    let whole = value
    for (;;) {
      const list = this.lists.at(-1)
      if (list === undefined) {
        const bytes = this.before + this.end - this.replied
        this.replied += bytes
        this.onReply(whole, bytes)
        return
      }
      list.items.push(whole)
      if (list.items.length < list.length) return
      this.lists.pop()
      whole = list.items
    }
  }
}

function numberIn(chunk: Buffer, from: number, to: number): number {
  const negative = chunk[from] === MINUS
  let value = 0
  for (let i = negative ? from + 1 : from; i < to; i++) value = value * 10 + (chunk[i]! - 0x30)
  return negative ? -value : value
}
