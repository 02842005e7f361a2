import type { KvError } from '../../errors/errors.ts'
import type { Framer } from '../../protocol/framer.ts'
import type { Session } from '../../session/session.ts'

/** Received bytes that are not counted: there are as many for each connection. */
const FREE_BYTES = 64 * 1024

/** Counts what one connection was sent and has not worked on: requests that are not whole, or wait. */
export class ReceivedBytes {
  private readonly framer: Framer
  private readonly session: Session
  private counted = 0

  constructor(framer: Framer, session: Session) {
    this.framer = framer
    this.session = session
  }

  /** All of them, and those that are not counted. */
  get bytes(): { readonly received: number; readonly uncounted: number } {
    const { bufferedBytes } = this.framer
    return { received: bufferedBytes, uncounted: Math.max(0, bufferedBytes - this.counted) }
  }

  /** Answers why they are too many: they are forgotten then, and the connection is to end. */
  count(): KvError | undefined {
    const { framer, session } = this
    const held = framer.bufferedBytes > FREE_BYTES ? framer.bufferedBytes : 0
    if (held === this.counted || session.closing) return undefined
    try {
      session.memory.take(held - this.counted)
      this.counted = held
      return undefined
    } catch (error) {
      framer.reset()
      session.memory.give(this.counted)
      this.counted = 0
      return error as KvError
    }
  }
}
