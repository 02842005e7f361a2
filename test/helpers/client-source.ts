import type { TestRedis } from './redis.ts'
import type { TestServer } from './server.ts'
import { FrameClient } from './frames.ts'
import { eventually } from './wire.ts'

/** A store with clients, ours or a real Redis: what a scenario does in the one must look the same in the other. */
export interface World {
  /** A client that is logged in. */
  client(protocol?: 2 | 3): Promise<FrameClient>
  /** Waits until so many clients wait in blocking commands. */
  untilBlocked(count: number): Promise<void>
  close(): void
}

const worldOf = async (open: () => Promise<FrameClient>): Promise<World> => {
  const clients: FrameClient[] = []
  const client = async (protocol: 2 | 3 = 2): Promise<FrameClient> => {
    const opened = await open()
    clients.push(opened)
    if (protocol === 3) await opened.call('HELLO', '3')
    return opened
  }
  const watcher = await client()
  return {
    client,
    untilBlocked: (count) => eventually(async () => (await watcher.call('CLIENT', 'LIST')).split(' flags=b').length - 1 === count),
    close: () => {
      for (const opened of clients) opened.destroy()
    },
  }
}

let automations = 0

/** An automation of its own; `servers` take turns in taking its clients. */
export const ourWorld = (servers: readonly TestServer[], automationId = `world-${++automations}`): Promise<World> => {
  let turn = 0
  return worldOf(async () => {
    const server = servers[turn++ % servers.length]!
    const client = await FrameClient.connect(server.app.ports.resp)
    await client.call('AUTH', await server.token(automationId))
    return client
  })
}

export const realWorld = async (redis: TestRedis): Promise<World> => {
  const cleaner = await FrameClient.connect(redis.url)
  await cleaner.call('CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'YES')
  await cleaner.call('FLUSHALL')
  cleaner.destroy()
  return worldOf(() => FrameClient.connect(redis.url))
}
