import { mintToken } from '../../../src/auth/mint.ts'
import { startCompiledServer } from '../../helpers/compiled-server.ts'
import { startRedis } from '../../helpers/redis.ts'
import { RespClient } from '../../helpers/resp-client.ts'
import { SECRET, startServer } from '../../helpers/server.ts'
import { CHANNELS } from './words.ts'

export type Protocol = 2 | 3

/**
 * Connections to one of the servers, in one state and one protocol: `main` has the sequence, `other` comes in
 * between, `listener` is told what either publishes.
 */
export interface Side {
  readonly main: RespClient
  readonly other: RespClient
  readonly listener: RespClient
}

export interface Connections {
  readonly redis: Side
  readonly ours: Side
}

/** A real Redis for reference, and our server before another one. */
export interface ServerPair {
  /** Where ours listens, and the real one. */
  readonly port: number
  referenceUrl(protocol: Protocol): string
  /** Of the automation that these connections are of. */
  token(protocol: Protocol): Promise<string>
  /** Connections of its own for each protocol; made anew when one was lost. */
  connections(protocol: Protocol): Promise<Connections>
  stop(): Promise<void>
}

/**
 * The limits of both are made equal: one database, strings of 1 MiB. It looks often whether a client has
 * waited long enough.
 */
const REFERENCE_ARGS = ['--databases', '1', '--proto-max-bulk-len', '1048576', '--hz', '500']

/** `where` scripts run: in this process, or in one with compute threads. */
export async function startServerPair(where: 'here' | 'on threads' = 'here'): Promise<ServerPair> {
  // One for each protocol: who listens at one of them must not be told of the other.
  const [second, third, server] = await Promise.all([
    startRedis({ args: REFERENCE_ARGS }),
    startRedis({ args: REFERENCE_ARGS }),
    where === 'here' ? startHere() : startOnThreads(),
  ])
  const known = new Map<Protocol, Connections>()

  const tokenFor = (protocol: Protocol): Promise<string> =>
    mintToken({
      secret: SECRET,
      automationId: `compared-${protocol}`,
      runId: 'run-1',
      ttlSeconds: 7 * 24 * 3_600,
    })

  const open = async (protocol: Protocol): Promise<Connections> => {
    const token = await tokenFor(protocol)
    const reference = protocol === 2 ? second : third
    const redis = async (): Promise<RespClient> => {
      const client = await RespClient.connect(reference.url)
      await client.raw('HELLO', protocol)
      return client
    }
    const ours = async (): Promise<RespClient> => {
      const client = await RespClient.connect(server.port)
      await client.raw('HELLO', protocol, 'AUTH', 'default', token)
      return client
    }
    const side = async (connect: () => Promise<RespClient>): Promise<Side> => {
      const [main, other, listener] = await Promise.all([connect(), connect(), connect()])
      return { main, other, listener: await listening(listener) }
    }
    const [redisSide, oursSide] = await Promise.all([side(redis), side(ours)])
    return { redis: redisSide, ours: oursSide }
  }

  const clientsOf = (connections: Connections): RespClient[] =>
    [connections.redis, connections.ours].flatMap(({ main, other, listener }) => [main, other, listener])

  return {
    port: server.port,
    token: tokenFor,
    referenceUrl: (protocol) => (protocol === 2 ? second : third).url,
    async connections(protocol) {
      const before = known.get(protocol)
      if (before !== undefined && !clientsOf(before).some(({ closed }) => closed)) return before
      if (before !== undefined) for (const client of clientsOf(before)) client.destroy()
      const fresh = await open(protocol)
      known.set(protocol, fresh)
      return fresh
    },
    async stop() {
      for (const connections of known.values()) for (const client of clientsOf(connections)) client.destroy()
      await server.stop()
      await Promise.all([second.stop(), third.stop()])
    },
  }
}

const SETTINGS = {
  AUTOMATION_KV_MAX_KEYS: '100000',
  AUTOMATION_KV_LOG_LEVEL: 'warn',
  // A machine that is busy must not end scripts.
  AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS: '10000',
}

interface Server {
  readonly port: number
  stop(): Promise<void>
}

async function startHere(): Promise<Server> {
  const server = await startServer(SETTINGS)
  return { port: server.app.ports.resp, stop: () => server.stop() }
}

async function startOnThreads(): Promise<Server> {
  const redis = await startRedis()
  const server = await startCompiledServer(redis.url, SETTINGS)
  return {
    port: server.port,
    stop: async () => {
      await server.stop()
      await redis.stop()
    },
  }
}

/** Channels, a pattern that fits to the first of them, and shard channels of the same names. */
async function listening(client: RespClient): Promise<RespClient> {
  client
    .send('SUBSCRIBE', ...CHANNELS)
    .send('PSUBSCRIBE', 'n*')
    .send('SSUBSCRIBE', ...CHANNELS)
  await client.frames(2 * CHANNELS.length + 1)
  return client
}
