import { Fifo } from '../../lib/fifo.ts'
import type { Reply } from '../../reply/reply.ts'

/** The place of one reply in the order of a connection. */
export interface PendingReply {
  reply: Reply
  answered: boolean
  /** CLIENT REPLY OFF or SKIP: the reply keeps its place and is not sent. */
  silent: boolean
  /** It has been handed on. */
  sent: boolean
  /** What comes right behind it. */
  behind: Array<() => void> | undefined
}

/** Hands replies on in the order of their requests, whatever the order in which they come. */
export class ReplyQueue {
  private readonly emit: (reply: Reply) => void
  private readonly queue = new Fifo<PendingReply>()

  constructor(emit: (reply: Reply) => void) {
    this.emit = emit
  }

  next(): PendingReply {
    const pending: PendingReply = {
      reply: null,
      answered: false,
      silent: false,
      sent: false,
      behind: undefined,
    }
    this.queue.push(pending)
    return pending
  }

  answer(pending: PendingReply, reply: Reply, silent = pending.silent): void {
    pending.reply = reply
    pending.silent = silent
    pending.answered = true
    let next = this.queue.peek()
    while (next?.answered === true) {
      this.queue.shift()
      next.sent = true
      if (!next.silent) this.emit(next.reply)
      if (next.behind !== undefined) for (const task of next.behind) task()
      next = this.queue.peek()
    }
  }
}
