import { errorReply } from '../../commands/execution/error-reply.ts'
import { type Done, execute } from '../../commands/execution/execute.ts'
import { Transaction } from '../../commands/execution/transaction.ts'
import { PendingWrites } from '../../engine/store.ts'
import { KvError } from '../../errors/errors.ts'
import type { Room } from '../../fair-share/shared-backing.ts'
import type { Log } from '../../observability/log.ts'
import { OutputBuffer } from '../../protocol/encode.ts'
import { encodeInParts, hasManyValues } from '../../protocol/encode-parts.ts'
import type { ServedRow } from '../../registry/command-table.ts'
import type { Call } from '../../registry/context.ts'
import {
  type BlockingRow,
  type ConnectionRow,
  type DataRow,
  type KeyspaceRow,
  mayBlock,
} from '../../registry/row.ts'
import { EncodedReply, ErrorReply, NullArray, QUEUED, type Reply } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'
import { admit, isQueued } from './admission.ts'
import { BlockedCommand } from './blocked-command.ts'
import { CommandOrder, type ListAccess } from './command-order.ts'
import type { Outbox } from './outbox.ts'
import { Pace } from './pace.ts'
import type { ReplyShare } from './reply-budget.ts'
import { type PendingReply, ReplyQueue } from './reply-queue.ts'

/** Requests of one connection that may be on their way; fewer when replies are large: see ReplyBudget. */
const MAX_IN_FLIGHT = 1_024

/**
 * Ends the waiting of a client that has hung up: as in Redis, what it sent behind its blocking command is
 * then not run.
 */
const HUNG_UP = new NullArray()

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
  private readonly log: Log
  private readonly dropUnread: () => void
  private readonly destroy: () => void
  private readonly pendingWrites = new PendingWrites()
  private readonly order = new CommandOrder()
  private readonly transaction: Transaction
  private readonly blocked: BlockedCommand
  private readonly replies: ReplyQueue
  private readonly pace: Pace
  private waiting: Request[] = []
  private proceeding = false
  private awaitsRoom = false
  private gone = false
  private readonly isGone = (): boolean => this.gone

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
    this.log = log
    this.dropUnread = dropUnread
    this.destroy = destroy
    this.blocked = new BlockedCommand(session)
    this.transaction = new Transaction(session, this.order)
    session.transaction = this.transaction
    this.pace = new Pace(session, () => this.proceed())
    this.replies = new ReplyQueue((reply) => outbox.add(reply, session.protocol))
  }

  /** No more should be read now. */
  get congested(): boolean {
    return this.waiting.length > 0 || this.order.held || this.busy
  }

  /** Everything that was received is answered. */
  get idle(): boolean {
    return this.waiting.length === 0 && this.order.inFlight === 0
  }

  /** A blocking command waits. */
  get isBlocked(): boolean {
    return this.blocked.waits
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
    this.blocked.end(noMore)
    this.proceed()
  }

  /** The same for a client that has hung up. */
  hangUp(): void {
    this.drain(HUNG_UP)
  }

  /**
   * Answers with `reply` what has not been started; what is on its way still gets its own answer, but does
   * not wait.
   */
  refuseAll(reply: Reply): void {
    this.blocked.end(reply)
    for (const { pending } of this.waiting.splice(0)) this.replies.answer(pending, reply)
  }

  /** The connection has gone. */
  abandon(): void {
    this.gone = true
    this.waiting = []
    this.share.leave()
    this.pace.stop()
    this.blocked.abandon()
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
    let row: ServedRow
    try {
      row = admit(session, args)
    } catch (error) {
      this.transaction.broken = true
      this.answerAtOnce(pending, this.errorReply(error as Error))
      return true
    }
    if (isQueued(session, row)) {
      this.answerAtOnce(pending, this.enqueue(row, args))
      return true
    }
    if (!this.order.mayStart(row)) return false
    pending.silent = session.takeSilence()
    session.lastCommand = row.name
    session.lastCommandAt = Date.now()
    if (row.kind === 'connection') this.startConnectionCommand(row, args, pending)
    else this.startDataCommand(row, args, pending)
    return true
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
      return QUEUED
    } catch (error) {
      transaction.broken = true
      return this.errorReply(error as Error)
    }
  }

  private errorReply(error: Error): ErrorReply {
    return errorReply(error, this.session.context.report)
  }

  private callOf(args: readonly Buffer[]): Call {
    const { pendingWrites } = this
    const { identity, automation, context, protocol } = this.session
    const { computingStarts: computing, computingEnds: computed } = this.order
    return {
      args,
      identity: identity!,
      automation: automation!,
      services: context,
      protocol,
      pendingWrites,
      isGone: this.isGone,
      computing,
      computed,
    }
  }

  private startConnectionCommand(row: ConnectionRow, args: readonly Buffer[], pending: PendingReply): void {
    const { session, order } = this
    const { replyMode } = session
    // What it may tell others, or ask of the data, comes after the writes before it.
    this.pendingWrites.flush()
    try {
      const result = row.handle(session, args)
      if (!(result instanceof Promise)) {
        // CLIENT REPLY decides about its own reply.
        if (session.replyMode !== replyMode) pending.silent = result === undefined
        this.replies.answer(pending, result ?? null, pending.silent || result === undefined)
        return
      }
      const access = order.begin(row, row.exclusive === true)
      const settle = (reply: Reply): void => this.settle(pending, access, reply)
      result.then(settle, (error: Error) => settle(this.errorReply(error)))
    } catch (error) {
      this.replies.answer(pending, this.errorReply(error as Error))
    }
  }

  private startDataCommand(row: DataRow | KeyspaceRow, args: readonly Buffer[], pending: PendingReply): void {
    if (mayBlock(row) && this.startBlocking(row, args, pending)) return
    const startedAt = this.log.enabled('debug') ? performance.now() : 0
    const access = this.order.begin(row, false)
    execute(row, this.callOf(args), (error, result) => {
      const reply = error === null ? result : this.errorReply(error)
      if (startedAt !== 0) this.logCommand(row.name, reply, performance.now() - startedAt)
      this.settle(pending, access, reply)
    })
  }

  /** False when this call does not wait. */
  private startBlocking(row: BlockingRow, args: readonly Buffer[], pending: PendingReply): boolean {
    let timeoutMs: number | undefined
    try {
      timeoutMs = row.blocking.timeoutMs(args)
    } catch (error) {
      this.replies.answer(pending, this.errorReply(error as Error))
      return true
    }
    if (timeoutMs === undefined) return false
    const access = this.order.begin(row, true)
    const done: Done = (error, reply) => {
      if (reply === HUNG_UP) {
        this.waiting = []
        this.dropUnread()
      }
      this.settle(pending, access, error === null ? reply : this.errorReply(error))
    }
    this.blocked.begin(row, this.callOf(args), timeoutMs, done)
    return true
  }

  /** A long reply is encoded in parts first, so that others are not held up. */
  private settle(pending: PendingReply, access: ListAccess, reply: Reply): void {
    if (this.session.automation !== undefined && !pending.silent && hasManyValues(reply))
      this.encode(pending, access, reply)
    else this.end(pending, access, reply)
  }

  private encode(pending: PendingReply, access: ListAccess, reply: Reply): void {
    const { context, automation, protocol } = this.session
    const out = new OutputBuffer()
    const parts = encodeInParts(reply, protocol, out)
    context.store.inParts(automation!, () => {
      let isDone: boolean
      try {
        isDone = parts.next().done === true
      } catch (error) {
        context.report(error as Error)
        this.destroy()
        return false
      }
      if (isDone) this.end(pending, access, new EncodedReply(out.take()))
      return !isDone
    })
  }

  private end(pending: PendingReply, access: ListAccess, reply: Reply): void {
    this.order.end(access)
    this.share.charge(this.order.inFlight, this.outbox.replyBytes)
    try {
      this.replies.answer(pending, reply)
      this.proceed()
    } catch (error) {
      // A fault of ours costs this connection, which would else wait for ever.
      this.destroy()
      throw error
    }
  }

  private logCommand(command: string, reply: Reply, durationMs: number): void {
    const { identity, id } = this.session
    const outcome = reply instanceof ErrorReply ? reply.text.split(' ', 1)[0]! : 'ok'
    this.log.debug(
      {
        automation: identity?.automationId,
        run: identity?.runId,
        connection: id,
        command,
        outcome,
        durationMs: Math.round(durationMs * 1000) / 1000,
      },
      'command',
    )
  }
}
