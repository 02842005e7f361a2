import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { API_PATH, type Endpoint } from '../endpoints/endpoint.ts'

/** They belong to the connection or to the answer that is made anew here (RFC 9110 section 7.6.1). */
const NOT_PASSED_ON: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'date',
])

/**
 * The document and its pages. What makes them takes long to load and is seldom asked for, so the first
 * request loads it.
 */
export function registerDocumentation(app: FastifyInstance, endpoints: readonly Endpoint[]): void {
  let loading: Promise<FastifyInstance> | undefined
  const load = async (): Promise<FastifyInstance> =>
    (await import('./openapi.ts')).createDocumentation(endpoints)
  const answer = async ({ raw }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    loading ??= load()
    const documentation = await loading
    const { statusCode, headers, rawPayload } = await documentation.inject({
      method: 'GET',
      url: raw.url!,
      headers: raw.headers,
    })
    if (statusCode >= 400) throw Object.assign(new Error('documentation'), { statusCode })
    for (const [name, value] of Object.entries(headers))
      if (!NOT_PASSED_ON.has(name)) reply.header(name, value)
    return reply.code(statusCode).send(rawPayload)
  }
  for (const path of ['/openapi.json', '/docs', '/docs/*']) app.get(`${API_PATH}${path}`, answer)
}
