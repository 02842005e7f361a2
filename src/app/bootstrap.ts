import { ensureSecret } from '../backing/embedded/data-directory.ts'
import type { Config } from '../config/load.ts'
import type { Log } from '../observability/log.ts'

/** What the doors stand on: one of each, however many processes share it. */
export interface Bootstrapped {
  /** A URL of the setting's form, or the socket of the embedded Redis. */
  readonly redisUrl: string
  /** The secret in use, also when it was generated. */
  readonly secret: string
}

/** Steps of a stop, in the order in which things were started; they are done from the last to the first. */
export type Undo = Array<() => Promise<void>>

export async function undoAll(undo: Undo): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step()
}

/**
 * Finds or starts the backing Redis, and finds or makes the secret. `fatal` is called when the embedded Redis
 * keeps dying.
 */
export async function bootstrap(
  config: Config,
  log: Log,
  undo: Undo,
  fatal: (reason: string) => void,
): Promise<Bootstrapped> {
  const redisUrl = config.redisUrl ?? (await startOwnRedis(config, log, undo, fatal))
  return { redisUrl, secret: config.secret ?? ensureSecret(config.dataDir) }
}

async function startOwnRedis(
  config: Config,
  log: Log,
  undo: Undo,
  fatal: (reason: string) => void,
): Promise<string> {
  const { startEmbedded } = await import('../backing/embedded/embedded-redis.ts')
  const embedded = await startEmbedded({
    dataDir: config.dataDir,
    maxMemory: config.embeddedMaxMemory,
    log,
  })
  undo.push(() => embedded.stop())
  embedded.onExit(({ restarting }) => {
    if (!restarting) fatal('the embedded Redis keeps dying; its log is in the data directory')
  })
  return embedded.url
}
