import type { Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../config/load.ts'
import { createAdminServer } from '../servers/admin/admin-server.ts'

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

/** The operator's listener, and its port. */
export async function startAdmin(
  config: Config,
  ready: () => boolean | Promise<boolean>,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const admin = createAdminServer({ ready })
  await listening(
    'AUTOMATION_KV_ADMIN_PORT',
    config.adminPort,
    admin.listen({ port: config.adminPort, host: config.adminHost }),
  )
  return { port: portOf(admin.server), close: () => closed(admin, config.drainTimeoutMs) }
}
