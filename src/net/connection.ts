import type { Socket } from 'node:net'
import { lookUp } from '../commands/index.ts'
import type { ConnectionRow, DataRow, KeyspaceRow } from '../commands/row.ts'
import { errorReply, execute } from '../core/execute.ts'
import { KvError } from '../errors.ts'
import type { Log } from '../log.ts'
import { RequestDecoder } from '../resp/decode.ts'
import { encodeReply, OutputBuffer } from '../resp/encode.ts'
import { Framer, type FrameEvent, type FrameLimits, UNAUTHENTICATED_LIMITS } from '../resp/framer.ts'
import { ErrorReply, PushReply, type Reply } from '../resp/reply.ts'
import { Session, type SessionContext } from '../session.ts'
import { ReplyQueue, type Slot } from './reply-queue.ts'

export interface ConnectionOptions {
  readonly context: SessionContext
  readonly log: Log
  readonly limits: FrameLimits
  readonly loginTimeoutMs: number
  /** Called once after the first login. */
  readonly onLogin: (connection: Connection) => void
  readonly onClose: (connection: Connection) => void
}

interface Request {
  readonly args: readonly Buffer[]
  readonly slot: Slot
}

/** Bytes that may lie unsent before this side stops reading requests. */
const MAX_UNSENT_BYTES = 1024 * 1024
/** Requests of one connection that may be on their way. */
const MAX_IN_FLIGHT = 1_024
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
  private ending = false
  private loginTimer: NodeJS.Timeout | undefined
  private expiryTimer: NodeJS.Timeout | undefined

  constructor(socket: Socket, options: ConnectionOptions) {
    this.socket = socket
    this.options = options
    this.session = new Session(options.context, addressOf(socket.remoteAddress, socket.remotePort), addressOf(socket.localAddress, socket.localPort))
    this.session.onLogin = () => this.loggedIn()
    this.replies = new ReplyQueue((reply) => this.encode(reply))
    this.loginTimer = setTimeout(() => this.refuse('NOAUTH login timeout'), options.loginTimeoutMs)
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.framer.push(chunk, this.onFrame))
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
    this.session.closing = true
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
        this.session.closing = true
        break
    }
    this.proceed()
    if (!this.congested) return true
    this.socket.pause()
    return false
  }

  private get congested(): boolean {
    return this.waiting.length > 0 || this.exclusive || this.inFlight >= MAX_IN_FLIGHT || this.unsentBytes > MAX_UNSENT_BYTES
  }

  private get unsentBytes(): number {
    return this.out.bytes + this.socket.writableLength
  }

  private receive(args: readonly Buffer[]): void {
    const request = { args, slot: this.replies.next() }
    if (this.waiting.length > 0 || !this.start(request)) this.waiting.push(request)
  }

  /** Starts what may start; reads on, or closes, when nothing is left. */
  private proceed(): void {
    let started = 0
    while (started < this.waiting.length && this.start(this.waiting[started]!)) started++
    if (started > 0) this.waiting = this.waiting.slice(started)
    this.scheduleFlush()
  }

  /** False when the request has to wait for an earlier one. */
  private start(request: Request): boolean {
    const { args, slot } = request
    const { session } = this
    if (this.exclusive || this.inFlight >= MAX_IN_FLIGHT || this.unsentBytes > MAX_UNSENT_BYTES) return false
    let row: ReturnType<typeof lookUp>
    try {
      row = lookUp(args)
      if (session.identity === undefined) {
        if (!row.flags.includes('no_auth')) throw new KvError('noauth')
      } else if (session.expired) {
        throw new KvError('token_expired')
      }
    } catch (error) {
      this.replies.answer(slot, errorReply(error as Error))
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

  private mayStart(row: DataRow | KeyspaceRow | ConnectionRow): boolean {
    if (row.kind === 'connection') return row.exclusive !== true || this.inFlight === 0
    if (this.listWrites > 0 && row.group !== 'list') return false
    return this.computing === 0 || (row.kind === 'data' && row.direct === undefined)
  }

  private startConnectionCommand(row: ConnectionRow, args: readonly Buffer[], slot: Slot): void {
    const { session } = this
    const { replyMode } = session
    try {
      const result = row.handle(session, args)
      if (!(result instanceof Promise)) {
        // CLIENT REPLY decides about its own reply.
        if (session.replyMode !== replyMode) slot.silent = result === undefined
        this.replies.answer(slot, result ?? null, result === undefined)
        return
      }
      this.inFlight++
      this.exclusive = row.exclusive === true
      result.then(
        (reply) => this.settle(slot, reply),
        (error: Error) => this.settle(slot, errorReply(error)),
      )
    } catch (error) {
      this.replies.answer(slot, errorReply(error as Error))
    }
  }

  private startDataCommand(row: DataRow | KeyspaceRow, args: readonly Buffer[], slot: Slot): void {
    const { identity, tenant, context } = this.session
    const { log } = this.options
    const startedAt = log.enabled('debug') ? performance.now() : 0
    const listWrite = row.group === 'list' && row.flags.includes('write') ? 1 : 0
    this.inFlight++
    this.listWrites += listWrite
    const call = { row, args, identity: identity!, tenant: tenant!, store: context.store, computing: () => void this.computing++, computed: () => void this.computing-- }
    execute(call, (reply) => {
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
      encodeReply(reply, this.session.protocol, this.out)
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
    if (this.session.closing && this.waiting.length === 0 && this.inFlight === 0) this.stop()
    else if (this.framer.paused || this.socket.isPaused()) this.readOn()
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
    if (!this.framer.paused && !this.congested) this.socket.resume()
  }

  private stop(): void {
    this.write()
    this.ending = true
    this.socket.end()
    // A peer that never closes its side must not keep the socket.
    setTimeout(() => this.socket.destroy(), 1_000).unref()
  }

  private loggedIn(): void {
    const firstLogin = this.loginTimer !== undefined
    clearTimeout(this.loginTimer)
    this.loginTimer = undefined
    this.framer.setLimits(this.options.limits)
    this.watchExpiry()
    if (firstLogin) this.options.onLogin(this)
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
    this.socket.pause()
    this.scheduleFlush()
  }

  private closed(): void {
    clearTimeout(this.loginTimer)
    clearTimeout(this.expiryTimer)
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
