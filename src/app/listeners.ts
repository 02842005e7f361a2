import type { Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../config/load.ts'
import { placeOf } from '../observability/error-log.ts'
import type { Log } from '../observability/log.ts'
import { type AdminServer, type Checks, startAdminServer } from '../servers/admin/admin-server.ts'

/** Turns a listener's error into a text that names the setting. */
export async function listening<T>(setting: string, port: number, listen: Promise<T>): Promise<T> {
  try {
    return await listen
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE')
      throw new Error(
        `port ${port} is in use. Stop what listens there, or set ${setting} to another port (0 picks a free one).`,
      )
    if (code === 'EACCES')
      throw new Error(`port ${port} needs more rights. Set ${setting} to a port above 1023.`)
    if (code === 'EADDRNOTAVAIL')
      throw new Error(`the address is not one of this machine. Check ${setting.replace('_PORT', '_HOST')}.`)
    throw error
  }
}

/** Lets open requests finish, and cuts those that take longer than `timeoutMs`. */
export async function closed(server: FastifyInstance, timeoutMs: number): Promise<void> {
  const deadline = setTimeout(() => server.server.closeAllConnections(), timeoutMs)
  await server.close()
  clearTimeout(deadline)
}

export const portOf = (server: Server): number => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The operator's listener. */
export const startAdmin = (config: Config, log: Log, checks: Checks): Promise<AdminServer> =>
  listening(
    'AUTOMATION_KV_ADMIN_PORT',
    config.adminPort,
    startAdminServer(config.adminHost, config.adminPort, checks, (error) =>
      log.error({ reason: placeOf(error) }, 'the listener for the operator ended'),
    ),
  )
