import { Redis, type RedisOptions } from 'ioredis'
import type { Automation } from '../automation/automation.ts'
import { KvError } from '../errors/errors.ts'
import type { Log } from '../observability/log.ts'
import type { MessageBus, OnMessage } from './backing.ts'
import { linkOptions, reasonOf } from './redis-options.ts'

/** A function takes no hundred thousand arguments. */
const CHANNELS_AT_ONCE = 1_000

export interface SingleNodeBusOptions {
  readonly url: string
  /** A link that has not answered for this long is given up. */
  readonly commandTimeoutMs: number
  readonly log: Log
}

/**
 * The process's one subscribing connection to the backing Redis, however many clients wait or listen behind
 * it. It is opened by the first subscription. When the link was lost, everything is subscribed again and
 * `onReturn` is told, since messages may have been missed.
 */
export class SingleNodeBus implements MessageBus {
  private readonly redis: Redis
  private readonly log: Log
  private readonly commandTimeoutMs: number
  private readonly listeners = new Map<string, Set<OnMessage>>()
  private readonly returned: Array<() => void> = []
  private readonly lost: Array<() => void> = []
  private readonly heartbeat: NodeJS.Timeout
  private connecting: Promise<void> | undefined
  private wasReady = false
  private isUp = false
  private asking = false

  constructor({ url, commandTimeoutMs, log }: SingleNodeBusOptions) {
    this.log = log
    this.commandTimeoutMs = commandTimeoutMs
    this.redis = new Redis({
      ...linkOptions(url),
      autoResubscribe: false,
      connectionName: 'automation-kv-subscriber',
    } as RedisOptions)
    this.redis.on('error', (error: Error) =>
      log.warn({ reason: reasonOf(error) }, 'backing Redis: subscribing connection failed'),
    )
    this.redis.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      for (const listener of this.listeners.get(channel.toString('latin1')) ?? []) listener(message)
    })
    // A new link whose first answers never come is not ready, and would never be given up.
    let greeting: NodeJS.Timeout | undefined
    this.redis.on('connect', () => {
      greeting = setTimeout(() => this.redis.disconnect(true), commandTimeoutMs)
      greeting.unref()
    })
    this.redis.on('close', () => {
      clearTimeout(greeting)
      this.down()
    })
    this.redis.on('ready', () => {
      clearTimeout(greeting)
      this.isUp = true
      void this.resume()
    })
    this.heartbeat = setInterval(() => void this.ask(), Math.max(50, Math.min(1_000, commandTimeoutMs / 4)))
    this.heartbeat.unref()
  }

  onLoss(listener: () => void): void {
    this.lost.push(listener)
  }

  onReturn(listener: () => void): void {
    this.returned.push(listener)
  }

  async subscribe(_automation: Automation, channel: string, listener: OnMessage): Promise<void> {
    const known = this.listeners.get(channel)
    if (known === undefined) this.listeners.set(channel, new Set([listener]))
    else known.add(listener)
    try {
      // Only the first connection has to be begun; whether it fails or is lost, ioredis goes on trying by
      // itself.
      this.connecting ??= this.redis.connect().catch(() => {})
      await this.connecting
      await this.redis.subscribe(channel)
    } catch {
      this.drop(channel, listener)
      throw new KvError('unavailable')
    }
  }

  unsubscribe(_automation: Automation, channel: string, listener: OnMessage): void {
    if (!this.drop(channel, listener)) return
    this.redis.unsubscribe(channel).catch(() => {
      // The link is down: a lost connection has no subscriptions left.
    })
  }

  close(): void {
    clearInterval(this.heartbeat)
    this.redis.disconnect()
  }

  /** True when nobody listens to the channel any more. */
  private drop(channel: string, listener: OnMessage): boolean {
    const listeners = this.listeners.get(channel)
    if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return false
    this.listeners.delete(channel)
    return true
  }

  private down(): void {
    if (!this.isUp) return
    this.isUp = false
    for (const listener of this.lost) listener()
  }

  private async resume(): Promise<void> {
    if (!this.wasReady) {
      this.wasReady = true
      return
    }
    try {
      const channels = [...this.listeners.keys()]
      for (let at = 0; at < channels.length; at += CHANNELS_AT_ONCE)
        await this.redis.subscribe(...channels.slice(at, at + CHANNELS_AT_ONCE))
      for (const listener of this.returned) listener()
    } catch (error) {
      this.log.warn({ reason: reasonOf(error as Error) }, 'backing Redis: subscriptions could not be renewed')
      this.redis.disconnect(true)
    }
  }

  /** A link on which nothing is said may be dead without anybody noticing, so it is asked. */
  private async ask(): Promise<void> {
    if (this.redis.status !== 'ready' || this.asking) return
    this.asking = true
    const deadline = setTimeout(() => {
      this.log.error(
        { timeoutMs: this.commandTimeoutMs },
        'backing Redis: no answer in time, subscribing link given up',
      )
      this.redis.disconnect(true)
    }, this.commandTimeoutMs)
    deadline.unref()
    try {
      await this.redis.ping()
    } catch {
      // The link is down, and comes back by itself.
    }
    clearTimeout(deadline)
    this.asking = false
  }
}
