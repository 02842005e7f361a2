import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { portOf } from '../../src/app/listeners.ts'
import { joinParts, type Parts, respServer, restServer } from '../../src/app/parts.ts'
import { mintToken } from '../../src/auth/mint.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { InFlight } from '../../src/fair-share/in-flight.ts'
import type { Log } from '../../src/observability/log.ts'
import { eventually } from './eventually.ts'
import { startRedis } from './redis.ts'
import { RespClient } from './resp-client.ts'
import { SECRET } from './server.ts'

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, enabled: () => false }

/** What one automation has in the process. */
type Inside = InFlight & {
  /** Held for its connections, bytes. */
  readonly held: number
  /** Held for all automations, bytes. */
  readonly heldForAll: number
  /** Connections and commands under way. */
  readonly holders: number
}

/** The links of the process to the backing Redis, by what that says of them. */
type Links = {
  /** Replies of one link that wait there to be sent, bytes. */
  readonly outputBuffer: number
  readonly links: number
}

/** The most there was at any moment that was looked at. */
export type Peak = Inside & Links

/** The highest of each figure, looked at again and again until it is over. */
async function highest<Name extends string>(
  look: () => Promise<Readonly<Record<Name, number>>>,
  isOver: () => boolean,
): Promise<Record<Name, number>> {
  const peak: Record<Name, number> = { ...(await look()) }
  while (!isOver()) {
    const now = await look()
    for (const name in now) peak[name] = Math.max(peak[name], now[name])
    await nextTurn()
  }
  return peak
}

/** Both doors before a Redis of their own, with the parts behind them to look at. */
export interface OpenServer {
  readonly parts: Parts
  /** A client on the backing Redis itself. */
  readonly backing: Redis
  /** Open connections of the REST door. */
  httpConnections(): Promise<number>
  token(automationId: string): Promise<string>
  /** Logged in; closed by `stop`. */
  client(automationId: string): Promise<RespClient>
  clients(automationId: string, count: number): Promise<RespClient[]>
  /** A socket to the REST door that is written to by hand and not read; closed by `stop`. */
  httpSocket(): Promise<Socket>
  /** The head and the body of a REST request. */
  httpRequest(
    automationId: string,
    method: string,
    path: string,
    body?: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<string>
  /** Looks at an automation until `stop` is called. */
  watch(automationId: string): { stop(): Promise<Peak> }
  /** Bytes that the backing Redis has sent so far. */
  sentByRedis(): Promise<number>
  /** Waits until all work of the automation has stopped, whether or not it is done. */
  untilIdle(automationId: string): Promise<void>
  /** Waits until nothing is held for the automation any more, and nothing of it is under way. */
  untilQuiet(automationId: string): Promise<void>
  stop(): Promise<void>
}

/** `env` adds settings. */
export async function startOpenServer(env: Record<string, string> = {}): Promise<OpenServer> {
  const redis = await startRedis()
  const config = loadConfig({
    REDIS_URL: redis.url,
    AUTOMATION_KV_SECRET: SECRET,
    AUTOMATION_KV_COMPUTE_THREADS: '0',
    ...env,
  })
  const undo: Array<() => Promise<void>> = []
  const parts = joinParts(config, { redisUrl: redis.url, secret: SECRET }, quiet, undo)
  await parts.backing.connect()
  const resp = respServer(config, parts, quiet, () => port)
  const port = await resp.listen(0, '127.0.0.1')
  const rest = restServer(config, parts, quiet)
  await rest.listen({ host: '127.0.0.1', port: 0 })
  const httpPort = portOf(rest.server)
  const backing = new Redis(redis.url, { protocol: 2 })
  const respClients: RespClient[] = []
  const sockets: Socket[] = []

  const token = (automationId: string): Promise<string> =>
    mintToken({ secret: SECRET, automationId, runId: 'run-1', ttlSeconds: 3_600 })
  const client = async (automationId: string): Promise<RespClient> => {
    const opened = await RespClient.connect(port)
    respClients.push(opened)
    await opened.call('AUTH', await token(automationId))
    return opened
  }
  const lookInside = (automationId: string): Inside => {
    const line = parts.turns.lineOf(automationId)
    return {
      ...parts.backing.inFlight(parts.automations.get(automationId)),
      held: line.heldBytes,
      heldForAll: parts.held.bytes,
      holders: line.holders,
    }
  }
  const lookAtLinks = async (): Promise<Links> => {
    // Those of the process only: automation-kv is what it calls its links.
    const links = String(await backing.call('CLIENT', 'LIST'))
      .split('\n')
      .filter((one) => one.includes(' name=automation-kv'))
    return {
      outputBuffer: Math.max(...links.map((one) => Number(/ omem=(\d+)/.exec(one)![1]))),
      links: links.length,
    }
  }

  return {
    parts,
    backing,
    httpConnections: () =>
      new Promise((resolve, reject) =>
        rest.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
      ),
    token,
    client,
    clients: (automationId, count) => Promise.all(Array.from({ length: count }, () => client(automationId))),
    async httpSocket() {
      const socket = connect(httpPort, '127.0.0.1')
      sockets.push(socket)
      socket.on('error', () => {})
      socket.pause()
      await new Promise((resolve) => socket.once('connect', resolve))
      return socket
    },
    async httpRequest(automationId, method, path, body = '', headers = {}) {
      return [
        `${method} /api/automation/v1${path} HTTP/1.1`,
        'host: x',
        `authorization: Bearer ${await token(automationId)}`,
        ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        ...(body === '' ? [] : ['content-type: application/json', `content-length: ${body.length}`]),
        '',
        body,
      ].join('\r\n')
    },
    watch(automationId) {
      let isOver = false
      const inside = highest(
        async () => lookInside(automationId),
        () => isOver,
      )
      const links = highest(lookAtLinks, () => isOver)
      return {
        stop: async () => {
          isOver = true
          return { ...(await inside), ...(await links) }
        },
      }
    },
    sentByRedis: async () => Number(/^total_net_output_bytes:(\d+)/m.exec(await backing.info('stats'))![1]),
    async untilIdle(automationId) {
      let looks = 0
      await eventually(() => {
        const { commands, waiting } = lookInside(automationId)
        const isIdle = commands + waiting + parts.turns.lineOf(automationId).queued === 0
        looks = isIdle ? looks + 1 : 0
        // What was sent may not have been read yet.
        return looks > 30
      })
    },
    async untilQuiet(automationId) {
      const left = (): number => {
        const { commands, waiting, bytes, held, holders } = lookInside(automationId)
        return commands + waiting + bytes + held + holders + parts.turns.lineOf(automationId).queued
      }
      await eventually(() => left() === 0).catch(() => {
        throw new Error(`not given back: ${JSON.stringify(lookInside(automationId))}`)
      })
    },
    async stop() {
      for (const one of respClients) one.destroy()
      for (const socket of sockets) socket.destroy()
      await resp.close(1_000)
      rest.server.closeAllConnections()
      await rest.close()
      for (const step of undo.reverse()) await step()
      backing.disconnect()
      await redis.stop()
    },
  }
}
