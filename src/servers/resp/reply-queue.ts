import type { Reply } from '../../reply/reply.ts'

/** The place of one reply in the order of a connection. */
export interface Slot {
  reply: Reply
  answered: boolean
  /** CLIENT REPLY OFF or SKIP: the reply keeps its place and is not sent. */
  silent: boolean
}

/** Hands replies on in the order of their requests, whatever the order in which they come. */
export class ReplyQueue {
  private readonly emit: (reply: Reply) => void
  private slots: Slot[] = []
  private head = 0

  constructor(emit: (reply: Reply) => void) {
    this.emit = emit
  }

  next(): Slot {
    const slot: Slot = { reply: null, answered: false, silent: false }
    this.slots.push(slot)
    return slot
  }

  answer(slot: Slot, reply: Reply, silent = slot.silent): void {
    slot.reply = reply
    slot.silent = silent
    slot.answered = true
    while (this.head < this.slots.length && this.slots[this.head]!.answered) {
      const ready = this.slots[this.head]!
      this.head++
      if (!ready.silent) this.emit(ready.reply)
    }
    if (this.head === this.slots.length) {
      this.slots = []
      this.head = 0
    } else if (this.head > 1_024) {
      this.slots = this.slots.slice(this.head)
      this.head = 0
    }
  }
}
