import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { KvError } from '../../../errors/errors.ts'
import type { Gate } from '../../../gate/gate.ts'
import type { AsyncStore } from '../requests/async-store.ts'
import { type Description, schemaOf } from './describe.ts'

export const API_PATH = '/api/automation'
const KV_PATH = `${API_PATH}/v1/kv`

export interface Context {
  readonly store: AsyncStore
  readonly gate: Gate
  readonly maxValueSize: number
}

export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>

export interface Endpoint {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE'
  /** What follows KV_PATH. */
  readonly path: string
  /** A token that may only read is refused. */
  readonly writes: boolean
  readonly bodyLimit?: number
  readonly description: Description
  readonly handler: Handler
}

/** Methods that a path may be asked with; the ones that it does not have answer 405. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

export function registerEndpoints(app: FastifyInstance, endpoints: readonly Endpoint[]): void {
  const methods = new Map<string, string[]>()
  for (const { method, path, writes, bodyLimit, description, handler } of endpoints) {
    methods.set(path, [...(methods.get(path) ?? []), method])
    app.route({
      method,
      url: `${KV_PATH}${path}`,
      config: { writes },
      schema: schemaOf(description, writes),
      handler,
      ...(bodyLimit === undefined ? {} : { bodyLimit }),
    })
  }
  for (const [path, known] of methods) {
    // A key may be named `batch`: for all but POST, `/kv/batch` is that key.
    if (path === '/batch') continue
    app.route({
      method: METHODS.filter((method) => !known.includes(method)),
      url: `${KV_PATH}${path}`,
      schema: { hide: true },
      onRequest: (_request, reply, done) => {
        reply.header('allow', known.join(', '))
        done(new KvError('method_not_allowed'))
      },
      handler: () => undefined,
    })
  }
}
