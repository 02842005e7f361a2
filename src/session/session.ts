import { randomInt } from 'node:crypto'
import type { Identity, TokenVerifier } from '../auth/tokens.ts'
import type { Automation, Automations } from '../automation/automation.ts'
import type { PubSub } from '../engine/messaging/pubsub.ts'
import { type ChannelKind, checkChannel, type MessageReceiver } from '../engine/messaging/topics.ts'
import type { BlockedClient, BlockedClients } from '../engine/waiting/blocked-clients.ts'
import { KvError } from '../errors/errors.ts'
import type { Holder } from '../fair-share/held-bytes.ts'
import type { Gate } from '../gate/gate.ts'
import { idOf } from '../lib/id.ts'
import type { Protocol } from '../protocol/encode.ts'
import { PushReply, type Reply, type SimpleString } from '../reply/reply.ts'
import { type Activities, Activity } from './activity.ts'
import type { ConnectionTransaction } from './connection-transaction.ts'
import type { Monitors } from './monitors.ts'
import type { Pauses } from './pauses.ts'
import type { Services } from './services.ts'
import type { SlowLogs } from './slow-log.ts'

/** What all sessions of the server share. */
export interface SessionContext extends Services {
  readonly automations: Automations
  readonly pubsub: PubSub
  readonly blockedClients: BlockedClients<Reply>
  readonly gate: Gate
  readonly verifier: TokenVerifier
  /** Every open session, for CLIENT LIST. */
  readonly sessions: Set<Session>
  readonly activities: Activities
  readonly pauses: Pauses
  readonly slowLogs: SlowLogs
  readonly monitors: Monitors
  readonly startedAt: number
  readonly respPort: () => number
}

/** Messages that come before a subscription is confirmed are kept up to this size together. */
const MAX_EARLY_BYTES = 8 * 1024 * 1024

/** Of a listener, beside the name. */
const LISTENER_BYTES = 256

const bytesOf = (names: readonly Buffer[]): number =>
  names.reduce((sum, { length }) => sum + length + LISTENER_BYTES, 0)

const distinct = (names: readonly Buffer[]): Buffer[] => [
  ...new Map(names.map((name) => [idOf(name), name])).values(),
]

/** Bytes that one socket has in this process. */
export interface SocketBuffers {
  /** Received and not worked on. */
  readonly received: number
  /** Those of them that `memory` does not count. */
  readonly uncounted: number
  /** Replies that are encoded, and those that the socket has and could not send. */
  readonly encoded: number
  readonly unsent: number
  /** What it waits for: `r` to read, `w` to write. */
  readonly events: string
}

/** The connections of an automation to this process; those that are not logged in, of none. */
export const sessionsOf = (
  { sessions }: Pick<SessionContext, 'sessions'>,
  automationId: string | undefined,
): Session[] => [...sessions].filter(({ automation }) => automation?.id === automationId)

export type ReplyMode = 'on' | 'off' | 'skip-next'

/** Who is on a line, since when and until when, and how it wants its replies. */
export class Session implements MessageReceiver {
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
  /** What it listens to: latin1 identity -> name. */
  readonly subscriptions: Readonly<Record<ChannelKind, Map<string, Buffer>>> = {
    channel: new Map(),
    pattern: new Map(),
    shard: new Map(),
  }
  /**
   * What it is about to listen to, and its messages until then: a client must not get one before the
   * confirmation.
   */
  private joining:
    | {
        readonly kind: ChannelKind
        readonly ids: ReadonlySet<string>
        readonly early: PushReply[]
        bytes: number
      }
    | undefined
  /** It is shown the commands of its automation. */
  isMonitor = false
  /** Counted among the connections of its automation. */
  private counted = false
  /** Its blocking command, while it waits. */
  blocked: BlockedClient<Reply> | undefined
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
    const { channel, pattern, shard } = this.subscriptions
    return channel.size + pattern.size + shard.size > 0
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

  stopListening(): void {
    if (this.isMonitor) this.context.monitors.remove(this.automation!.id, this)
    this.isMonitor = false
    for (const kind of ['channel', 'pattern', 'shard'] as const) {
      const own = this.subscriptions[kind]
      if (own.size > 0) this.unsubscribe(kind, [...own.values()])
      own.clear()
    }
  }

  /**
   * Begins to listen. Resolves with the messages that came before everything was announced, since their
   * publishers counted this listener; rejects with `unavailable`.
   */
  async listen(kind: ChannelKind, names: readonly Buffer[]): Promise<PushReply[]> {
    const own = this.subscriptions[kind]
    const added = distinct(names).filter((name) => !own.has(idOf(name)))
    if (added.length === 0) return []
    added.forEach(checkChannel)
    const bytes = bytesOf(added)
    this.memory.take(bytes)
    const early: PushReply[] = []
    const joining = { kind, ids: new Set(added.map(idOf)), early, bytes: 0 }
    this.joining = joining
    const { pubsub, sessions } = this.context
    try {
      await pubsub.subscribe(this.automation!, kind, added, this)
    } catch (error) {
      this.memory.give(bytes)
      throw error
    } finally {
      this.joining = undefined
    }
    if (joining.bytes > MAX_EARLY_BYTES) {
      this.unsubscribe(kind, added)
      throw new KvError('unavailable')
    }
    for (const name of added) own.set(idOf(name), name)
    // It may have gone meanwhile: nobody would unsubscribe it then.
    if (!sessions.has(this)) this.stopListening()
    return early
  }

  /** Ends the listening to names that it listens to. */
  unsubscribe(kind: ChannelKind, names: readonly Buffer[]): void {
    const known = distinct(names)
    this.memory.give(bytesOf(known))
    this.context.pubsub.unsubscribe(this.automation!, kind, known, this)
  }

  deliver(kind: ChannelKind, channel: Buffer, message: Buffer, pattern?: Buffer): void {
    const push =
      pattern === undefined
        ? new PushReply([kind === 'shard' ? 'smessage' : 'message', channel, message])
        : new PushReply(['pmessage', pattern, channel, message])
    const id = idOf(pattern ?? channel)
    const { joining } = this
    if (this.subscriptions[kind].has(id)) this.push(push)
    else if (joining?.kind === kind && joining.ids.has(id)) {
      joining.bytes += message.length
      if (joining.bytes <= MAX_EARLY_BYTES) joining.early.push(push)
    }
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
