import { WriteProbe } from '../backing/write-probe.ts'
import type { Config } from '../config/load.ts'
import type { Log } from '../observability/log.ts'
import { checksOf } from '../servers/admin/admin-server.ts'
import { type Bootstrapped, bootstrap, type Undo, undoAll } from './bootstrap.ts'
import { closed, listening, portOf, startAdmin } from './listeners.ts'
import { joinParts, respServer, restServer } from './parts.ts'

export interface Ports {
  readonly resp: number
  readonly http: number
  readonly admin: number
}

/** A running server: the only place where its parts are joined. */
export interface App {
  readonly ports: Ports
  /** The secret in use, also when it was generated: what `token mint` and the banner sign with. */
  readonly secret: string
  /** Where the data is: a URL of the setting's form, or undefined for the embedded Redis. */
  readonly embedded: boolean
  /** Rejects new work, finishes what has begun, stops the embedded Redis. */
  stop(): Promise<void>
}

/** Both doors of one process, and all that is behind them. */
export interface Servers {
  readonly ports: Omit<Ports, 'admin'>
  /** Why it cannot serve; undefined when it can. */
  problem(): string | undefined
  /** Rejects new work and finishes what has begun. */
  stop(): Promise<void>
}

/**
 * Starts everything, or nothing: on an error what has been started is stopped again. `fatal` is called when
 * the server cannot go on. Throws an Error with a text for the operator.
 */
export async function startApp(
  config: Config,
  log: Log,
  fatal: (reason: string) => void = () => {},
): Promise<App> {
  const undo: Undo = []
  try {
    const bootstrapped = await bootstrap(config, log, undo, fatal)
    let doors: Servers | undefined
    // Started first, so stopped last: the operator sees that the server drains.
    let stopping = false
    const admin = await startAdmin(config, log, () =>
      checksOf(doors?.problem(), doors !== undefined, stopping),
    )
    undo.push(admin.close)
    const opened = await startServers(config, bootstrapped, log)
    doors = opened
    undo.push(opened.stop)
    await admin.tell()
    return {
      ports: { ...opened.ports, admin: admin.port },
      secret: bootstrapped.secret,
      embedded: config.redisUrl === undefined,
      stop: async () => {
        stopping = true
        await admin.tell()
        await undoAll(undo)
      },
    }
  } catch (error) {
    await undoAll(undo)
    throw error
  }
}

/** Starts RESP and REST in this process, or nothing. Throws an Error with a text for the operator. */
export async function startServers(config: Config, bootstrapped: Bootstrapped, log: Log): Promise<Servers> {
  const undo: Undo = []
  try {
    const parts = joinParts(config, bootstrapped, log, undo)
    // The doors are made meanwhile; the error is thrown where it is awaited.
    const connected = parts.backing.connect()
    connected.catch(() => {})
    const ports = { resp: 0, http: 0 }
    const resp = respServer(config, parts, log, () => ports.resp)
    const rest = restServer(config, parts, log)
    await Promise.all([connected, rest.ready()])
    const probe = new WriteProbe(parts.backing)
    undo.push(async () => probe.stop())
    await probe.first()

    ports.resp = await listening(
      'AUTOMATION_KV_RESP_PORT',
      config.respPort,
      resp.listen(config.respPort, config.respHost),
    )
    undo.push(() => resp.close(config.drainTimeoutMs))
    undo.push(() => closed(rest, config.drainTimeoutMs))
    await listening(
      'AUTOMATION_KV_HTTP_PORT',
      config.httpPort,
      rest.listen({ port: config.httpPort, host: config.httpHost }),
    )
    ports.http = portOf(rest.server)
    parts.pool?.start()
    return { ports, problem: () => probe.problem, stop: () => undoAll(undo) }
  } catch (error) {
    await undoAll(undo)
    throw error
  }
}
