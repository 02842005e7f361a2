import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { KvError } from '../../../errors/errors.ts'
import { API_PATH, type Endpoint } from '../endpoints/endpoint.ts'
import type { Pages } from './pages.ts'

/** Requests for pages under way, until their answers were read. */
const MAX_READERS = 64
/** Pages change with a release only, and are then asked for by their tag. */
const CACHE_CONTROL = 'public, max-age=300'

/**
 * The document and its pages. What makes them takes long to load and is seldom asked for, so the first
 * request loads it. Each page is made once: all who read it share its bytes, however slowly they read.
 */
export function registerDocumentation(app: FastifyInstance, endpoints: readonly Endpoint[]): void {
  let loading: Promise<Pages> | undefined
  const load = async (): Promise<Pages> => {
    const [{ createDocumentation }, { Pages }] = await Promise.all([
      import('./openapi.ts'),
      import('./pages.ts'),
    ])
    return new Pages(createDocumentation(endpoints))
  }
  let readers = 0
  const admit = (_request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    if (readers >= MAX_READERS) {
      done(new KvError('too_many_readers'))
      return
    }
    readers++
    reply.raw.once('close', () => void readers--)
    done()
  }
  const answer = async ({ raw }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    loading ??= load()
    const page = await (await loading).find(raw.url!)
    if (page === undefined) throw new KvError('not_found')
    if ('location' in page) return reply.redirect(page.location)
    reply.header('cache-control', CACHE_CONTROL).header('etag', page.etag)
    if (raw.headers['if-none-match']?.includes(page.etag)) return reply.code(304).send()
    for (const [name, value] of page.headers) reply.header(name, value)
    return reply.send(page.body)
  }
  for (const path of ['/openapi.json', '/docs', '/docs/*'])
    app.get(`${API_PATH}${path}`, { onRequest: admit }, answer)
}
