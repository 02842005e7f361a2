import { eventually } from './eventually.ts'
import type { TestRedis } from './redis.ts'
import { RespClient } from './resp-client.ts'
import type { TestServer } from './server.ts'

/**
 * A store with clients, ours or a real Redis: what a scenario does in the one must look the same in the
 * other.
 */
export interface ClientSource {
  /** A client that is logged in. */
  client(protocol?: 2 | 3): Promise<RespClient>
  /** Waits until so many clients wait in blocking commands. */
  untilBlocked(count: number): Promise<void>
  /** Waits until there are so many connections, one of which is the source's own. */
  untilConnected(count: number): Promise<void>
  close(): void
}

const sourceOf = async (open: () => Promise<RespClient>): Promise<ClientSource> => {
  const clients: RespClient[] = []
  const client = async (protocol: 2 | 3 = 2): Promise<RespClient> => {
    const opened = await open()
    clients.push(opened)
    if (protocol === 3) await opened.raw('HELLO', '3')
    return opened
  }
  const watcher = await client()
  return {
    client,
    untilBlocked: (count) =>
      eventually(async () => (await watcher.raw('CLIENT', 'LIST')).split(' flags=b').length - 1 === count),
    untilConnected: (count) =>
      eventually(async () => (await watcher.raw('CLIENT', 'LIST')).split(' flags=').length - 1 === count),
    close: () => {
      for (const opened of clients) opened.destroy()
    },
  }
}

let automations = 0

/** An automation of its own; `servers` take turns in taking its clients. */
export const clientsOfServers = (
  servers: readonly TestServer[],
  automationId = `source-${++automations}`,
): Promise<ClientSource> => {
  let turn = 0
  return sourceOf(async () => {
    const server = servers[turn++ % servers.length]!
    const client = await RespClient.connect(server.app.ports.resp)
    await client.raw('AUTH', await server.token(automationId))
    return client
  })
}

export const clientsOfRedis = async (redis: TestRedis): Promise<ClientSource> => {
  const cleaner = await RespClient.connect(redis.url)
  await cleaner.raw('CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'YES')
  await cleaner.raw('FLUSHALL')
  cleaner.destroy()
  return sourceOf(() => RespClient.connect(redis.url))
}
