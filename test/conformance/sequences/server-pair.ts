import { startRedis, type TestRedis } from '../../helpers/redis.ts'
import { startServer, type TestServer } from '../../helpers/server.ts'
import { Peer } from './exchange.ts'

export type Protocol = 2 | 3

/** Connections to both sides, in one state and one protocol: `main` has the sequence, `other` comes in between. */
export interface Side {
  readonly main: Peer
  readonly other: Peer
}

export interface Pair {
  readonly redis: Side
  readonly ours: Side
}

/** A real Redis, and our server before another one. */
export interface Duel {
  readonly server: TestServer
  /** A pair of its own for each protocol; made anew when a connection was lost. */
  pair(protocol: Protocol): Promise<Pair>
  stop(): Promise<void>
}

/** The limits of both sides are made equal: one database, strings of 1 MiB. It looks often whether a client has waited long enough. */
const ORACLE_ARGS = ['--databases', '1', '--proto-max-bulk-len', '1048576', '--hz', '500']

export async function startDuel(env: Record<string, string> = {}): Promise<Duel> {
  const [oracle, server] = await Promise.all([
    startRedis({ args: ORACLE_ARGS }),
    startServer({ AUTOMATION_KV_MAX_KEYS: '100000', AUTOMATION_KV_LOG_LEVEL: 'warn', ...env }),
  ])
  const pairs = new Map<Protocol, Pair>()

  const open = async (protocol: Protocol): Promise<Pair> => {
    const token = await server.token(`duel-${protocol}`)
    const redis = async (): Promise<Peer> => {
      const peer = await Peer.connect(addressOf(oracle))
      await peer.call('HELLO', String(protocol))
      return peer
    }
    const ours = async (): Promise<Peer> => {
      const peer = await Peer.connect({ host: '127.0.0.1', port: server.app.ports.resp })
      await peer.call('HELLO', String(protocol), 'AUTH', 'default', token)
      return peer
    }
    const [redisMain, redisOther, oursMain, oursOther] = await Promise.all([redis(), redis(), ours(), ours()])
    return { redis: { main: redisMain, other: redisOther }, ours: { main: oursMain, other: oursOther } }
  }

  const peersOf = ({ redis, ours }: Pair): Peer[] => [redis.main, redis.other, ours.main, ours.other]

  return {
    server,
    async pair(protocol) {
      const known = pairs.get(protocol)
      if (known !== undefined && !peersOf(known).some(({ closed }) => closed)) return known
      if (known !== undefined) for (const peer of peersOf(known)) peer.close()
      const fresh = await open(protocol)
      pairs.set(protocol, fresh)
      return fresh
    },
    async stop() {
      for (const pair of pairs.values()) for (const peer of peersOf(pair)) peer.close()
      await Promise.all([server.stop(), oracle.stop()])
    },
  }
}

const addressOf = ({ url }: TestRedis): { path: string } | { host: string; port: number } =>
  url.startsWith('/') ? { path: url } : { host: new URL(url).hostname, port: Number(new URL(url).port) }
