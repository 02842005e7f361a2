import { fastify, type FastifyInstance } from 'fastify'

/** The operator's listener, apart from the users': `/healthz` says that the process lives, `/readyz` that it can serve. */
export function createAdminServer({ ready }: { ready: () => boolean }): FastifyInstance {
  const server = fastify({ logger: false })
  server.get('/healthz', () => ({ status: 'ok' }))
  server.get('/readyz', (_request, reply) => {
    if (ready()) return { status: 'ready' }
    return reply.code(503).send({ status: 'unavailable', reason: 'the backing Redis is not reachable' })
  })
  return server
}
