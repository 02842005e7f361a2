import { errorReply } from '../../commands/execution/error-reply.ts'
import { trackReads } from '../../commands/execution/tracked-reads.ts'
import { Transaction } from '../../commands/execution/transaction.ts'
import { KvError } from '../../errors/errors.ts'
import type { Room } from '../../fair-share/in-flight.ts'
import type { Log } from '../../observability/log.ts'
import type { ServedRow } from '../../registry/command-table.ts'
import { mayWrite } from '../../registry/may-write.ts'
import { ErrorReply, QUEUED, type Reply } from '../../reply/reply.ts'
import type { ClientTracking } from '../../session/client-tracking.ts'
import { redacted } from '../../session/monitors.ts'
import type { Session } from '../../session/session.ts'
import { admit, isQueued } from './admission.ts'
import { CommandOrder } from './command-order.ts'
import { CommandRunner } from './command-runner.ts'
import type { Outbox } from './outbox.ts'
import { Pace } from './pace.ts'
import type { ReplyShare } from './reply-budget.ts'
import { type PendingReply, ReplyQueue } from './reply-queue.ts'

/** Requests of one connection that may be on their way; fewer when replies are large: see ReplyBudget. */
const MAX_IN_FLIGHT = 1_024

/** As in Redis, where those with the flag `skip_monitor` show themselves: scripts, before what they call. */
const isShown = ({ flags }: ServedRow): boolean => !flags.includes('admin')

interface Request {
  readonly args: readonly Buffer[]
  readonly pending: PendingReply
}

/**
 * What becomes of each request of one connection: refused, queued by MULTI, started, or kept until it may
 * start. Every request gets one reply, in the order of the requests.
 */
export class Dispatcher {
  private readonly session: Session
  private readonly outbox: Outbox
  private readonly share: ReplyShare
  private readonly room: () => Room
  private readonly order = new CommandOrder()
  private readonly transaction: Transaction
  private readonly runner: CommandRunner
  private readonly replies: ReplyQueue
  private readonly pace: Pace
  private waiting: Request[] = []
  private lastStarted: PendingReply | undefined
  private proceeding = false
  private awaitsRoom = false
  private draining = false

  /**
   * `dropUnread` forgets what was received and not handed over yet; `destroy` ends the connection at once.
   */
  constructor(
    session: Session,
    outbox: Outbox,
    share: ReplyShare,
    room: () => Room,
    log: Log,
    dropUnread: () => void,
    destroy: () => void,
  ) {
    this.session = session
    this.outbox = outbox
    this.share = share
    this.room = room
    this.transaction = new Transaction(session, this.order)
    session.transaction = this.transaction
    // What is told while a command waits must not wait with it.
    session.lastStarted = () =>
      this.lastStarted?.sent !== false || this.runner.waits ? undefined : this.lastStarted
    this.pace = new Pace(session, () => this.proceed())
    this.replies = new ReplyQueue((reply) => {
      if (reply instanceof ErrorReply) session.activity.errorReplies++
      outbox.add(reply, session.protocol)
    })
    this.runner = new CommandRunner(session, this.order, this.replies, log, {
      ending: () => this.share.charge(this.order.inFlight, this.outbox.replyBytes),
      ended: () => this.proceed(),
      hungUp: () => {
        this.waiting = []
        dropUnread()
      },
      failed: destroy,
    })
  }

  /** No more should be read now. */
  get congested(): boolean {
    return this.waiting.length > 0 || this.order.held || this.busy
  }

  /** Everything that was received is answered. */
  get idle(): boolean {
    return this.waiting.length === 0 && this.order.inFlight === 0
  }

  /** A command waits for others to do something. */
  get isBlocked(): boolean {
    return this.runner.isBlocked
  }

  receive(args: readonly Buffer[]): void {
    if (this.session.closing) return
    const request = { args, pending: this.replies.next() }
    if (this.waiting.length > 0 || !this.startInTurn(request)) this.waiting.push(request)
  }

  /** The answer to a request that could not be read, in its place. */
  answerUnread(reply: Reply): void {
    this.replies.answer(this.replies.next(), reply)
  }

  /** Starts what may start. */
  proceed(): void {
    this.outbox.schedule()
    // A command that is refused at once is settled while it starts, and settling proceeds.
    if (this.proceeding) return
    this.proceeding = true
    let started = 0
    while (started < this.waiting.length && !this.session.closing && this.startInTurn(this.waiting[started]!))
      started++
    // What came behind QUIT is never run.
    if (this.session.closing) this.waiting = []
    else if (started > 0) this.waiting = this.waiting.slice(started)
    this.proceeding = false
  }

  /** Nothing more comes: a command that waits is answered with `noMore`, so that those behind it can be. */
  drain(noMore: Reply): void {
    this.draining = true
    this.runner.endWait(noMore)
    this.proceed()
  }

  /** The same for a client that has hung up. */
  hangUp(): void {
    this.runner.hangUp()
    this.proceed()
  }

  /**
   * Answers with `reply` what has not been started; what is on its way still gets its own answer, but does
   * not wait.
   */
  refuseAll(reply: Reply): void {
    this.runner.endWait(reply)
    for (const { pending } of this.waiting.splice(0)) this.replies.answer(pending, reply)
  }

  /** The connection has gone. */
  abandon(): void {
    this.waiting = []
    const { automation, context } = this.session
    if (automation !== undefined) context.pauses.forget(automation.id, this.resume)
    this.share.leave()
    this.pace.stop()
    this.runner.abandon()
  }

  private get busy(): boolean {
    const { inFlight } = this.order
    const { replyBytes, unsentBytes } = this.outbox
    this.share.charge(inFlight, replyBytes)
    if (!this.room().isFree()) {
      this.awaitRoom()
      return true
    }
    return inFlight >= MAX_IN_FLIGHT || !this.share.allows(inFlight, replyBytes, unsentBytes)
  }

  /** False when the request has to wait, for its automation's rate or for an earlier one. */
  private startInTurn(request: Request): boolean {
    if (!this.pace.allows() || !this.start(request)) return false
    this.pace.spend()
    return true
  }

  private get computesWrites(): boolean {
    const { automation, context } = this.session
    return automation !== undefined && context.store.tellsEvents(automation)
  }

  /** CLIENT PAUSE of its automation holds it back. */
  private isPaused(row: ServedRow): boolean {
    const { automation, context } = this.session
    if (automation === undefined || this.draining) return false
    if (row.kind === 'connection' && row.endsPause === true) return false
    return context.pauses.holds(automation.id, () => mayWrite(row, this.transaction.queuedRows), this.resume)
  }

  private readonly resume = (): void => this.proceed()

  private awaitRoom(): void {
    if (this.awaitsRoom) return
    this.awaitsRoom = true
    this.room().whenFree(() => {
      this.awaitsRoom = false
      this.proceed()
    })
  }

  /** False when the request has to wait for an earlier one. */
  private start({ args, pending }: Request): boolean {
    if (this.order.held || this.busy) return false
    const { session } = this
    const now = session.context.clock.date
    let row: ServedRow
    try {
      row = admit(session, args, now)
    } catch (error) {
      if (error instanceof KvError && error.code === 'exec_refused') this.transaction.end()
      else this.transaction.broken = true
      this.answerAtOnce(pending, errorReply(error as Error, session.context.report))
      return true
    }
    if (session.context.pauses.any && this.isPaused(row)) return false
    if (isQueued(session, row)) {
      this.answerAtOnce(pending, this.enqueue(row, args))
      return true
    }
    if (!this.order.mayStart(row, this.computesWrites)) return false
    pending.silent = session.takeSilence()
    session.lastCommand = row.name
    session.lastCommandAt = now
    session.activity.countCommand(now)
    this.lastStarted = pending
    const show = session.context.monitors.any ? this.showing(row, args) : undefined
    if (session.tracking === undefined) this.runner.run(row, args, pending)
    else this.runTracked(session.tracking, row, args, pending)
    show?.()
    return true
  }

  /** Which keys it reads is noted before it is sent. */
  private runTracked(
    tracking: ClientTracking,
    row: ServedRow,
    args: readonly Buffer[],
    pending: PendingReply,
  ): void {
    // Else it would not be known that the command sees them.
    this.runner.flushWrites()
    trackReads(tracking, row, args, this.transaction.queuedCommands)
    this.runner.run(row, args, pending)
    if (this.transaction.queued === undefined && !row.name.startsWith('client|')) tracking.forgetCaching()
  }

  /** Shows a command to monitors, behind its reply if that comes at once; what logs in first is no one's. */
  private showing(row: ServedRow, args: readonly Buffer[]): (() => void) | undefined {
    const { automation, context, address } = this.session
    if (automation === undefined || !isShown(row)) return undefined
    const all = [redacted(row.name, args)]
    // EXEC comes behind those that were queued.
    if (row.kind === 'connection' && row.endsTransaction === true && !this.transaction.broken)
      all.unshift(
        ...this.transaction.queuedCommands.filter((each) => isShown(each.row)).map((each) => each.args),
      )
    return () => {
      for (const each of all) context.monitors.show(automation.id, address, each)
    }
  }

  private answerAtOnce(pending: PendingReply, reply: Reply): void {
    this.replies.answer(pending, reply, this.session.takeSilence())
  }

  /** MULTI: the command was checked now and is run at EXEC. */
  private enqueue(row: ServedRow, args: readonly Buffer[]): Reply {
    const { transaction } = this
    try {
      if (row.kind === 'connection' && row.whileSubscribed === true && row.group === 'pubsub')
        throw new KvError('not_in_transaction')
      transaction.enqueue(row, args)
      this.session.activity.countCommand(Date.now())
      return QUEUED
    } catch (error) {
      transaction.broken = true
      return errorReply(error as Error, this.session.context.report)
    }
  }
}
