import { randomInt } from 'node:crypto'
import type { Identity, TokenVerifier } from '../auth/tokens.ts'
import type { Automation, Automations } from '../automation/automation.ts'
import type { PubSub } from '../engine/messaging/pubsub.ts'
import type { KeyTracking } from '../engine/tracking/key-tracking.ts'
import type { BlockedClient, BlockedClients } from '../engine/waiting/blocked-clients.ts'
import { KvError } from '../errors/errors.ts'
import type { Holder } from '../fair-share/held-bytes.ts'
import type { Gate } from '../gate/gate.ts'
import type { Protocol } from '../protocol/encode.ts'
import type { PushReply, Reply, SimpleString } from '../reply/reply.ts'
import { type Activities, Activity } from './activity.ts'
import type { ClientTracking, ReplyPlace } from './client-tracking.ts'
import type { ConnectionTransaction } from './connection-transaction.ts'
import type { Monitors } from './monitors.ts'
import type { Pauses } from './pauses.ts'
import type { RunningScripts, Services } from './services.ts'
import type { SlowLogs } from './slow-log.ts'
import type { SocketBuffers } from './socket-buffers.ts'
import { Subscriptions } from './subscriptions.ts'

/** What all sessions of the server share. */
export interface SessionContext extends Services {
  readonly automations: Automations
  readonly pubsub: PubSub
  readonly blockedClients: BlockedClients<Reply>
  readonly keyTracking: KeyTracking
  readonly gate: Gate
  readonly verifier: TokenVerifier
  /** Every open session, for CLIENT LIST. */
  readonly sessions: Set<Session>
  readonly activities: Activities
  readonly pauses: Pauses
  readonly slowLogs: SlowLogs
  /** What time it is, in milliseconds since the epoch, give or take some commands. */
  readonly clock: { readonly date: number }
  readonly runningScripts: RunningScripts
  readonly monitors: Monitors
  readonly startedAt: number
  readonly respPort: () => number
}

/** The connections of an automation to this process; those that are not logged in, of none. */
export const sessionsOf = (
  { sessions }: Pick<SessionContext, 'sessions'>,
  automationId: string | undefined,
): Session[] => [...sessions].filter(({ automation }) => automation?.id === automationId)

export type ReplyMode = 'on' | 'off' | 'skip-next'

/** Who is on a line, since when and until when, and how it wants its replies. */
export class Session {
  /** At random: a sequence would tell how many connections others open. */
  readonly id = randomInt(1, 2 ** 48 - 1)
  readonly context: SessionContext
  readonly address: string
  readonly localAddress: string
  readonly createdAt = Date.now()
  protocol: Protocol = 2
  name = ''
  libName = ''
  libVersion = ''
  replyMode: ReplyMode = 'on'
  /**
   * Set by QUIT, when the token has expired, or at the connection's end: what was asked before is answered,
   * what comes after it is not looked at.
   */
  closing = false
  lastCommand = ''
  lastCommandAt = this.createdAt
  /** Set by what orders the commands of the connection, before the first of them. */
  transaction!: ConnectionTransaction
  /** Of its automation; before the login nobody's. */
  activity = new Activity()
  /** What is held for it, counted. */
  readonly memory: Holder
  /** What lies in its buffers now; its connection tells it. */
  buffers: () => SocketBuffers = () => ({ received: 0, uncounted: 0, encoded: 0, unsent: 0, events: 'r' })
  identity: Identity | undefined
  automation: Automation | undefined
  readonly subscriptions = new Subscriptions(this)
  /** It is shown the commands of its automation. */
  isMonitor = false
  /** Counted among the connections of its automation. */
  private counted = false
  /** Its blocking command, while it waits. */
  blocked: BlockedClient<Reply> | undefined
  /** Set while it tracks keys. */
  tracking: ClientTracking | undefined
  /** See TrackingConnection. */
  lastStarted: () => ReplyPlace | undefined = () => undefined
  /** Sends what answers no request. */
  push: (message: PushReply | SimpleString) => void = () => {}
  /** Ends it at once, whatever is under way. */
  cut: () => void = () => {}
  /** Called after a login or a refreshed token. */
  onLogin: () => void = () => {}
  /** Called after RESET. */
  onReset: () => void = () => {}

  constructor(context: SessionContext, address: string, localAddress: string, memory: Holder) {
    this.context = context
    this.memory = memory
    this.address = address
    this.localAddress = localAddress
    context.sessions.add(this)
  }

  get isOpen(): boolean {
    return this.context.sessions.has(this)
  }

  /** Whether its blocking command waits. */
  get isWaiting(): boolean {
    return this.blocked?.waits === true
  }

  /** The connections of its automation to this process, itself included. */
  get siblings(): Session[] {
    return sessionsOf(this.context, this.automation?.id)
  }

  /**
   * Takes a run's token. A promise only when the token is not known yet. Throws `wrongpass`, `token_expired`,
   * `too_many_failed_logins`, `other_automation` when the connection is already another automation's, or
   * `too_many_of_automation`, after which it closes.
   */
  login(token: Buffer): void | Promise<void> {
    const { gate, verifier } = this.context
    const text = token.toString('latin1')
    const known = verifier.cached(text)
    if (known !== undefined) return this.accept(known)
    const host = this.address.slice(0, this.address.lastIndexOf(':'))
    return gate.logins.attempt(host, () => verifier.verify(text)).then((identity) => this.accept(identity))
  }

  /** As RESET: back to a new connection's state, but for its id. */
  reset(): void {
    this.protocol = 2
    this.name = ''
    this.replyMode = 'on'
    this.transaction.end()
    this.stopListening()
    this.end()
    this.identity = undefined
    this.automation = undefined
    this.activity = new Activity()
    this.onReset()
  }

  /** It no longer counts as a connection of its automation. */
  end(): void {
    if (this.counted) this.context.gate.connections.leave(this.automation!.id)
    this.counted = false
  }

  /** Whether the next reply is not sent. Asked once a command, since CLIENT REPLY SKIP holds for one. */
  takeSilence(): boolean {
    if (this.replyMode === 'skip-next') {
      this.replyMode = 'on'
      return true
    }
    return this.replyMode === 'off'
  }

  get subscribed(): boolean {
    return this.subscriptions.count > 0
  }

  stopTracking(): void {
    this.tracking?.end()
    this.tracking = undefined
  }

  get tracing(): ((calls: readonly (readonly Buffer[])[]) => void) | undefined {
    const { context, automation } = this
    if (!context.monitors.watches(automation!.id)) return undefined
    return (calls) => context.monitors.showCalls(automation!.id, calls)
  }

  /** Throws `too_many_monitors`. */
  monitor(): void {
    this.context.monitors.add(this.automation!.id, this)
    this.isMonitor = true
  }

  /** To channels, to what becomes of keys, and to others' commands. */
  stopListening(): void {
    this.stopTracking()
    if (this.isMonitor) this.context.monitors.remove(this.automation!.id, this)
    this.isMonitor = false
    this.subscriptions.end()
  }

  private accept(identity: Identity): void {
    if (this.automation !== undefined && this.automation.id !== identity.automationId)
      throw new KvError('other_automation')
    // It may have gone while its token was verified.
    if (!this.context.sessions.has(this)) return
    this.activity = this.context.activities.of(identity.automationId)
    this.count(identity.automationId)
    this.identity = identity
    this.automation = this.context.automations.get(identity.automationId)
    this.onLogin()
  }

  private count(automationId: string): void {
    if (this.counted) return
    try {
      this.context.gate.connections.enter(automationId)
      this.activity.connections++
    } catch (error) {
      this.activity.refusedConnections++
      this.closing = true
      throw error
    }
    this.counted = true
  }
}
