import { Fifo } from '../lib/fifo.ts'
import type { Parts, PartsDone } from '../lib/parts.ts'
import { Line, type Task } from './line.ts'

/** Processor time of one automation before it is another's turn, milliseconds. */
const QUANTUM_MS = 1
/** Time after which sockets are looked at again, milliseconds: what arrives meanwhile waits as long. */
const TURN_MS = 2
/** There are others when one had work so lately. */
const OTHERS_MS = 250
/** The clock is read once for so many pieces of work of one automation that follow each other. */
const PIECES_A_READING = 16
/** With more lines than this, those without work and without connections are dropped. */
const MANY_LINES = 10_000

/** What the tests look at, since bounds are on counts. */
export interface TurnCounters {
  /** Turns of the event loop in which there was work. */
  turns: number
  /** Pieces of work that were done at once, and such as waited in a line. */
  direct: number
  queued: number
}

/**
 * Processor time of this process, shared by automations: deficit round robin (Shreedhar and Varghese, 1995)
 * over their lines, in which those that have used little go first (RFC 8290, section 3.2). Work that comes on
 * a quiet process is done at once; an automation that has used its part of a turn of the event loop waits in
 * its line, and the lines are served in turn by the time that they use, whatever the number of connections
 * behind each. Who uses much pauses while others have work, so that their requests, which wait at each step
 * from the socket to the reply, meet a free thread. Time is measured between pieces of work: what happens in
 * between (reading a socket) is charged to whoever came last.
 */
export class Turns {
  readonly counters: TurnCounters = { turns: 0, direct: 0, queued: 0 }
  private readonly report: (error: Error) => void
  private readonly clock: () => number
  private readonly lines = new Map<string, Line>()
  /** Lines with work: those that have used up their part or use much, and those that have not. */
  private readonly busy = new Fifo<Line>()
  private readonly fresh = new Fifo<Line>()
  /** Lines with work whose pause is not over. */
  private paused: Line[] = []
  private pauseTimer: NodeJS.Timeout | undefined
  /** The line that had work last, and when one had that was another. */
  private latest: Line | undefined
  private latestAt = -Infinity
  private otherAt = -Infinity
  private dropAbove = MANY_LINES
  /** Whether the end of this turn is scheduled, so that the clock runs. */
  private open = false
  private turn = 0
  private startedAt = 0
  private readAt = 0
  /** As of `readAt`, once somebody has asked for it. */
  private dateAt: number | undefined
  private current: Line | undefined
  private unread = 0
  /** More than one automation has had work in this turn. */
  private isShared = false

  /** `report` takes faults of ours; `clock` answers milliseconds. */
  constructor(report: (error: Error) => void, clock: () => number = () => performance.now()) {
    this.report = report
    this.clock = clock
  }

  lineOf(id: string): Line {
    let line = this.lines.get(id)
    if (line === undefined) {
      if (this.lines.size >= this.dropAbove) this.dropIdle()
      line = new Line(id)
      this.lines.set(id, line)
    }
    return line
  }

  /**
   * Milliseconds since the epoch, as of at most so many pieces of work ago: a look at the clock for each
   * command took a tenth of the time of a pipelined GET.
   */
  get date(): number {
    if (!this.open) return Date.now()
    this.dateAt ??= Date.now()
    return this.dateAt
  }

  /** Whether a request of this line may be worked on now; else it is to be put into the line. */
  mayStart(line: Line): boolean {
    return line.queued === 0 && this.mayGoOn(line)
  }

  /** The same for the reply to an earlier request. */
  mayFinish(line: Line): boolean {
    return line.queuedReplies === 0 && this.mayGoOn(line)
  }

  addRequest(line: Line, task: Task): void {
    line.addRequest(task)
    this.list(line)
  }

  addReply(line: Line, task: Task): void {
    line.addReply(task)
    this.list(line)
  }

  /** What ends a turn (writing to a socket): at once if this turn is over, else as a reply is handled. */
  finish(line: Line, task: Task): void {
    if (!this.open || this.mayFinish(line)) task()
    else this.addReply(line, task)
  }

  /**
   * A long piece of work, done a part at a time: `step` answers false when it is done. The first part is done
   * at once.
   */
  inParts(line: Line, step: () => boolean): void {
    if (!step()) return
    const part = (): void => {
      if (step()) this.addReply(line, part)
    }
    this.addReply(line, part)
  }

  /** Does all of it in parts, the first at once. */
  finishInParts<T>(line: Line, parts: Parts<T>, done: PartsDone<T>): void {
    this.inParts(line, () => {
      let part: IteratorResult<void, T>
      try {
        part = parts.next()
      } catch (error) {
        done(error as Error, undefined)
        return false
      }
      if (part.done !== true) return true
      done(null, part.value)
      return false
    })
  }

  /** Whether another has had work lately. */
  hasOthers(line: Line, now = this.clock()): boolean {
    return now - (line === this.latest ? this.otherAt : this.latestAt) < OTHERS_MS
  }

  private mayGoOn(line: Line): boolean {
    this.reading(line)
    if (line.pausedUntil > this.readAt) return false
    const isYoung = this.readAt - this.startedAt < TURN_MS
    // Many who use much would each have their part before sockets are looked at again.
    const may = line.isLight(this.readAt)
      ? line.allowance > 0 || (!this.isShared && isYoung)
      : isYoung && (line.allowance > 0 || !this.isShared)
    if (may) this.counters.direct++
    return may
  }

  private list(line: Line): void {
    this.counters.queued++
    if (line.isListed) return
    line.isListed = true
    if (!this.open) this.begin(line)
    this.renew(line)
    if (line.allowance > 0 && line.isLight(this.readAt)) this.fresh.push(line)
    else this.busy.push(line)
  }

  /** The work that follows is this line's. */
  private reading(line: Line): void {
    if (this.open && line === this.current && ++this.unread < PIECES_A_READING) return
    if (!this.open) this.begin(line)
    else this.charge()
    if (line === this.current) return
    if (this.current !== undefined) this.isShared = true
    this.comes(line)
    this.renew(line)
  }

  private renew(line: Line): void {
    if (line.renewedIn === this.turn) return
    const turns = line.renewedIn < 0 ? 1 : this.turn - line.renewedIn
    line.renewedIn = this.turn
    line.allowance = Math.min(QUANTUM_MS, line.allowance + turns * QUANTUM_MS)
  }

  private comes(line: Line): void {
    this.current = line
    // Nobody pauses for strangers: they may be his own connections, and a login has few steps to wait at.
    if (line.isStrangers) return
    if (line !== this.latest) this.otherAt = this.latestAt
    this.latest = line
    this.latestAt = this.readAt
  }

  /** Time since the last reading goes to whoever was working. */
  private charge(): void {
    const now = this.clock()
    const line = this.current
    if (line?.use(now - this.readAt, now) === true && this.hasOthers(line, now)) line.pause(now)
    this.readAt = now
    this.dateAt = undefined
    this.unread = 0
  }

  private pause(line: Line): void {
    this.paused.push(line)
    this.pauseTimer ??= setTimeout(this.resume, Math.ceil(line.pausedUntil - this.readAt))
  }

  private readonly resume = (): void => {
    this.pauseTimer = undefined
    const now = this.clock()
    const lines = this.paused
    this.paused = []
    for (const line of lines)
      if (line.pausedUntil > now) this.pause(line)
      else this.busy.push(line)
    const next = this.busy.peek()
    if (!this.open && next !== undefined) this.begin(next)
  }

  private begin(line: Line): void {
    this.open = true
    this.turn++
    this.counters.turns++
    this.startedAt = this.readAt = this.clock()
    this.dateAt = undefined
    this.unread = 0
    this.current = undefined
    const first = this.fresh.peek() ?? this.busy.peek()
    this.isShared = this.fresh.size + this.busy.size > 1 || (first !== undefined && first !== line)
    setImmediate(this.end)
  }

  private readonly end = (): void => {
    this.charge()
    this.current = undefined
    this.serve()
    this.open = false
    const next = this.fresh.peek() ?? this.busy.peek()
    if (next !== undefined) this.begin(next)
  }

  /** Until the time of a turn is over, but at least one piece. */
  private serve(): void {
    const until = this.readAt + TURN_MS
    let line = this.fresh.shift() ?? this.busy.shift()
    while (line !== undefined) {
      if (line.pausedUntil > this.readAt) this.pause(line)
      else {
        const hasServed = this.serveLine(line, until)
        if (line.queued > 0) this.busy.push(line)
        else line.isListed = false
        if (hasServed && this.readAt >= until) return
      }
      line = this.fresh.shift() ?? this.busy.shift()
    }
  }

  /** Its quantum. False when it has a debt to make up for. */
  private serveLine(line: Line, until: number): boolean {
    line.renewedIn = this.turn
    line.allowance = Math.min(QUANTUM_MS, line.allowance + QUANTUM_MS)
    let hasServed = false
    this.comes(line)
    while (line.allowance > 0 && !(hasServed && this.readAt >= until)) {
      const task = line.next()
      if (task === undefined) break
      hasServed = true
      this.run(task)
      this.charge()
    }
    this.current = undefined
    return hasServed
  }

  private run(task: Task): void {
    try {
      task()
    } catch (error) {
      this.report(error as Error)
    }
  }

  private dropIdle(): void {
    for (const [id, line] of this.lines)
      if (line.holders === 0 && line.queued === 0 && !line.isListed) {
        line.isDropped = true
        this.lines.delete(id)
      }
    this.dropAbove = Math.max(MANY_LINES, 2 * this.lines.size)
  }
}
