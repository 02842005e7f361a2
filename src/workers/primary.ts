import type { App } from '../app/app.ts'
import { bootstrap, type Undo, undoAll } from '../app/bootstrap.ts'
import { startAdmin } from '../app/listeners.ts'
import type { Config } from '../config/load.ts'
import type { Log } from '../observability/log.ts'
import { Supervisor } from './supervisor.ts'

/**
 * As `startApp` of `app.ts`, with several processes behind the same ports: this one keeps the embedded Redis,
 * the operator's listener and the workers; they serve RESP and REST.
 */
export async function startPrimary(config: Config, log: Log, fatal: (reason: string) => void): Promise<App> {
  const undo: Undo = []
  try {
    const bootstrapped = await bootstrap(config, log, undo, fatal)
    const supervisor = new Supervisor({ config, bootstrapped, log, fatal })
    // Started first, so stopped last: the operator sees that the server drains.
    const admin = await startAdmin(config, log, () => supervisor.checks())
    undo.push(admin.close)
    undo.push(() => supervisor.stop())
    const ports = await supervisor.start()
    await admin.tell()
    return {
      ports: { ...ports, admin: admin.port },
      secret: bootstrapped.secret,
      embedded: config.redisUrl === undefined,
      stop: async () => {
        supervisor.announceStop()
        await admin.tell()
        await undoAll(undo)
      },
    }
  } catch (error) {
    await undoAll(undo)
    throw error
  }
}
