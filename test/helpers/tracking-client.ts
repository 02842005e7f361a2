import { Push, type RespClient, type RespReply } from './resp-client.ts'
import type { TestServer } from './server.ts'

/** What a client that caches is told: the names of keys, or null for all of them. */
export type Invalidation = readonly string[] | null

/** The content of an `invalidate` push; throws for anything else. */
export function invalidationOf(reply: RespReply): Invalidation {
  if (!(reply instanceof Push) || String(reply.items[0]) !== 'invalidate')
    throw new Error(`no invalidation: ${JSON.stringify(reply)}`)
  const names = reply.items[1]!
  return names === null ? null : (names as RespReply[]).map(String)
}

/** A RESP3 connection that is logged in; with `options` it tracks keys. */
export async function trackingClient(
  server: TestServer,
  automationId: string,
  ...options: readonly string[]
): Promise<RespClient> {
  const client = await server.respClient()
  await client.call('HELLO', '3', 'AUTH', 'default', await server.token(automationId))
  if (options.length > 0) await client.call('CLIENT', 'TRACKING', ...options)
  return client
}

/** The next invalidation that comes, with nothing before it. */
export const nextInvalidation = async (client: RespClient): Promise<Invalidation> =>
  invalidationOf(await client.reply())

/**
 * A client with a cache of its own, as client libraries have: what it reads stays there until it is told that
 * it is out of date.
 */
export class CachingClient {
  readonly cache = new Map<string, string | null>()
  /** How often it was told of something. */
  invalidations = 0
  private readonly client: RespClient
  private readonly asked: string[] = []
  private ended = false

  private constructor(client: RespClient) {
    this.client = client
    void this.listen()
  }

  static async start(server: TestServer, automationId: string, ...options: string[]): Promise<CachingClient> {
    return new CachingClient(await trackingClient(server, automationId, ...options))
  }

  /** Reads keys that are not in the cache, all at once. */
  read(keys: readonly string[]): void {
    for (const key of keys) {
      if (this.cache.has(key) || this.asked.includes(key)) continue
      this.asked.push(key)
      this.client.send('GET', key)
    }
  }

  get isIdle(): boolean {
    return this.asked.length === 0
  }

  stop(): void {
    this.ended = true
    this.client.destroy()
  }

  private async listen(): Promise<void> {
    while (!this.ended) {
      const reply = await this.client.reply().catch(() => undefined)
      if (reply === undefined) return
      if (reply instanceof Push) this.forget(invalidationOf(reply))
      else this.cache.set(this.asked.shift()!, reply === null ? null : String(reply))
    }
  }

  private forget(names: Invalidation): void {
    this.invalidations++
    if (names === null) this.cache.clear()
    else for (const name of names) this.cache.delete(name)
  }
}
