import { respText } from '../errors/errors.ts'
import { scanWhole } from './bulk-scan.ts'
import { CR, DOLLAR, HeaderNumber, LF, MAX_MULTIBULK, STAR } from './header.ts'
import { splitInline } from './inline.ts'
import type { FrameLimits } from './limits.ts'
import { RequestParts } from './parts.ts'

export type FrameEvent =
  /** Whole multibulk requests, one after the other; `bytes` aliases the chunk when they lie within it. */
  | { readonly type: 'frames'; readonly bytes: Buffer }
  /** One inline request, never empty. */
  | { readonly type: 'args'; readonly args: Buffer[] }
  /** A request that was read to its end and dropped: it takes one error reply in its turn. */
  | { readonly type: 'oversized'; readonly reason: 'bulk' | 'frame' }
  /** The last event of a connection: reply `text`, then close. */
  | { readonly type: 'error'; readonly text: string }

/** Returning false pauses the framer after this event. */
export type OnFrame = (event: FrameEvent) => boolean | void

// What the next byte of a split request is.
const START = 0
const COUNT = 1
const COUNT_LF = 2
const BULK = 3
const LENGTH = 4
const LENGTH_LF = 5
const BODY = 6
const BODY_CR = 7
const BODY_LF = 8
const INLINE = 9

/**
 * Finds where whole requests end, with the limits and error texts of Redis 7.0 (networking.c,
 * processInlineBuffer and processMultibulkBuffer), and allocates nothing from a length that a header only
 * claims. Stricter than Redis: the LF of a header and the CRLF of a bulk are checked. `scanWhole` is the fast
 * way for what lies whole in a chunk; whatever it does not understand, it leaves to `scanPart`, which keeps
 * its state over chunks and never looks at a byte twice.
 */
export class Framer {
  private limits: FrameLimits
  private chunks: Buffer[] = []
  private chunkBytes = 0
  /** Position in the first chunk. */
  private pos = 0
  private isPaused = false
  private failed = false
  private running = false
  // The request that is being read
  private state = START
  private readonly parts = new RequestParts()
  private requestBytes = 0
  private argsLeft = 0
  private bodyLeft = 0
  private oversized: 'bulk' | 'frame' | undefined
  private readonly header = new HeaderNumber()
  private inlineBytes = 0

  constructor(limits: FrameLimits) {
    this.limits = limits
  }

  /** Memory that unhandled bytes take, whether of an unfinished request or kept back by a pause. */
  get bufferedBytes(): number {
    return this.chunkBytes - this.pos + this.parts.heldBytes
  }

  get paused(): boolean {
    return this.isPaused
  }

  /**
   * Holds from the next header on: to change limits between two pipelined requests, pause, set them, resume.
   */
  setLimits(limits: FrameLimits): void {
    this.limits = limits
  }

  /** Takes received bytes. While paused it only stores them, so the caller stops reading from the socket. */
  push(chunk: Buffer, onFrame: OnFrame): void {
    if (this.failed || chunk.length === 0) return
    this.chunks.push(chunk)
    this.chunkBytes += chunk.length
    if (!this.isPaused) this.run(onFrame)
  }

  /** What comes is only stored, until `resume`. */
  pause(): void {
    this.isPaused = true
  }

  /** Goes on after a pause, with what was kept; call it when the callback that paused has returned. */
  resume(onFrame: OnFrame): void {
    this.isPaused = false
    this.run(onFrame)
  }

  /** Forgets all received bytes and any error; the limits stay. */
  reset(): void {
    this.failed = false
    this.isPaused = false
    this.forget()
  }

  private run(onFrame: OnFrame): void {
    if (this.running) return
    this.running = true
    try {
      while (this.chunks.length > 0 && !this.isPaused) {
        const event = this.next(this.chunks[0]!)
        if (event !== undefined && onFrame(event) === false) this.isPaused = true
      }
    } finally {
      this.running = false
    }
  }

  private next(chunk: Buffer): FrameEvent | undefined {
    if (this.state === START) {
      const start = this.pos
      const end = scanWhole(chunk, start, this.limits)
      if (end > start) {
        this.consume(chunk, end)
        return { type: 'frames', bytes: chunk.subarray(start, end) }
      }
    }
    return this.scanPart(chunk)
  }

  /** Reads up to the end of one request or of the chunk. */
  private scanPart(chunk: Buffer): FrameEvent | undefined {
    const start = this.pos
    let pos = start
    while (pos < chunk.length) {
      switch (this.state) {
        case START:
          if (chunk[pos] === STAR) {
            pos++
            this.header.begin()
            this.state = COUNT
          } else {
            this.inlineBytes = 0
            this.state = INLINE
          }
          break
        case COUNT:
        case LENGTH: {
          const byte = chunk[pos++]!
          if (byte === CR) {
            this.state++
          } else {
            this.header.read(byte)
            // Only the error reply is left to send, when the line ends.
            if (this.header.malformed) this.parts.clear()
            if (this.header.length > this.limits.maxInlineBytes) {
              return this.fail(`too big ${this.state === COUNT ? 'mbulk' : 'bulk'} count string`)
            }
          }
          break
        }
        case COUNT_LF: {
          const text = this.checkCount(chunk[pos++]!)
          if (text !== undefined) return this.fail(text)
          if (this.argsLeft <= 0) {
            this.consume(chunk, pos)
            this.endRequest()
            return undefined
          }
          this.state = BULK
          break
        }
        case BULK: {
          const byte = chunk[pos++]!
          if (byte !== DOLLAR) return this.fail(`expected '$', got '${printable(byte)}'`)
          this.header.begin()
          this.state = LENGTH
          break
        }
        case LENGTH_LF: {
          const text = this.checkLength(chunk[pos++]!, this.requestBytes + pos - start)
          if (text !== undefined) return this.fail(text)
          this.state = this.bodyLeft > 0 ? BODY : BODY_CR
          break
        }
        case BODY: {
          const taken = Math.min(this.bodyLeft, chunk.length - pos)
          pos += taken
          this.bodyLeft -= taken
          if (this.bodyLeft === 0) this.state = BODY_CR
          break
        }
        case BODY_CR:
          if (chunk[pos++] !== CR) return this.fail('expected CRLF after bulk')
          this.state = BODY_LF
          break
        case BODY_LF:
          if (chunk[pos++] !== LF) return this.fail('expected CRLF after bulk')
          if (--this.argsLeft === 0) return this.endMultibulk(chunk, start, pos)
          this.state = BULK
          break
        default: {
          const newline = chunk.indexOf(LF, pos)
          const lineEnd = newline === -1 ? chunk.length : newline
          this.inlineBytes += lineEnd - pos
          if (this.inlineBytes > this.limits.maxInlineBytes) return this.fail('too big inline request')
          if (newline !== -1) return this.endInline(chunk, start, newline)
          pos = lineEnd
        }
      }
    }
    this.requestBytes += pos - start
    if (this.oversized === undefined && !this.header.malformed)
      this.parts.add(chunk.subarray(start, pos), !this.limits.authenticated)
    this.consume(chunk, pos)
    return undefined
  }

  private checkCount(byte: number): string | undefined {
    const { maxArgs, authenticated } = this.limits
    if (byte !== LF || !this.header.valid) return 'invalid multibulk length'
    this.argsLeft = this.header.value
    if (this.argsLeft > MAX_MULTIBULK || (authenticated && this.argsLeft > maxArgs))
      return 'invalid multibulk length'
    return this.argsLeft > maxArgs ? 'unauthenticated multibulk length' : undefined
  }

  private checkLength(byte: number, bytesSoFar: number): string | undefined {
    const { maxBulkBytes, hardBulkBytes, maxFrameBytes, authenticated } = this.limits
    const size = this.header.value
    if (byte !== LF || !this.header.valid || size < 0 || size > hardBulkBytes) return 'invalid bulk length'
    this.bodyLeft = size
    if (size > maxBulkBytes) {
      if (!authenticated) return 'unauthenticated bulk length'
      this.oversized ??= 'bulk'
    } else if (bytesSoFar + size + 2 > maxFrameBytes) {
      if (!authenticated) return 'unauthenticated request length'
      this.oversized ??= 'frame'
    }
    if (this.oversized !== undefined) this.parts.clear()
    return undefined
  }

  private endMultibulk(chunk: Buffer, start: number, end: number): FrameEvent {
    const { oversized } = this
    const last = chunk.subarray(start, end)
    this.consume(chunk, end)
    const whole = oversized !== undefined || this.parts.empty ? last : this.parts.join(last)
    this.endRequest()
    return oversized === undefined
      ? { type: 'frames', bytes: whole }
      : { type: 'oversized', reason: oversized }
  }

  private endInline(chunk: Buffer, start: number, newline: number): FrameEvent | undefined {
    const { maxArgs, maxBulkBytes, authenticated } = this.limits
    const last = chunk.subarray(start, newline)
    const args = splitInline(this.parts.empty ? last : this.parts.join(last), maxArgs)
    if (args === null) return this.fail('unbalanced quotes in request')
    if (args.length > maxArgs)
      return this.fail(authenticated ? 'invalid multibulk length' : 'unauthenticated multibulk length')
    const tooLong = args.some((arg) => arg.length > maxBulkBytes)
    if (tooLong && !authenticated) return this.fail('unauthenticated bulk length')
    this.consume(chunk, newline + 1)
    this.endRequest()
    if (tooLong) return { type: 'oversized', reason: 'bulk' }
    return args.length === 0 ? undefined : { type: 'args', args }
  }

  private consume(chunk: Buffer, end: number): void {
    this.pos = end
    if (end < chunk.length) return
    this.chunks.shift()
    this.chunkBytes -= chunk.length
    this.pos = 0
  }

  private endRequest(): void {
    this.state = START
    this.requestBytes = 0
    this.oversized = undefined
    this.header.begin()
    this.parts.clear()
  }

  private forget(): void {
    this.chunks = []
    this.chunkBytes = this.pos = 0
    this.endRequest()
  }

  private fail(text: string): FrameEvent {
    this.failed = true
    this.forget()
    return { type: 'error', text: respText('protocol', { reason: text }) }
  }
}

/** Redis puts the raw byte into its error; a control byte there would break the reply's own line. */
const printable = (byte: number): string => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?')
