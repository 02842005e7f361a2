import { type FastifyInstance, fastify } from 'fastify'
import { UNUSED_SCHEMAS } from '../../lib/unused-schemas.ts'

/**
 * The operator's listener, apart from the users': `/healthz` says that the process lives, `/readyz` that it
 * can serve.
 */
export function createAdminServer({ ready }: { ready: () => boolean | Promise<boolean> }): FastifyInstance {
  const server = fastify({ logger: false, schemaController: UNUSED_SCHEMAS })
  server.get('/healthz', () => ({ status: 'ok' }))
  server.get('/readyz', async (_request, reply) => {
    if (await ready()) return { status: 'ready' }
    return reply.code(503).send({ status: 'unavailable', reason: 'the backing Redis is not reachable' })
  })
  return server
}
