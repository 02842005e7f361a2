import type { Socket } from 'node:net'
import { lookUp } from '../commands/index.ts'
import type { Blocking, ConnectionRow, DataRow, KeyspaceRow } from '../commands/row.ts'
import type { Call } from '../core/call.ts'
import { allow, errorReply, execute, OTHER_FORMS } from '../core/execute.ts'
import { Line } from '../core/store.ts'
import type { QueuedCommand } from '../core/transaction.ts'
import { KvError, respError } from '../errors.ts'
import type { Log } from '../log.ts'
import { RequestDecoder } from '../resp/decode.ts'
import { Framer, type FrameEvent, type FrameLimits, UNAUTHENTICATED_LIMITS } from '../resp/framer.ts'
import { ErrorReply, NULL_ARRAY, NullArray, PushReply, QUEUED, type Reply } from '../resp/reply.ts'
import { Session, type SessionContext } from '../session.ts'
import { Outbox } from './outbox.ts'
import { ReplyQueue, type Slot } from './reply-queue.ts'
import { EXPIRY_WARNING_MS, TokenWatch } from './token-watch.ts'

export interface ConnectionOptions {
  readonly context: SessionContext
  readonly log: Log
  readonly limits: FrameLimits
  readonly loginTimeoutMs: number
  /** Unsent bytes at which a client that listens to channels is cut. */
  readonly maxBacklogBytes: number
  /** Called after the first login, and after one that follows a RESET. */
  readonly onLogin: (connection: Connection) => void
  /** Called when RESET made a stranger of it again. */
  readonly onLogout: (connection: Connection) => void
  readonly onClose: (connection: Connection) => void
}

interface Request {
  readonly args: readonly Buffer[]
  readonly slot: Slot
}

/** Bytes that may lie unsent before this side stops reading requests. */
const MAX_UNSENT_BYTES = 1024 * 1024
/** Requests of one connection that may be on their way; fewer when its replies are large, so that all of them are not more than about this. */
const MAX_IN_FLIGHT = 1_024
const MAX_IN_FLIGHT_BYTES = 16 * 1024 * 1024
/** How long a peer may take to read what was left to send, and then to close its side. */
const LINGER_MS = 30_000
const STRANGER_LINGER_MS = 1_000

/** Received bytes that may lie unread while a client waits; with more its socket is not read, so its going away is not noticed. */
const MAX_PARKED_BYTES = 1024 * 1024

/** Ends the waiting of a client that has hung up: as in Redis, what it sent behind its blocking command is then not run. */
const HUNG_UP = new NullArray()

const decoder = new RequestDecoder()

/**
 * One socket. Invariants: every request gets one reply, in the order of the requests; a request sees the effect of those before it; what
 * goes wrong inside costs at most this connection; nothing is read while too much is unanswered or unsent.
 *
 * Requests start as early as order allows. Direct commands go to the one backing link in order, so they may overlap; a computed command
 * takes several round trips, so direct ones behind it wait; a direct list command may turn out to be a computed one (on a document that
 * is an array), so others wait for a list write, and other writes wait for a list read.
 */
export class Connection {
  readonly session: Session
  private readonly socket: Socket
  private readonly options: ConnectionOptions
  private readonly line = new Line()
  private readonly framer = new Framer(UNAUTHENTICATED_LIMITS)
  private readonly outbox: Outbox
  private readonly replies: ReplyQueue
  private readonly tokenWatch = new TokenWatch(() => this.warnOfExpiry(), () => this.expire())
  private waiting: Request[] = []
  private inFlight = 0
  private computing = 0
  /** Direct list commands under way. */
  private listReads = 0
  private listWrites = 0
  private exclusive = false
  /** A blocking command waits. */
  private parked = false
  private proceeding = false
  private flushScheduled = false
  /** No more requests come: those that were received are answered, then the connection ends. */
  private draining = false
  /** What ends the waiting of blocking commands then. */
  private noMore: Reply | undefined
  private ending = false
  private lingerTimer: NodeJS.Timeout | undefined
  private loginTimer: NodeJS.Timeout | undefined

  constructor(socket: Socket, options: ConnectionOptions) {
    this.socket = socket
    this.options = options
    this.outbox = new Outbox(socket)
    this.session = new Session(options.context, addressOf(socket.remoteAddress, socket.remotePort), addressOf(socket.localAddress, socket.localPort))
    this.session.onLogin = () => this.loggedIn()
    this.session.push = (message) => this.push(message)
    this.session.onReset = () => this.loggedOut()
    this.replies = new ReplyQueue((reply) => this.encode(reply))
    this.awaitLogin()
    socket.setNoDelay(true)
    // After the last request bytes are read and dropped: closing a socket with unread ones would cost the peer our last replies (RFC 1122, 4.2.2.13).
    socket.on('data', (chunk: Buffer) => {
      if (this.ending || this.session.closing) return
      this.framer.push(chunk, this.onFrame)
      if (this.framer.paused && this.framer.bufferedBytes > MAX_PARKED_BYTES) socket.pause()
    })
    socket.on('drain', () => this.proceed())
    // A half-closed client still reads the answers to what it sent (redis-cli --pipe).
    socket.on('end', () => this.endGracefully(HUNG_UP))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.closed())
  }

  /** Sends `-<text>` and closes. */
  refuse(text: string): void {
    if (this.ending) return
    this.encode(new ErrorReply(text))
    this.stop()
  }

  /** Answers what has been received, a command that waits with `noMore`, then closes. */
  endGracefully(noMore: Reply = NULL_ARRAY): void {
    this.socket.pause()
    this.draining = true
    this.noMore ??= noMore
    this.session.blocked?.end(this.noMore)
    this.proceed()
  }

  destroy(): void {
    this.socket.destroy()
  }

  private readonly onFrame = (event: FrameEvent): boolean => {
    if (this.session.closing || this.ending) return false
    switch (event.type) {
      case 'frames':
        for (const args of decoder.decode(event.bytes)) this.receive(args)
        break
      case 'args':
        this.receive(event.args)
        break
      case 'oversized':
        this.replies.answer(this.replies.next(), new ErrorReply(new KvError(event.reason === 'bulk' ? 'value_too_large' : 'request_too_large').respText))
        break
      case 'error':
        this.replies.answer(this.replies.next(), new ErrorReply(event.text))
        this.draining = true
        break
    }
    this.proceed()
    if (!this.congested) return true
    // While a client waits its socket is read on, or its going away would not be noticed.
    if (!this.parked) this.socket.pause()
    return false
  }

  private get congested(): boolean {
    return this.waiting.length > 0 || this.exclusive || this.busy
  }

  private get busy(): boolean {
    if (this.inFlight >= MAX_IN_FLIGHT || this.outbox.unsentBytes > MAX_UNSENT_BYTES) return true
    return this.inFlight * this.outbox.replyBytes > MAX_IN_FLIGHT_BYTES
  }

  private receive(args: readonly Buffer[]): void {
    if (this.session.closing) return
    const request = { args, slot: this.replies.next() }
    if (this.waiting.length > 0 || !this.start(request)) this.waiting.push(request)
  }

  /** Starts what may start; reads on, or closes, when nothing is left. */
  private proceed(): void {
    this.scheduleFlush()
    // A command that is refused at once is settled while it starts, and settling proceeds.
    if (this.proceeding) return
    this.proceeding = true
    let started = 0
    while (started < this.waiting.length && !this.session.closing && this.start(this.waiting[started]!)) started++
    // What came behind QUIT is never run.
    if (this.session.closing) this.waiting = []
    else if (started > 0) this.waiting = this.waiting.slice(started)
    this.proceeding = false
  }

  /** False when the request has to wait for an earlier one. */
  private start(request: Request): boolean {
    const { args, slot } = request
    const { session } = this
    if (this.exclusive || this.busy) return false
    let row: ReturnType<typeof lookUp>
    try {
      row = lookUp(args)
      if (session.identity === undefined) {
        if (!row.flags.includes('no_auth')) throw new KvError('noauth')
      } else if (session.expired) {
        throw new KvError('token_expired')
      }
    } catch (error) {
      session.transaction.broken = true
      slot.silent = this.takeReplyMode()
      this.replies.answer(slot, errorReply(error as Error))
      return true
    }
    if (session.transaction.queue !== undefined && !(row.kind === 'connection' && row.immediate === true)) {
      slot.silent = this.takeReplyMode()
      this.replies.answer(slot, this.enqueue(session.transaction.queue, row, args))
      return true
    }
    if (session.protocol === 2 && session.subscribed && !(row.kind === 'connection' && row.whileSubscribed === true)) {
      this.replies.answer(slot, new ErrorReply(onlyListening(row.name)))
      return true
    }
    if (!this.mayStart(row)) return false
    slot.silent = this.takeReplyMode()
    session.lastCommand = row.name
    session.lastCommandAt = Date.now()
    if (row.kind === 'connection') this.startConnectionCommand(row, args, slot)
    else this.startDataCommand(row, args, slot)
    return true
  }

  /** MULTI: the command is checked now and run at EXEC. */
  private enqueue(queue: QueuedCommand[], row: QueuedCommand['row'], args: readonly Buffer[]): Reply {
    try {
      if (row.kind === 'connection' && row.whileSubscribed === true && row.group === 'pubsub') throw respError('ERR Command not allowed inside a transaction')
      if (row.kind !== 'connection') allow(this.callOf(row, args))
      // The arguments lie in the chunk that was received, which must not be kept for them.
      queue.push({ row, args: args.map((arg) => Buffer.from(arg)) })
      return QUEUED
    } catch (error) {
      this.session.transaction.broken = true
      return errorReply(error as Error)
    }
  }

  private callOf(row: DataRow | KeyspaceRow, args: readonly Buffer[]): Call {
    const { identity, tenant, context } = this.session
    return { row, args, identity: identity!, tenant: tenant!, store: context.store, line: this.line, computing: this.computingStarts, computed: this.computingEnds }
  }

  private readonly computingStarts = (): void => void this.computing++
  private readonly computingEnds = (): void => void this.computing--

  private mayStart(row: DataRow | KeyspaceRow | ConnectionRow): boolean {
    if (row.kind === 'data' && row.blocking !== undefined) return this.inFlight === 0
    if (row.kind === 'connection' && row.computes !== true) {
      if (row.afterWrites === true) return this.computing === 0 && this.listWrites === 0
      return row.exclusive !== true || this.inFlight === 0
    }
    if (!isDirectList(row)) {
      if (this.listWrites > 0) return false
      if (this.listReads > 0 && (row.kind === 'connection' || row.flags.includes('write'))) return false
    }
    return this.computing === 0 || row.kind === 'connection' || (row.kind === 'data' && row.direct === undefined)
  }

  private startConnectionCommand(row: ConnectionRow, args: readonly Buffer[], slot: Slot): void {
    const { session } = this
    const { replyMode } = session
    // What it may tell others, or ask of the data, comes after the writes before it.
    this.line.flush()
    try {
      const result = row.handle(session, args)
      if (!(result instanceof Promise)) {
        // CLIENT REPLY decides about its own reply.
        if (session.replyMode !== replyMode) slot.silent = result === undefined
        this.replies.answer(slot, result ?? null, slot.silent || result === undefined)
        return
      }
      this.inFlight++
      this.exclusive = row.exclusive === true
      const computes = row.computes === true
      if (computes) this.computing++
      const settle = (reply: Reply): void => {
        if (computes) this.computing--
        this.settle(slot, reply)
      }
      result.then(settle, (error: Error) => settle(errorReply(error)))
    } catch (error) {
      this.replies.answer(slot, errorReply(error as Error))
    }
  }

  private startDataCommand(row: DataRow | KeyspaceRow, args: readonly Buffer[], slot: Slot): void {
    if (row.kind === 'data' && row.blocking !== undefined && this.startBlocking(row, row.blocking, args, slot)) return
    const { log } = this.options
    const startedAt = log.enabled('debug') ? performance.now() : 0
    const list = isDirectList(row) ? 1 : 0
    const listWrite = list === 1 && row.flags.includes('write') ? 1 : 0
    this.inFlight++
    this.listReads += list - listWrite
    this.listWrites += listWrite
    execute(this.callOf(row, args), (reply) => {
      this.listReads -= list - listWrite
      this.listWrites -= listWrite
      if (startedAt !== 0) this.logCommand(row.name, reply, performance.now() - startedAt)
      this.settle(slot, reply)
    })
  }

  /** False when this call does not wait. What comes behind it waits with it. */
  private startBlocking(row: DataRow, blocking: Blocking, args: readonly Buffer[], slot: Slot): boolean {
    const { session } = this
    try {
      const call = this.callOf(row, args)
      allow(call)
      const timeoutMs = blocking.timeoutMs(args)
      if (timeoutMs === undefined) return false
      this.inFlight++
      this.exclusive = true
      this.parked = true
      const settle = (reply: Reply): void => {
        this.parked = false
        session.blocked = undefined
        if (reply === HUNG_UP) {
          this.waiting = []
          this.framer.reset()
        }
        this.settle(slot, reply)
      }
      const begin = (prepared: readonly Buffer[]): void => {
        if (this.ending || this.socket.destroyed) {
          settle(null)
          return
        }
        session.blocked = session.context.waiters.wait(call, row, prepared, timeoutMs, settle)
        if (this.noMore !== undefined) session.blocked.end(this.noMore)
      }
      if (blocking.prepare === undefined) begin(args)
      else blocking.prepare(call).then(begin, (error: Error) => settle(errorReply(error)))
    } catch (error) {
      this.replies.answer(slot, errorReply(error as Error))
    }
    return true
  }

  /** A message to a listener. One that does not read is cut: its backlog must not grow for ever. */
  private push(message: PushReply): void {
    if (this.ending || this.session.closing || this.socket.destroyed) return
    this.encode(message)
    if (this.outbox.unsentBytes <= this.options.maxBacklogBytes) return
    this.options.log.info({ automation: this.session.identity?.automationId, connection: this.session.id }, 'a slow listener was cut')
    this.socket.destroy()
  }

  private settle(slot: Slot, reply: Reply): void {
    this.inFlight--
    if (this.inFlight === 0) this.exclusive = false
    try {
      this.replies.answer(slot, reply)
      this.proceed()
    } catch (error) {
      // A fault of ours costs this connection, which would else wait for ever.
      this.socket.destroy()
      throw error
    }
  }

  private takeReplyMode(): boolean {
    const { session } = this
    if (session.replyMode === 'skip-next') {
      session.replyMode = 'on'
      return true
    }
    return session.replyMode === 'off'
  }

  private encode(reply: Reply): void {
    try {
      this.outbox.add(reply, this.session.protocol)
    } catch (error) {
      errorReply(error as Error)
      this.socket.destroy()
    }
    this.scheduleFlush()
  }

  /** One write for all replies of a turn of the event loop. */
  private scheduleFlush(): void {
    if (this.flushScheduled) return
    this.flushScheduled = true
    setImmediate(this.flush)
  }

  private readonly flush = (): void => {
    this.flushScheduled = false
    if (this.ending || this.socket.destroyed) return
    this.outbox.flush()
    if (this.framer.paused || this.socket.isPaused()) this.readOn()
    if (this.finished) this.stop()
  }

  private get finished(): boolean {
    if (this.waiting.length > 0 || this.inFlight > 0) return false
    return this.session.closing || (this.draining && !this.framer.paused)
  }

  private readOn(): void {
    if (this.congested || this.session.closing) return
    if (this.framer.paused) this.framer.resume(this.onFrame)
    if (!this.framer.paused && !this.congested && !this.draining) this.socket.resume()
  }

  private stop(): void {
    this.outbox.flush()
    this.ending = true
    this.linger(this.session.identity === undefined ? STRANGER_LINGER_MS : LINGER_MS)
    this.socket.end(() => this.linger(STRANGER_LINGER_MS))
    this.socket.resume()
  }

  /** A peer that never closes its side must not keep the socket. */
  private linger(ms: number): void {
    clearTimeout(this.lingerTimer)
    if (this.socket.destroyed) return
    this.lingerTimer = setTimeout(() => this.socket.destroy(), ms)
    this.lingerTimer.unref()
  }

  private awaitLogin(): void {
    this.loginTimer = setTimeout(() => this.refuse('NOAUTH login timeout'), this.options.loginTimeoutMs)
  }

  private loggedIn(): void {
    const firstLogin = this.loginTimer !== undefined
    clearTimeout(this.loginTimer)
    this.loginTimer = undefined
    this.framer.setLimits(this.options.limits)
    this.tokenWatch.start(this.session.identity!.expiresAt)
    if (firstLogin) this.options.onLogin(this)
  }

  private loggedOut(): void {
    this.tokenWatch.stop()
    if (this.loginTimer !== undefined) return
    this.framer.setLimits(UNAUTHENTICATED_LIMITS)
    this.awaitLogin()
    this.options.onLogout(this)
  }

  private warnOfExpiry(): void {
    if (this.session.protocol === 3) this.encode(new PushReply(['token-expiring', EXPIRY_WARNING_MS / 1000]))
  }

  /** What is queued is answered with `NOAUTH token expired`; what is on its way is still answered. */
  private expire(): void {
    const expired = new ErrorReply(new KvError('token_expired').respText)
    this.session.blocked?.end(expired)
    for (const { slot } of this.waiting.splice(0)) this.replies.answer(slot, expired)
    // Behind a command that waits there may be more in the framer.
    this.framer.resume((event) => {
      const count = event.type === 'frames' ? decoder.decode(event.bytes).length : 1
      for (let i = 0; i < count; i++) this.replies.answer(this.replies.next(), expired)
    })
    this.session.closing = true
    this.scheduleFlush()
  }

  private closed(): void {
    this.tokenWatch.stop()
    for (const timer of [this.loginTimer, this.lingerTimer]) clearTimeout(timer)
    this.ending = true
    this.waiting = []
    this.session.blocked?.abandon()
    this.session.stopListening()
    this.options.context.sessions.delete(this.session)
    this.options.onClose(this)
  }

  private logCommand(command: string, reply: Reply, durationMs: number): void {
    const { identity, id } = this.session
    const outcome = reply instanceof ErrorReply ? reply.text.split(' ', 1)[0]! : 'ok'
    this.options.log.debug(
      { automation: identity?.automationId, run: identity?.runId, connection: id, command, outcome, durationMs: Math.round(durationMs * 1000) / 1000 },
      'command',
    )
  }
}

/** Redis says at EXEC whatever it refuses in the form of a failed transaction (afterErrorReply, execCommandAbort). */
const onlyListening = (name: string): string =>
  `${name === 'exec' ? 'EXECABORT Transaction discarded because of:' : 'ERR'} Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`

/** A list command, or one on a sketch: it is sent directly, and may yet have to be computed. */
const isDirectList = (row: DataRow | KeyspaceRow | ConnectionRow): boolean =>
  row.kind === 'data' && row.direct !== undefined && OTHER_FORMS.includes(row.group)

const addressOf = (host: string | undefined, port: number | undefined): string =>
  host === undefined ? '' : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
