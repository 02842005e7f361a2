import { waitFor } from '../../commands/execution/blocking.ts'
import type { Done } from '../../commands/execution/execute.ts'
import type { Call } from '../../registry/context.ts'
import type { BlockingRow } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'

/**
 * The blocking command of one connection, from its start to its reply. What comes behind it waits with it.
 */
export class BlockedCommand {
  private readonly session: Session
  private underWay = false
  /** What ends a waiting, once the connection comes to its end. */
  private noMore: Reply | undefined
  private gone = false

  constructor(session: Session) {
    this.session = session
  }

  get waits(): boolean {
    return this.underWay
  }

  /** `done` is called once. */
  begin(row: BlockingRow, call: Call, timeoutMs: number, done: Done): void {
    const { session } = this
    this.underWay = true
    const finish: Done = (error, reply) => {
      this.underWay = false
      session.blocked = undefined
      done(error, reply)
    }
    const wait = (args: readonly Buffer[]): void => {
      if (this.gone) {
        finish(null, null)
        return
      }
      try {
        session.blocked = waitFor(session.context.blockedClients, row, { ...call, args }, timeoutMs, finish)
      } catch (error) {
        finish(error as Error, null)
        return
      }
      if (this.noMore !== undefined) session.blocked.end(this.noMore)
    }
    const { prepare } = row.blocking
    if (prepare === undefined) wait(call.args)
    else prepare(call).then(wait, (error: Error) => finish(error, null))
  }

  /** Ends the waiting with `reply`, also of a command that is yet to begin. The first reason counts. */
  end(reply: Reply): void {
    this.noMore ??= reply
    this.session.blocked?.end(this.noMore)
  }

  /** The connection has gone: nothing must be taken for it any more. */
  abandon(): void {
    this.gone = true
    this.session.blocked?.abandon()
  }
}
