import { Redis, type RedisOptions } from 'ioredis'
import type { Automation } from '../automation/automation.ts'
import { KvError } from '../errors/errors.ts'
import type { Log } from '../observability/log.ts'
import { ReplyError } from '../protocol/reply-decoder.ts'
import type { Backing } from './backing.ts'
import { crashPoint } from './crash-point.ts'
import { Link, type LinkEvents } from './link.ts'
import { CONNECT_TIMEOUT_MS, linkOptions, reasonOf } from './redis-options.ts'
import { ReplicaWatch } from './replica-watch.ts'
import { type BackingScript, SCRIPTS } from './scripts.ts'
import {
  type BackingArg,
  type BackingCallback,
  type BackingReply,
  errorIn,
  kindOf,
  refusalOf,
  type ScriptArg,
} from './wire.ts'

export interface SingleNodeOptions {
  /** `redis://`, `rediss://`, `unix:///path` or an absolute path of a unix socket. */
  readonly url: string
  /**
   * A link that has not answered for this long is given up; what was in flight on it has an unknown outcome.
   */
  readonly commandTimeoutMs: number
  readonly log: Log
  /** Told of a programming error in the code that waited for a reply. */
  readonly onFault?: (error: Error) => void
}

/**
 * Oldest Redis whose scripts replicate their effects and whose commands (GETDEL, LMOVE, COPY...) this server
 * uses.
 */
const OLDEST_VERSION = [6, 2] as const

/** Gone by itself when nobody probes any more. */
const PROBE = ['SET', 'kv:probe', '1', 'PX', '10000'] as const

/**
 * One Redis with one connection for all commands: that they are answered in the order in which they were sent
 * follows from it.
 */
export class SingleNode implements Backing {
  private readonly redis: Redis
  private readonly log: Log
  private readonly commandTimeoutMs: number
  private readonly watchdog: NodeJS.Timeout
  private readonly onFault: (error: Error) => void
  private readonly events: LinkEvents = {
    answered: (done, reply, bytes) => this.answered(done, reply, bytes),
    unanswered: (done) => this.told(done, LOST, null),
    progressed: () => this.progressed(),
  }
  /** What the commands go through: ioredis connects, authenticates and reconnects. */
  private link: Link | undefined
  /** When the connection that was just made can be used. */
  private opening: Promise<void> = Promise.resolve()
  private sent = 0
  private lastProgress = 0
  private scriptsLoaded = false
  private closing = false
  /** The link is open, but its first answers are not here yet. */
  private greeting = false
  private readonly lossListeners: Array<() => void> = []
  /** The link is given up as soon as nothing is in flight. */
  private leaving = false
  private readonly replica = new ReplicaWatch()
  version = ''

  constructor(options: SingleNodeOptions) {
    this.log = options.log
    this.onFault = options.onFault ?? (() => {})
    this.commandTimeoutMs = options.commandTimeoutMs
    this.redis = new Redis({
      ...linkOptions(options.url),
      connectionName: 'automation-kv',
    } as RedisOptions)
    this.redis.on('error', (error: Error) =>
      this.log.warn({ reason: reasonOf(error) }, 'backing Redis: connection failed'),
    )
    this.redis.on('connect', () => {
      this.greeting = true
      this.lastProgress = Date.now()
    })
    this.redis.on('close', () => {
      this.link = undefined
      this.lost()
      this.greeting = false
      this.leaving = false
      this.scriptsLoaded = false
      if (!this.closing) this.log.warn({}, 'backing Redis: link down')
    })
    this.redis.on('ready', () => {
      this.opening = this.open()
    })
    this.watchdog = setInterval(
      () => this.giveUpStalledLink(),
      Math.max(50, Math.min(1_000, this.commandTimeoutMs / 4)),
    )
    this.watchdog.unref()
  }

  async connect(): Promise<void> {
    try {
      await this.redis.connect()
      await this.opening
    } catch (error) {
      this.redis.disconnect()
      throw new Error(
        `cannot reach the backing Redis: ${reasonOf(error as Error)}. Check REDIS_URL and that the server runs.`,
      )
    }
    const info = String(await this.ask(['INFO', 'server']))
    this.version = /^(?:valkey_version|redis_version):(\S+)/m.exec(info)?.[1] ?? ''
    const [major = 0, minor = 0] = (/^redis_version:(\S+)/m.exec(info)?.[1] ?? '').split('.').map(Number)
    if (major < OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor < OLDEST_VERSION[1])) {
      throw new Error(
        `the backing Redis is too old: ${this.version || 'unknown version'}; 6.2 or newer is needed`,
      )
    }
    try {
      await this.loadScripts()
    } catch (error) {
      throw new Error(
        `the backing Redis refuses scripts (${reasonOf(error as Error)}). Allow EVALSHA, SCRIPT LOAD and EVAL for this user.`,
      )
    }
  }

  onLoss(listener: () => void): void {
    this.lossListeners.push(listener)
  }

  private lost(): void {
    for (const listener of this.lossListeners) listener()
  }

  get ready(): boolean {
    return this.link !== undefined && this.redis.status === 'ready' && !this.leaving
  }

  probe(done: (error: Error | null) => void): void {
    this.send(PROBE, true, done)
  }

  read(_automation: Automation, command: readonly BackingArg[], done: BackingCallback): void {
    this.send(command, false, done)
  }

  script(
    _automation: Automation,
    script: BackingScript,
    writes: boolean,
    keysAndArgs: readonly ScriptArg[],
    done: BackingCallback,
  ): void {
    crashPoint?.(script.name, 'before')
    this.send(['EVALSHA', script.sha1, ...keysAndArgs], writes, (error, reply, bytes) => {
      crashPoint?.(script.name, 'after')
      if (error === null || kindOf(error) !== 'NOSCRIPT') {
        if (writes && Array.isArray(reply)) this.noticeReplica(errorIn(reply))
        done(error, reply, bytes)
      } else if (this.sent === position || script.anyOrder === true) {
        // Nothing ran, so sending it again is no resend; EVAL also puts the script back into the cache.
        this.send(['EVAL', script.source, ...keysAndArgs], writes, done)
      } else {
        // Behind it others are on their way, perhaps of the same pipeline: run now, it would come after them.
        this.reloadScripts()
        done(new KvError('scripts_lost'), null)
      }
    })
    const position = this.sent
  }

  call(_automation: Automation, command: readonly BackingArg[], acts = false): Promise<BackingReply> {
    return this.ask(command, acts)
  }

  private ask(command: readonly BackingArg[], acts = false): Promise<BackingReply> {
    return new Promise((resolve, reject) => {
      this.send(command, acts, (error, reply) => (error === null ? resolve(reply) : reject(error)))
    })
  }

  async close(): Promise<void> {
    this.closing = true
    clearInterval(this.watchdog)
    if (this.redis.status === 'end') return
    const ended = new Promise<void>((resolve) => this.redis.once('end', () => resolve()))
    // Between two attempts to connect there is nothing that could end, and ioredis never says so.
    const pausing = this.redis.status === 'reconnecting'
    this.redis.disconnect()
    if (!pausing) await ended
  }

  private send(command: readonly ScriptArg[], writes: boolean, done: BackingCallback): void {
    if (!this.ready) {
      done(new KvError('unavailable'), null)
      return
    }
    const link = this.link!
    if (link.inFlight === 0) this.lastProgress = Date.now()
    this.sent++
    link.send(command, writes ? knowingOutcome(done) : done)
  }

  private answered(done: BackingCallback, reply: BackingReply, bytes: number): void {
    if (!(reply instanceof ReplyError)) this.told(done, null, reply, bytes)
    else {
      this.noticeReplica(reply)
      this.told(done, refusalOf(reply) ?? reply, null)
    }
  }

  /** A fault of ours must not end the process. */
  private told(done: BackingCallback, error: Error | null, reply: BackingReply, bytes?: number): void {
    try {
      done(error, reply, bytes)
    } catch (fault) {
      this.onFault(fault as Error)
    }
  }

  private progressed(): void {
    this.lastProgress = Date.now()
    if (this.leaving && this.link?.inFlight === 0) this.redis.disconnect(true)
  }

  /** Takes over the connection that ioredis has made. */
  private async open(): Promise<void> {
    const { stream } = this.redis
    try {
      // Its answer comes behind those to all that ioredis has sent by itself.
      await this.redis.ping()
      if (stream.destroyed) return
      this.link = new Link(stream, this.events)
      this.greeting = false
      await this.loadScripts()
      this.log.info({}, 'backing Redis: link up')
    } catch (error) {
      // When the connection was lost meanwhile, the next one is opened in its turn.
      if (this.link !== undefined) this.scriptsRefused(error as Error)
    }
  }

  private async loadScripts(): Promise<void> {
    if (this.scriptsLoaded) return
    await Promise.all(SCRIPTS.map((script) => this.ask(['SCRIPT', 'LOAD', script.source])))
    this.scriptsLoaded = true
  }

  /** After SCRIPT FLUSH; many commands may notice it at once. */
  private reloadScripts(): void {
    if (!this.scriptsLoaded) return
    this.scriptsLoaded = false
    this.loadScripts().catch((error: Error) => this.scriptsRefused(error))
  }

  private scriptsRefused(error: Error): void {
    // A link that broke meanwhile is no refusal; the next one loads them.
    if (error instanceof KvError && error.code === 'unavailable') return
    this.log.error({ reason: reasonOf(error) }, 'backing Redis: scripts could not be loaded')
  }

  /** After a failover: a new link is made, once this one is quiet. */
  private noticeReplica(error: unknown): void {
    if (!this.replica.isToBeLeft(error)) return
    this.log.warn({}, 'backing Redis: it has become a replica, connecting anew')
    this.leaving = true
    this.lost()
  }

  private giveUpStalledLink(): void {
    if ((this.link?.inFlight ?? 0) === 0 && !this.greeting) {
      // A link that nobody uses may have died without a sign; the next command should not have to find out.
      this.send(['PING'], false, () => {})
      return
    }
    // A process that has just been started may itself be slow.
    const limitMs =
      this.version === '' ? Math.max(this.commandTimeoutMs, CONNECT_TIMEOUT_MS) : this.commandTimeoutMs
    if (Date.now() - this.lastProgress < limitMs) return
    this.log.error({ timeoutMs: this.commandTimeoutMs }, 'backing Redis: no answer in time, link given up')
    this.redis.disconnect(true)
  }
}

/** The answer of a command that was lost on its way. */
const LOST = new KvError('unavailable')

/** What a write did is not known when its answer is lost. */
const knowingOutcome =
  (done: BackingCallback): BackingCallback =>
  (error, reply, bytes) =>
    done(error === LOST ? new KvError('outcome_unknown') : error, reply, bytes)
