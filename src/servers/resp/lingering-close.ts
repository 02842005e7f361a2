import type { Socket } from 'node:net'

/** How long a peer may take to read what was left to send, and then to close its side. */
const LINGER_MS = 30_000
const UNAUTHENTICATED_LINGER_MS = 1_000
/** What is read and dropped meanwhile, at most: reading costs time as well. */
const MOST_DROPPED_BYTES = 1024 * 1024

/**
 * The end of one socket from this side: its last bytes are sent and read, but a peer that never closes its
 * side does not keep it.
 */
export class LingeringClose {
  private readonly socket: Socket
  private timer: NodeJS.Timeout | undefined

  constructor(socket: Socket) {
    this.socket = socket
  }

  /**
   * What still comes is read, and must be dropped by the listener: closing a socket with unread bytes would
   * cost the peer our last replies (RFC 1122, 4.2.2.13).
   */
  begin(unauthenticated: boolean): void {
    this.wait(unauthenticated ? UNAUTHENTICATED_LINGER_MS : LINGER_MS)
    const { socket } = this
    let dropped = 0
    socket.on('data', (chunk: Buffer) => {
      dropped += chunk.length
      if (dropped > MOST_DROPPED_BYTES) socket.destroy()
    })
    socket.end(() => this.wait(UNAUTHENTICATED_LINGER_MS))
    socket.resume()
  }

  /** The socket has been closed. */
  stop(): void {
    clearTimeout(this.timer)
  }

  private wait(ms: number): void {
    clearTimeout(this.timer)
    if (this.socket.destroyed) return
    this.timer = setTimeout(() => this.socket.destroy(), ms)
    this.timer.unref()
  }
}
