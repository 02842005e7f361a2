import { Fifo } from '../lib/fifo.ts'

/** A bounded piece of work: some requests, one reply, or a part of a long one. It must not throw. */
export type Task = () => void

/**
 * The ready work of one automation in this process, from all of its connections. Strangers, who have not
 * logged in, are together in one.
 */
export class Line {
  readonly id: string
  /** Handling a reply frees memory, and lets the next request go: it comes before new requests. */
  private readonly replies = new Fifo<Task>()
  private readonly requests = new Fifo<Task>()
  /** Milliseconds of processor time that it may still use before it is another's turn; below 0: a debt. */
  allowance = 0
  /** The turn of the event loop in which its allowance was last renewed. */
  renewedIn = -1
  /** Milliseconds that it used of late above a quarter of the processor, and when that was reckoned. */
  excess = 0
  usedAt = 0
  /** After a long piece of work it is the others' turn until then. */
  pausedUntil = 0
  /** It stands among those that are served in turn. */
  isListed = false
  /** Connections and commands under way that hold it. */
  holders = 0
  /** Bytes that are held for its connections: see HeldBytes. */
  heldBytes = 0
  /** It had no work and nobody held it: another stands in its place. */
  isDropped = false

  constructor(id: string) {
    this.id = id
  }

  get queued(): number {
    return this.replies.size + this.requests.size
  }

  get queuedReplies(): number {
    return this.replies.size
  }

  addReply(task: Task): void {
    this.replies.push(task)
  }

  addRequest(task: Task): void {
    this.requests.push(task)
  }

  next(): Task | undefined {
    return this.replies.shift() ?? this.requests.shift()
  }
}
