import type { DataRow } from '../../commands/registry/row.ts'
import type { Call } from '../../commands/registry/call.ts'
import { errorReply } from '../../commands/execution/execute.ts'
import type { Reply } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'

/** The blocking command of one connection, from its start to its reply. What comes behind it waits with it. */
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
  begin(call: Call, row: DataRow, timeoutMs: number, done: (reply: Reply) => void): void {
    const { session } = this
    this.underWay = true
    const finish = (reply: Reply): void => {
      this.underWay = false
      session.blocked = undefined
      done(reply)
    }
    const wait = (args: readonly Buffer[]): void => {
      if (this.gone) {
        finish(null)
        return
      }
      try {
        session.blocked = session.context.blockedClients.wait(call, row, args, timeoutMs, finish)
      } catch (error) {
        finish(errorReply(error as Error))
        return
      }
      if (this.noMore !== undefined) session.blocked.end(this.noMore)
    }
    const { prepare } = row.blocking!
    if (prepare === undefined) wait(call.args)
    else prepare(call).then(wait, (error: Error) => finish(errorReply(error)))
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
