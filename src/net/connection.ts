import type { Socket } from 'node:net'
import { lookUp } from '../commands/index.ts'
import type { ConnectionRow, DataRow, KeyspaceRow } from '../commands/row.ts'
import type { Call } from '../core/call.ts'
import { allow, errorReply, execute } from '../core/execute.ts'
import type { QueuedCommand } from '../core/transaction.ts'
import { KvError } from '../errors.ts'
import type { Log } from '../log.ts'
import { RequestDecoder } from '../resp/decode.ts'
import { encodeReply, OutputBuffer } from '../resp/encode.ts'
import { Framer, type FrameEvent, type FrameLimits, UNAUTHENTICATED_LIMITS } from '../resp/framer.ts'
import { ErrorReply, PushReply, QUEUED, type Reply } from '../resp/reply.ts'
import { Session, type SessionContext } from '../session.ts'
import { ReplyQueue, type Slot } from './reply-queue.ts'

export interface ConnectionOptions {
  readonly context: SessionContext
  readonly log: Log
  readonly limits: FrameLimits
  readonly loginTimeoutMs: number
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
/** What a first reply is taken for. */
const EXPECTED_REPLY_BYTES = 256 * 1024
/** A hundred small replies after a large one, it is forgotten. */
const REPLY_BYTES_DECAY = 0.95
/** How long a peer may take to read what was left to send, and then to close its side. */
const LINGER_MS = 30_000
const STRANGER_LINGER_MS = 1_000
/** RESP3 clients are told this long before their token expires. */
const EXPIRY_WARNING_MS = 60_000
const MAX_TIMER_MS = 2 ** 31 - 1

const decoder = new RequestDecoder()

/**
 * One socket. Invariants: every request gets one reply, in the order of the requests; a request sees the effect of those before it; what
 * goes wrong inside costs at most this connection; nothing is read while too much is unanswered or unsent.
 *
 * Requests start as early as order allows. Direct commands go to the one backing link in order, so they may overlap; a computed command
 * takes several round trips, so direct ones behind it wait; a list write may turn out to be a computed one (a document that becomes a
 * list), so other commands wait for it.
 */
export class Connection {
  readonly session: Session
  private readonly socket: Socket
  private readonly options: ConnectionOptions
  private readonly framer = new Framer(UNAUTHENTICATED_LIMITS)
  private readonly out = new OutputBuffer()
  private readonly replies: ReplyQueue
  private waiting: Request[] = []
  private inFlight = 0
  private computing = 0
  private listWrites = 0
  private exclusive = false
  private flushScheduled = false
  /** No more requests come: those that were received are answered, then the connection ends. */
  private draining = false
  private ending = false
  /** Size of the largest recent reply, which the replies under way are reckoned by. */
  private replyBytes = EXPECTED_REPLY_BYTES
  private lingerTimer: NodeJS.Timeout | undefined
  private loginTimer: NodeJS.Timeout | undefined
  private expiryTimer: NodeJS.Timeout | undefined

  constructor(socket: Socket, options: ConnectionOptions) {
    this.socket = socket
    this.options = options
    this.session = new Session(options.context, addressOf(socket.remoteAddress, socket.remotePort), addressOf(socket.localAddress, socket.localPort))
    this.session.onLogin = () => this.loggedIn()
    this.session.onReset = () => this.loggedOut()
    this.replies = new ReplyQueue((reply) => this.encode(reply))
    this.awaitLogin()
    socket.setNoDelay(true)
    // After the last request bytes are read and dropped: closing a socket with unread ones would cost the peer our last replies (RFC 1122, 4.2.2.13).
    socket.on('data', (chunk: Buffer) => {
      if (!this.ending && !this.session.closing) this.framer.push(chunk, this.onFrame)
    })
    socket.on('drain', () => this.proceed())
    // A half-closed client still reads the answers to what it sent (redis-cli --pipe).
    socket.on('end', () => this.endGracefully())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.closed())
  }

  /** Sends `-<text>` and closes. */
  refuse(text: string): void {
    if (this.ending) return
    this.encode(new ErrorReply(text))
    this.stop()
  }

  /** Answers what has been received, then closes. */
  endGracefully(): void {
    this.socket.pause()
    this.draining = true
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
    this.socket.pause()
    return false
  }

  private get congested(): boolean {
    return this.waiting.length > 0 || this.exclusive || this.busy
  }

  private get busy(): boolean {
    if (this.inFlight >= MAX_IN_FLIGHT || this.unsentBytes > MAX_UNSENT_BYTES) return true
    return this.inFlight > 0 && this.inFlight * this.replyBytes > MAX_IN_FLIGHT_BYTES
  }

  private get unsentBytes(): number {
    return this.out.bytes + this.socket.writableLength
  }

  private receive(args: readonly Buffer[]): void {
    if (this.session.closing) return
    const request = { args, slot: this.replies.next() }
    if (this.waiting.length > 0 || !this.start(request)) this.waiting.push(request)
  }

  /** Starts what may start; reads on, or closes, when nothing is left. */
  private proceed(): void {
    let started = 0
    while (started < this.waiting.length && !this.session.closing && this.start(this.waiting[started]!)) started++
    // What came behind QUIT is never run.
    if (this.session.closing) this.waiting = []
    else if (started > 0) this.waiting = this.waiting.slice(started)
    this.scheduleFlush()
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
    return { row, args, identity: identity!, tenant: tenant!, store: context.store, computing: this.computingStarts, computed: this.computingEnds }
  }

  private readonly computingStarts = (): void => void this.computing++
  private readonly computingEnds = (): void => void this.computing--

  private mayStart(row: DataRow | KeyspaceRow | ConnectionRow): boolean {
    if (row.kind === 'connection' && row.computes !== true) return row.exclusive !== true || this.inFlight === 0
    if (this.listWrites > 0 && row.group !== 'list') return false
    return this.computing === 0 || row.kind === 'connection' || (row.kind === 'data' && row.direct === undefined)
  }

  private startConnectionCommand(row: ConnectionRow, args: readonly Buffer[], slot: Slot): void {
    const { session } = this
    const { replyMode } = session
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
    const { log } = this.options
    const startedAt = log.enabled('debug') ? performance.now() : 0
    const listWrite = row.group === 'list' && row.flags.includes('write') ? 1 : 0
    this.inFlight++
    this.listWrites += listWrite
    execute(this.callOf(row, args), (reply) => {
      this.listWrites -= listWrite
      if (startedAt !== 0) this.logCommand(row.name, reply, performance.now() - startedAt)
      this.settle(slot, reply)
    })
  }

  private settle(slot: Slot, reply: Reply): void {
    this.inFlight--
    if (this.inFlight === 0) this.exclusive = false
    this.replies.answer(slot, reply)
    this.proceed()
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
      const before = this.out.bytes
      encodeReply(reply, this.session.protocol, this.out)
      this.replyBytes = Math.max(this.out.bytes - before, this.replyBytes * REPLY_BYTES_DECAY)
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
    this.write()
    if (this.framer.paused || this.socket.isPaused()) this.readOn()
    if (this.finished) this.stop()
  }

  private get finished(): boolean {
    if (this.waiting.length > 0 || this.inFlight > 0) return false
    return this.session.closing || (this.draining && !this.framer.paused)
  }

  private write(): void {
    if (this.out.bytes === 0) return
    const chunks = this.out.take()
    if (chunks.length > 1) this.socket.cork()
    for (const chunk of chunks) this.socket.write(chunk)
    if (chunks.length > 1) this.socket.uncork()
  }

  private readOn(): void {
    if (this.congested || this.session.closing) return
    if (this.framer.paused) this.framer.resume(this.onFrame)
    if (!this.framer.paused && !this.congested && !this.draining) this.socket.resume()
  }

  private stop(): void {
    this.write()
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
    this.watchExpiry()
    if (firstLogin) this.options.onLogin(this)
  }

  private loggedOut(): void {
    clearTimeout(this.expiryTimer)
    if (this.loginTimer !== undefined) return
    this.framer.setLimits(UNAUTHENTICATED_LIMITS)
    this.awaitLogin()
    this.options.onLogout(this)
  }

  private watchExpiry(): void {
    clearTimeout(this.expiryTimer)
    const { session } = this
    if (session.identity === undefined) return
    const left = session.identity.expiresAt - Date.now()
    if (left > EXPIRY_WARNING_MS) {
      this.expiryTimer = setTimeout(() => {
        if (session.protocol === 3 && session.identity!.expiresAt - Date.now() <= EXPIRY_WARNING_MS) {
          this.encode(new PushReply(['token-expiring', EXPIRY_WARNING_MS / 1000]))
        }
        this.watchExpiry()
      }, Math.min(left - EXPIRY_WARNING_MS, MAX_TIMER_MS))
    } else if (left > 0) {
      this.expiryTimer = setTimeout(() => this.watchExpiry(), left)
    } else {
      this.expire()
    }
    this.expiryTimer?.unref()
  }

  /** What is queued is answered with `NOAUTH token expired`; what is on its way is still answered. */
  private expire(): void {
    for (const { slot } of this.waiting.splice(0)) this.replies.answer(slot, new ErrorReply(new KvError('token_expired').respText))
    this.session.closing = true
    this.scheduleFlush()
  }

  private closed(): void {
    for (const timer of [this.loginTimer, this.expiryTimer, this.lingerTimer]) clearTimeout(timer)
    this.ending = true
    this.waiting = []
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

const addressOf = (host: string | undefined, port: number | undefined): string =>
  host === undefined ? '' : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
