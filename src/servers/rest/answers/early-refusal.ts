import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** What is read and dropped of a body that nobody wants, at most. */
const MAX_DRAINED_BYTES = 16 * 1024 * 1024
const MAX_DRAIN_MS = 10_000

/** Whether a part of the body may still be on its way. */
export const expectsBody = ({ raw, headers }: FastifyRequest): boolean =>
  !raw.complete &&
  !raw.readableEnded &&
  !raw.destroyed &&
  (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0')

/**
 * Answers a request whose body was not read. Closing the connection then would cost a client that sends on,
 * without looking, the answer (RFC 9112 section 9.6): so the answer goes out at once, what still comes is
 * dropped up to a bound, and then the connection ends.
 */
export function refuseEarly({ raw: request }: FastifyRequest, reply: FastifyReply, body: string): void {
  const { raw: response } = reply
  reply.hijack()
  response.writeHead(reply.statusCode, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  })
  response.write(body)
  let left = MAX_DRAINED_BYTES
  const end = (): void => {
    clearTimeout(deadline)
    request.off('data', drop)
    response.end()
  }
  const drop = (chunk: Buffer): void => {
    left -= chunk.length
    if (left < 0) end()
  }
  const deadline = setTimeout(end, MAX_DRAIN_MS)
  request.once('end', end).once('close', end).on('error', end).on('data', drop)
  request.resume()
}
