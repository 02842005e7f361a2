/** Bytes that one socket has in this process. */
export interface SocketBuffers {
  /** Received and not worked on. */
  readonly received: number
  /** Those of them that `memory` does not count. */
  readonly uncounted: number
  /** Replies that are encoded, and those that the socket has and could not send. */
  readonly encoded: number
  readonly unsent: number
  /** What it waits for: `r` to read, `w` to write. */
  readonly events: string
}
