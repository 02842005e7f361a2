import type { Socket } from 'node:net'
import { encodeReply, OutputBuffer, type Protocol } from '../../protocol/encode.ts'
import type { Reply } from '../../reply/reply.ts'

/** What a first reply is taken for. */
const EXPECTED_REPLY_BYTES = 256 * 1024
/** Some thirty small replies after a large one, it is forgotten. */
const REPLY_BYTES_DECAY = 0.8

/**
 * The replies on their way to one socket: encoded, and sent with one write for all of a turn of the event
 * loop.
 */
export class Outbox {
  private readonly socket: Socket
  private readonly flushed: () => void
  private readonly report: (error: Error) => void
  private readonly inTurn: (task: () => void) => void
  private readonly sent: (bytes: number) => void
  private readonly out = new OutputBuffer()
  private largest = EXPECTED_REPLY_BYTES
  private scheduled = false

  /**
   * `flushed` is called after the write of a turn, also when there was nothing to write; `report` takes
   * faults of ours; `inTurn` does the writing when it is the automation's turn; `sent` counts the bytes.
   */
  constructor(
    socket: Socket,
    flushed: () => void,
    report: (error: Error) => void,
    inTurn: (task: () => void) => void = (task) => task(),
    sent: (bytes: number) => void = () => {},
  ) {
    this.sent = sent
    this.socket = socket
    this.report = report
    this.inTurn = inTurn
    this.flushed = flushed
  }

  /** Bytes that wait here or in the socket. */
  get unsentBytes(): number {
    return this.out.bytes + this.socket.writableLength
  }

  /** Bytes that are encoded and not handed to the socket. */
  get encodedBytes(): number {
    return this.out.bytes
  }

  /** Size of the largest recent reply: what one of those that are still under way is counted as. */
  get replyBytes(): number {
    return this.largest
  }

  add(reply: Reply, protocol: Protocol): void {
    const before = this.out.bytes
    try {
      encodeReply(reply, protocol, this.out)
      this.largest = Math.max(this.out.bytes - before, this.largest * REPLY_BYTES_DECAY)
    } catch (error) {
      // Part of the reply may have been written, so nothing that follows could be understood.
      this.report(error as Error)
      this.socket.destroy()
    }
    this.schedule()
  }

  /** Has everything sent, and `flushed` called, after this turn. */
  schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(this.endTurn)
  }

  flush(): void {
    if (this.out.bytes === 0) return
    this.sent(this.out.bytes)
    const chunks = this.out.take()
    if (chunks.length > 1) this.socket.cork()
    for (const chunk of chunks) this.socket.write(chunk)
    if (chunks.length > 1) this.socket.uncork()
  }

  private readonly endTurn = (): void => this.inTurn(this.write)

  private readonly write = (): void => {
    this.scheduled = false
    if (!this.socket.writable) return
    this.flush()
    this.flushed()
  }
}
