import type { Reply } from '../../reply/reply.ts'

/** The place of one reply in the order of a connection. */
export interface PendingReply {
  reply: Reply
  answered: boolean
  /** CLIENT REPLY OFF or SKIP: the reply keeps its place and is not sent. */
  silent: boolean
}

/** Hands replies on in the order of their requests, whatever the order in which they come. */
export class ReplyQueue {
  private readonly emit: (reply: Reply) => void
  private queue: PendingReply[] = []
  private head = 0

  constructor(emit: (reply: Reply) => void) {
    this.emit = emit
  }

  next(): PendingReply {
    const pending: PendingReply = { reply: null, answered: false, silent: false }
    this.queue.push(pending)
    return pending
  }

  answer(pending: PendingReply, reply: Reply, silent = pending.silent): void {
    pending.reply = reply
    pending.silent = silent
    pending.answered = true
    while (this.head < this.queue.length && this.queue[this.head]!.answered) {
      const ready = this.queue[this.head]!
      this.head++
      if (!ready.silent) this.emit(ready.reply)
    }
    if (this.head === this.queue.length) {
      this.queue = []
      this.head = 0
    } else if (this.head > 1_024) {
      this.queue = this.queue.slice(this.head)
      this.head = 0
    }
  }
}
