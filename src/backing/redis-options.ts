import type { RedisOptions } from 'ioredis'

/**
 * Reconnection starts at once and stays frequent, so that service returns within a second of Redis's return.
 */
const retryDelayMs = (attempt: number): number => Math.min(10 * 2 ** attempt, 500)

export const CONNECT_TIMEOUT_MS = 5_000

/** What both connections have in common. */
export const linkOptions = (url: string): RedisOptions =>
  ({
    ...redisOptions(url),
    protocol: 2,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: retryDelayMs,
    // A Redis that loads its data says how long that will take, and is often wrong.
    maxLoadingRetryTime: 250,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A link that is given up is often one on which nothing arrives any more, so its peer will not close it.
    disconnectTimeout: 50,
  }) as RedisOptions

/** ioredis options for a URL of the setting REDIS_URL. */
function redisOptions(url: string): RedisOptions {
  if (url.startsWith('/')) return { path: url }
  if (url.startsWith('unix://')) return { path: decodeURIComponent(url.slice('unix://'.length)) }
  const { protocol, hostname, port, username, password, pathname } = new URL(url)
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 6379 : Number(port),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(pathname.length > 1 ? { db: Number(pathname.slice(1)) } : {}),
    ...(protocol === 'rediss:' ? { tls: { servername: hostname } } : {}),
  }
}

/** The message of a connection error: addresses and codes, never arguments. */
export const reasonOf = (error: Error & { code?: string; errors?: Error[] }): string =>
  error.message || error.errors?.map((e) => e.message).join('; ') || error.code || 'unknown'
