import type { Socket } from 'node:net'
import { encodeReply, OutputBuffer, type Protocol } from '../resp/encode.ts'
import type { Reply } from '../resp/reply.ts'

/** What a first reply is taken for. */
const EXPECTED_REPLY_BYTES = 256 * 1024
/** A hundred small replies after a large one, it is forgotten. */
const REPLY_BYTES_DECAY = 0.95

/** The replies on their way to one socket. */
export class Outbox {
  private readonly socket: Socket
  private readonly out = new OutputBuffer()
  private largest = EXPECTED_REPLY_BYTES

  constructor(socket: Socket) {
    this.socket = socket
  }

  /** Bytes that wait here or in the socket. */
  get unsentBytes(): number {
    return this.out.bytes + this.socket.writableLength
  }

  /** Size of the largest recent reply: what one of those that are still under way is reckoned at. */
  get replyBytes(): number {
    return this.largest
  }

  add(reply: Reply, protocol: Protocol): void {
    const before = this.out.bytes
    encodeReply(reply, protocol, this.out)
    this.largest = Math.max(this.out.bytes - before, this.largest * REPLY_BYTES_DECAY)
  }

  /** One write for all that was added. */
  flush(): void {
    if (this.out.bytes === 0) return
    const chunks = this.out.take()
    if (chunks.length > 1) this.socket.cork()
    for (const chunk of chunks) this.socket.write(chunk)
    if (chunks.length > 1) this.socket.uncork()
  }
}
