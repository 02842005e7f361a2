import type { Socket } from 'node:net'
import { respText } from '../../errors/errors.ts'
import { STRANGERS } from '../../fair-share/line.ts'
import { RequestDecoder } from '../../protocol/decode.ts'
import { type FrameEvent, Framer } from '../../protocol/framer.ts'
import { UNAUTHENTICATED_LIMITS } from '../../protocol/limits.ts'
import { ErrorReply, NULL_ARRAY, PushReply, type SimpleString } from '../../reply/reply.ts'
import { Session } from '../../session/session.ts'
import type { ConnectionSettings } from './connection-settings.ts'
import { Dispatcher } from './dispatcher.ts'
import { LingeringClose } from './lingering-close.ts'
import { Outbox } from './outbox.ts'
import { ProcessShare } from './process-share.ts'
import { ReceivedBytes } from './received-bytes.ts'
import type { ReplyBudget } from './reply-budget.ts'
import { EXPIRY_WARNING_MS, TokenWatch } from './token-watch.ts'

export interface ConnectionOptions extends ConnectionSettings {
  /** Called after the first login, and after one that follows a RESET. */
  readonly onLogin: (connection: Connection) => void
  /** Called when RESET ended its login. */
  readonly onLogout: (connection: Connection) => void
  readonly budget: ReplyBudget
  readonly onClose: (connection: Connection) => void
}

/**
 * Received bytes that may lie unread while a client waits; with more its socket is not read, so its going
 * away is not noticed.
 */
const MAX_PARKED_BYTES = 1024 * 1024
/** The same while it waits for its turn. */
const MAX_QUEUED_BYTES = 64 * 1024

const decoder = new RequestDecoder()

/**
 * One socket, from its first byte to its end. Invariants: what goes wrong inside costs at most this
 * connection; nothing is read while too much is unanswered or unsent.
 */
export class Connection {
  readonly session: Session
  private readonly socket: Socket
  private readonly options: ConnectionOptions
  private readonly framer = new Framer(UNAUTHENTICATED_LIMITS)
  private readonly received: ReceivedBytes
  private readonly outbox: Outbox
  private readonly dispatcher: Dispatcher
  private readonly tokenWatch = new TokenWatch(
    () => this.warnOfExpiry(),
    () => this.expire(),
  )
  private readonly lingering: LingeringClose
  /** No more requests come: those that were received are answered, then the connection ends. */
  private draining = false
  private loginTimer: NodeJS.Timeout | undefined
  private readonly share: ProcessShare
  /** What was received waits for its turn. */
  private isQueued = false

  constructor(socket: Socket, options: ConnectionOptions) {
    this.socket = socket
    this.options = options
    this.share = new ProcessShare(options.turns, options.room)
    this.session = new Session(
      options.context,
      addressOf(socket.remoteAddress, socket.remotePort),
      addressOf(socket.localAddress, socket.localPort),
      options.held.holder(this.share.line),
    )
    this.received = new ReceivedBytes(this.framer, this.session)
    this.session.onLogin = () => this.loggedIn()
    this.session.push = (message) => this.push(message)
    this.session.cut = () => this.destroy()
    this.session.onReset = () => this.loggedOut()
    this.session.buffers = () => ({
      ...this.received.bytes,
      encoded: this.outbox.encodedBytes,
      unsent: socket.writableLength,
      events: `${socket.isPaused() ? '' : 'r'}${socket.writableLength > 0 ? 'w' : ''}`,
    })
    this.outbox = new Outbox(
      socket,
      () => this.flushed(),
      options.context.report,
      (task) => this.share.finish(task),
      (bytes) => {
        this.session.activity.sentBytes += bytes
      },
    )
    this.dispatcher = new Dispatcher(
      this.session,
      this.outbox,
      options.budget.join(),
      () => this.share.room,
      options.log,
      () => this.framer.reset(),
      () => this.destroy(),
    )
    this.lingering = new LingeringClose(socket)
    this.awaitLogin()
    socket.setNoDelay(true)
    // After the last request bytes are read and dropped.
    socket.on('data', (chunk: Buffer) => {
      if (this.session.closing) return
      this.session.activity.receivedBytes += chunk.length
      if (!this.framer.paused && !this.share.mayStart) this.waitForTurn()
      this.framer.push(chunk, this.onFrame)
      this.countHeld()
      const most = this.dispatcher.isBlocked ? MAX_PARKED_BYTES : MAX_QUEUED_BYTES
      if (this.framer.paused && this.framer.bufferedBytes > most) socket.pause()
    })
    socket.on('drain', () => this.dispatcher.proceed())
    // A half-closed client still reads the answers to what it sent (redis-cli --pipe).
    socket.on('end', () => {
      this.drain()
      this.dispatcher.hangUp()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.closed())
  }

  /** Sends `-<text>` and closes. */
  refuse(text: string): void {
    if (!this.socket.writable) return
    this.outbox.add(new ErrorReply(text), this.session.protocol)
    this.stop()
  }

  /** Answers what has been received, a command that waits with the null array, then closes. */
  endGracefully(): void {
    this.drain()
    this.dispatcher.drain(NULL_ARRAY)
  }

  destroy(): void {
    this.socket.destroy()
  }

  private readonly onFrame = (event: FrameEvent): boolean => {
    if (this.session.closing) return false
    const { dispatcher } = this
    switch (event.type) {
      case 'frames':
        for (const args of decoder.decode(event.bytes)) dispatcher.receive(args)
        break
      case 'args':
        dispatcher.receive(event.args)
        break
      case 'oversized':
        dispatcher.answerUnread(
          new ErrorReply(respText(event.reason === 'bulk' ? 'value_too_large' : 'request_too_large')),
        )
        break
      case 'error':
        dispatcher.answerUnread(new ErrorReply(event.text))
        this.draining = true
        break
    }
    dispatcher.proceed()
    if (!dispatcher.congested) {
      if (this.share.mayStart) return true
      this.waitForTurn()
      return false
    }
    // While a client waits its socket is read on, or its going away would not be noticed.
    if (!dispatcher.isBlocked) this.socket.pause()
    return false
  }

  /** After each turn of the event loop in which something was asked or answered. */
  private flushed(): void {
    if ((this.framer.paused || this.socket.isPaused()) && !this.isQueued) {
      if (this.share.mayStart) this.readOn()
      else this.waitForTurn()
    }
    if (this.finished) this.stop()
  }

  /** A request that is not complete, or waits, is held within a bound; what is above that ends it. */
  private countHeld(): void {
    const error = this.received.count()
    if (error === undefined) return
    const refusal = new ErrorReply(error.respText)
    this.dispatcher.refuseAll(refusal)
    this.dispatcher.answerUnread(refusal)
    this.session.closing = true
    this.outbox.schedule()
  }

  private waitForTurn(): void {
    this.framer.pause()
    if (this.isQueued) return
    this.isQueued = true
    this.share.addRequest(this.takeTurn)
  }

  private readonly takeTurn = (): void => {
    this.isQueued = false
    this.readOn()
    this.outbox.schedule()
  }

  private join(automationId: string): void {
    this.share.join(automationId)
    this.session.memory.join(this.share.line)
  }

  private readOn(): void {
    if (this.isQueued || this.dispatcher.congested || this.session.closing) return
    if (this.framer.paused) this.framer.resume(this.onFrame)
    this.countHeld()
    if (!this.framer.paused && !this.dispatcher.congested && !this.draining) this.socket.resume()
  }

  private get finished(): boolean {
    return this.dispatcher.idle && (this.session.closing || (this.draining && !this.framer.paused))
  }

  private drain(): void {
    this.socket.pause()
    this.draining = true
  }

  private stop(): void {
    this.outbox.flush()
    this.session.closing = true
    this.lingering.begin(this.session.identity === undefined)
  }

  private closed(): void {
    this.share.leave()
    this.tokenWatch.stop()
    this.lingering.stop()
    clearTimeout(this.loginTimer)
    this.session.closing = true
    this.dispatcher.abandon()
    this.session.stopListening()
    this.options.context.sessions.delete(this.session)
    this.session.memory.end()
    this.options.onClose(this)
  }

  /** A message to a listener. One that does not read is cut: its backlog must not grow for ever. */
  private push(message: PushReply | SimpleString): void {
    if (this.session.closing || this.socket.destroyed) return
    this.outbox.add(message, this.session.protocol)
    if (this.outbox.unsentBytes <= this.options.maxBacklogBytes) return
    this.options.log.info(
      { automation: this.session.identity?.automationId, connection: this.session.id },
      'a slow listener was cut',
    )
    this.socket.destroy()
  }

  /** Closed without a word: a client takes a reply to no request for a broken protocol. */
  private awaitLogin(): void {
    this.loginTimer = setTimeout(() => this.stop(), this.options.loginTimeoutMs)
  }

  private loggedIn(): void {
    const firstLogin = this.loginTimer !== undefined
    clearTimeout(this.loginTimer)
    this.loginTimer = undefined
    this.framer.setLimits(this.options.limits)
    this.join(this.session.automation!.id)
    this.tokenWatch.start(this.session.identity!.expiresAt)
    if (firstLogin) this.options.onLogin(this)
  }

  private loggedOut(): void {
    this.tokenWatch.stop()
    if (this.loginTimer !== undefined) return
    this.framer.setLimits(UNAUTHENTICATED_LIMITS)
    this.join(STRANGERS.resp)
    this.awaitLogin()
    this.options.onLogout(this)
  }

  private warnOfExpiry(): void {
    if (this.session.protocol === 3)
      this.outbox.add(new PushReply(['token-expiring', EXPIRY_WARNING_MS / 1000]), 3)
  }

  /** What is queued is answered with `NOAUTH token expired`; what is on its way is still answered. */
  private expire(): void {
    const expired = new ErrorReply(respText('token_expired'))
    this.dispatcher.refuseAll(expired)
    // Behind a command that waits there may be more in the framer.
    this.framer.resume((event) => {
      const count = event.type === 'frames' ? decoder.decode(event.bytes).length : 1
      for (let i = 0; i < count; i++) this.dispatcher.answerUnread(expired)
    })
    this.session.closing = true
    this.outbox.schedule()
  }
}

const addressOf = (host: string | undefined, port: number | undefined): string =>
  host === undefined ? '' : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
