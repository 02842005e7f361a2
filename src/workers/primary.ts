import type { App } from '../app/app.ts'
import type { Config } from '../config/config.ts'
import { layGround, type Undo, undoAll } from '../app/bootstrap.ts'
import { startAdmin } from '../app/listeners.ts'
import type { Log } from '../observability/log.ts'
import { Crew } from './supervisor.ts'

/**
 * As `startApp` of `app.ts`, with several processes behind the same ports: this one keeps the embedded Redis, the operator's listener and
 * the workers; they have the doors.
 */
export async function startApp(config: Config, log: Log, fatal: (reason: string) => void): Promise<App> {
  const undo: Undo = []
  try {
    const ground = await layGround(config, log, undo, fatal)
    const crew = new Crew({ config, ground, log, fatal })
    // Started first, so stopped last: the operator sees that the server drains.
    const admin = await startAdmin(config, () => crew.ready())
    undo.push(admin.close)
    undo.push(() => crew.stop())
    const ports = await crew.start()
    return { ports: { ...ports, admin: admin.port }, secret: ground.secret, embedded: config.redisUrl === undefined, stop: () => undoAll(undo) }
  } catch (error) {
    await undoAll(undo)
    throw error
  }
}
