import { startRedis } from '../../helpers/redis.ts'
import { RespClient } from '../../helpers/resp-client.ts'
import { startServer, type TestServer } from '../../helpers/server.ts'

export type Protocol = 2 | 3

/**
 * Connections to one of the servers, in one state and one protocol: `main` has the sequence, `other` comes in
 * between.
 */
export interface Side {
  readonly main: RespClient
  readonly other: RespClient
}

export interface Connections {
  readonly redis: Side
  readonly ours: Side
}

/** A real Redis for reference, and our server before another one. */
export interface ServerPair {
  readonly server: TestServer
  /** Where the real one listens. */
  readonly referenceUrl: string
  /** Connections of its own for each protocol; made anew when one was lost. */
  connections(protocol: Protocol): Promise<Connections>
  stop(): Promise<void>
}

/**
 * The limits of both are made equal: one database, strings of 1 MiB. It looks often whether a client has
 * waited long enough.
 */
const REFERENCE_ARGS = ['--databases', '1', '--proto-max-bulk-len', '1048576', '--hz', '500']

export async function startServerPair(env: Record<string, string> = {}): Promise<ServerPair> {
  const [reference, server] = await Promise.all([
    startRedis({ args: REFERENCE_ARGS }),
    startServer({ AUTOMATION_KV_MAX_KEYS: '100000', AUTOMATION_KV_LOG_LEVEL: 'warn', ...env }),
  ])
  const known = new Map<Protocol, Connections>()

  const open = async (protocol: Protocol): Promise<Connections> => {
    const token = await server.token(`compared-${protocol}`)
    const redis = async (): Promise<RespClient> => {
      const client = await RespClient.connect(reference.url)
      await client.raw('HELLO', protocol)
      return client
    }
    const ours = async (): Promise<RespClient> => {
      const client = await RespClient.connect(server.app.ports.resp)
      await client.raw('HELLO', protocol, 'AUTH', 'default', token)
      return client
    }
    const [redisMain, redisOther, oursMain, oursOther] = await Promise.all([redis(), redis(), ours(), ours()])
    return { redis: { main: redisMain, other: redisOther }, ours: { main: oursMain, other: oursOther } }
  }

  const clientsOf = ({ redis, ours }: Connections): RespClient[] => [
    redis.main,
    redis.other,
    ours.main,
    ours.other,
  ]

  return {
    server,
    referenceUrl: reference.url,
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
      await Promise.all([server.stop(), reference.stop()])
    },
  }
}
