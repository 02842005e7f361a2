import { errorReply } from '../../commands/execution/error-reply.ts'
import { type Done, execute } from '../../commands/execution/execute.ts'
import { PendingWrites } from '../../engine/store.ts'
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
import { EncodedReply, ErrorReply, NullArray, type Reply } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'
import { SLOW_MS } from '../../session/slow-log.ts'
import { BlockedCommand } from './blocked-command.ts'
import type { CommandOrder, ListAccess } from './command-order.ts'
import type { PendingReply, ReplyQueue } from './reply-queue.ts'

/**
 * Ends the waiting of a client that has hung up: as in Redis, what it sent behind its blocking command is
 * then not run.
 */
const HUNG_UP = new NullArray()

/** What the connection is told of its commands. */
export interface CommandEvents {
  /** One has ended, and its reply comes now. */
  readonly ending: () => void
  /** Its reply has been taken: more may start. */
  readonly ended: () => void
  /** The client is gone that waited: nothing behind the command is run. */
  readonly hungUp: () => void
  /** A fault of ours: the connection cannot go on. */
  readonly failed: () => void
}

/** Runs the commands of one connection that may start now, and gives each reply to its place. */
export class CommandRunner {
  private readonly session: Session
  private readonly order: CommandOrder
  private readonly replies: ReplyQueue
  private readonly log: Log
  private readonly events: CommandEvents
  private readonly pendingWrites = new PendingWrites()
  private readonly blocked: BlockedCommand
  /** Commands that wait without a place in the queues of blocking ones. */
  private waitsElsewhere = 0
  private isOver = false
  /** When the last one ended: what is sent ahead is not slow because it waits for what is before it. */
  private endedAt = 0
  private readonly isGone = (): boolean => this.isOver

  constructor(session: Session, order: CommandOrder, replies: ReplyQueue, log: Log, events: CommandEvents) {
    this.session = session
    this.order = order
    this.replies = replies
    this.log = log
    this.events = events
    this.blocked = new BlockedCommand(session)
  }

  /** A command waits for others to do something. */
  get isBlocked(): boolean {
    return this.blocked.waits || this.waitsElsewhere > 0
  }

  /** The same, and it has looked in vain before. */
  get waits(): boolean {
    return this.session.isWaiting || this.waitsElsewhere > 0
  }

  /** Sends the writes that are still gathered. */
  flushWrites(): void {
    this.pendingWrites.flush()
  }

  run(row: ServedRow, args: readonly Buffer[], pending: PendingReply): void {
    if (row.kind === 'connection') this.startConnectionCommand(row, args, pending)
    else this.startDataCommand(row, args, pending)
  }

  /** A command that waits is answered, and none waits any more. */
  endWait(reply: Reply): void {
    this.isOver = true
    this.blocked.end(reply)
  }

  /** The same for a client that has hung up. */
  hangUp(): void {
    this.endWait(HUNG_UP)
  }

  /** The connection has gone. */
  abandon(): void {
    this.isOver = true
    this.blocked.abandon()
  }

  private errorReply(error: Error): ErrorReply {
    return errorReply(error, this.session.context.report)
  }

  private callOf(args: readonly Buffer[]): Call {
    const { pendingWrites } = this
    const { identity, automation, context, protocol, tracking } = this.session
    const { computingStarts: computing, computingEnds: computed, mayStillCompute, ordinal } = this.order
    return {
      args,
      identity: identity!,
      automation: automation!,
      services: context,
      protocol,
      traced: this.session.tracing,
      pendingWrites,
      isGone: this.isGone,
      wrote: tracking?.wrote,
      ordinal,
      mayStillCompute,
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
    const { context, automation } = this.session
    // Only what is computed can take long at once, which a clock that is not always read would not see.
    const isDirect = row.kind === 'data' && row.direct !== undefined
    const startedAt = this.session.lastCommandAt
    const access = this.order.begin(row, false)
    const waits = row.kind === 'keyspace' && row.waits === true
    if (waits) this.waitsElsewhere++
    execute(row, this.callOf(args), (error, result) => {
      if (waits) this.waitsElsewhere--
      const reply = error === null ? result : this.errorReply(error)
      const now = isDirect ? context.clock.date : Date.now()
      const ms = now - Math.max(startedAt, this.endedAt)
      this.endedAt = now
      if (ms >= SLOW_MS) context.slowLogs.add(automation!.id, args, ms, this.session)
      if (this.log.enabled('debug')) this.logCommand(row.name, reply, ms)
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
        this.events.hungUp()
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
    context.store.inParts(automation!, encodeInParts(reply, protocol, out), (...[error]) => {
      if (error === null) this.end(pending, access, new EncodedReply(out.take()))
      else {
        context.report(error)
        this.events.failed()
      }
    })
  }

  private end(pending: PendingReply, access: ListAccess, reply: Reply): void {
    this.order.end(access)
    this.events.ending()
    try {
      this.replies.answer(pending, reply)
      this.events.ended()
    } catch (error) {
      // A fault of ours costs this connection, which would else wait for ever.
      this.events.failed()
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
