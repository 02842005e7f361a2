import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { KvError } from '../../../errors/errors.ts'

type Done = (error: Error | null, body?: Buffer) => void

/** JSON is taken as bytes: routes cut what they need out of it. */
export function keepBodiesRaw(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', readBody)
  // Some clients name a type without sending a body.
  app.addContentTypeParser('*', ({ headers, is404 }, _payload, done) => {
    const empty = headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'
    done(empty || is404 ? null : new KvError('unsupported_media'))
  })
}

/**
 * Collects the body. A length that is only claimed allocates nothing; one beyond the endpoint's limit is
 * refused before it comes, so that the rest of it is still to be dropped by who answers.
 */
function readBody(
  { headers, is404, routeOptions: { bodyLimit = 0 } }: FastifyRequest,
  payload: IncomingMessage,
  done: Done,
): void {
  // Nobody is known there, and nobody wants it.
  if (is404) return done(null)
  if (Number(headers['content-length'] ?? 0) > bodyLimit) return done(new KvError('request_too_large'))
  const chunks: Buffer[] = []
  let bytes = 0
  const settle = (error: Error | null, body?: Buffer): void => {
    payload.off('data', take).off('end', end).off('error', broken).off('close', broken)
    payload.on('error', () => {})
    done(error, body)
  }
  const take = (chunk: Buffer): void => {
    bytes += chunk.length
    if (bytes > bodyLimit) settle(new KvError('request_too_large'))
    else chunks.push(chunk)
  }
  const end = (): void => settle(null, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))
  const broken = (): void => settle(new KvError('invalid_request', 'the body did not come whole'))
  payload.on('data', take).on('end', end).on('error', broken).on('close', broken)
}
