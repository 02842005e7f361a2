import { Fifo } from '../lib/fifo.ts'

/**
 * More is not held against an automation: the clock goes on while the process is not running at all, which
 * is charged to whoever comes to be served then.
 */
const LARGEST_DEBT_MS = 2
/**
 * After more work than this a line that uses much pauses: for as long as a piece of work took that was longer
 * by itself, up to the longest pause, or for a part of the time of many small ones.
 */
const BURST_MS = 3
const LONGEST_PAUSE_MS = 50
const BURST_PAUSE = 0.5
/** Much is what goes beyond a share of the processor by more than this. */
const FREE_SHARE = 0.25
const FREE_EXCESS_MS = 10
const MOST_EXCESS_MS = 50
/** Little is what goes less beyond it. */
const LIGHT_EXCESS_MS = 5

/** The lines of those who have not logged in, by door; no automation has such a name. */
export const STRANGERS = { resp: '', rest: 'rest:' } as const

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
  /** Milliseconds that it used of late above a quarter of the processor, as of the moment that follows. */
  private excess = 0
  private usedAt = 0
  /** Milliseconds that it used since its last pause. */
  private burst = 0
  /** The longest piece of work of them. */
  private longest = 0
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

  /** Of those who have not logged in. */
  readonly isStrangers: boolean

  constructor(id: string) {
    this.id = id
    this.isStrangers = id === STRANGERS.resp || id === STRANGERS.rest
  }

  /** It had the processor for `ms`, until `now`; answers whether that was so much that others come first. */
  use(ms: number, now: number): boolean {
    this.allowance = Math.max(-LARGEST_DEBT_MS, this.allowance - ms)
    const excess = Math.max(0, this.excess - FREE_SHARE * (now - this.usedAt))
    if (excess === 0) this.burst = this.longest = 0
    this.excess = Math.min(excess + ms, MOST_EXCESS_MS)
    this.usedAt = now
    this.burst += ms
    this.longest = Math.max(ms, this.longest)
    return this.burst > BURST_MS && this.excess > FREE_EXCESS_MS
  }

  /** It uses little of late. */
  isLight(now: number): boolean {
    return this.excess - FREE_SHARE * (now - this.usedAt) < LIGHT_EXCESS_MS
  }

  pause(now: number): void {
    const pause = this.longest > BURST_MS ? this.longest : this.burst * BURST_PAUSE
    this.pausedUntil = now + Math.min(pause, LONGEST_PAUSE_MS)
    this.burst = this.longest = 0
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
