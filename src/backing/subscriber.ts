import { Redis, type RedisOptions } from 'ioredis'
import { KvError } from '../errors.ts'
import type { Log } from '../log.ts'
import { reasonOf, redisOptions } from './redis.ts'

type Listener = (message: Buffer) => void

/**
 * The process's one subscribing connection to the backing Redis, however many clients wait or listen behind it. It is opened by the first
 * subscription. When the link was lost, everything is subscribed again and `onReturn` is told, since messages may have been missed.
 */
export class Subscriber {
  private readonly redis: Redis
  private readonly listeners = new Map<string, Set<Listener>>()
  private readonly returned: Array<() => void> = []
  private wasReady = false
  private connecting: Promise<void> | undefined

  constructor(url: string, log: Log) {
    this.redis = new Redis({
      ...redisOptions(url),
      protocol: 2,
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt: number) => Math.min(10 * 2 ** attempt, 500),
      connectTimeout: 5_000,
      connectionName: 'automation-kv-subscriber',
    } as RedisOptions)
    this.redis.on('error', (error: Error) => log.warn({ reason: reasonOf(error) }, 'backing Redis: subscribing connection failed'))
    this.redis.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      for (const listener of this.listeners.get(channel.toString('latin1')) ?? []) listener(message)
    })
    this.redis.on('ready', () => void this.resume(log))
  }

  onReturn(listener: () => void): void {
    this.returned.push(listener)
  }

  /** Resolves when what is published from now on will arrive. Rejects with `unavailable`. */
  async subscribe(channel: string, listener: Listener): Promise<void> {
    const known = this.listeners.get(channel)
    if (known === undefined) this.listeners.set(channel, new Set([listener]))
    else known.add(listener)
    try {
      this.connecting ??= this.redis.connect()
      await this.connecting
      await this.redis.subscribe(channel)
    } catch {
      // A link that is down comes back by itself; only the first connection has to be begun anew.
      if (!this.wasReady) this.connecting = undefined
      this.drop(channel, listener)
      throw new KvError('unavailable')
    }
  }

  unsubscribe(channel: string, listener: Listener): void {
    if (!this.drop(channel, listener)) return
    this.redis.unsubscribe(channel).catch(() => {
      // The link is down: a lost connection has no subscriptions left.
    })
  }

  close(): void {
    this.redis.disconnect()
  }

  /** True when nobody listens to the channel any more. */
  private drop(channel: string, listener: Listener): boolean {
    const listeners = this.listeners.get(channel)
    if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return false
    this.listeners.delete(channel)
    return true
  }

  private async resume(log: Log): Promise<void> {
    if (!this.wasReady) {
      this.wasReady = true
      return
    }
    try {
      const channels = [...this.listeners.keys()]
      if (channels.length > 0) await this.redis.subscribe(...channels)
      for (const listener of this.returned) listener()
    } catch (error) {
      log.warn({ reason: reasonOf(error as Error) }, 'backing Redis: subscriptions could not be renewed')
      this.redis.disconnect(true)
    }
  }
}
