import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Log } from '../../../observability/log.ts'

/** One line for each request. The route's pattern stands for the address, which holds the key. */
export const logRequest =
  (log: Log) =>
  (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const level = reply.statusCode >= 500 ? 'warn' : reply.statusCode >= 400 ? 'info' : 'debug'
    if (log.enabled(level)) {
      const identity = request.caller?.identity
      log[level](
        {
          automation: identity?.automationId,
          run: identity?.runId,
          method: request.method,
          route: request.routeOptions.url ?? 'unknown',
          status: reply.statusCode,
          outcome: request.outcome,
          durationMs: Math.round(reply.elapsedTime * 100) / 100,
        },
        'REST request',
      )
    }
    done()
  }
