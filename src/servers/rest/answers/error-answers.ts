import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, KvError, type PlainCode } from '../../../errors/errors.ts'
import { detailOf } from '../../../errors/rest-detail.ts'
import { placeOf } from '../../../observability/error-log.ts'
import type { Log } from '../../../observability/log.ts'
import { expectsBody, refuseEarly } from './early-refusal.ts'

/**
 * Clients of the reference service read these two from `detail`, as an object; all others as a string that
 * begins with the code.
 */
const WITH_FACTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['version_mismatch', 'operation_failed'])

const RETRY_AFTER_SECONDS = '1'

/** The body of an error answer; the facts of `error.detail` stand beside the three fields that each has. */
export const errorBody = (error: KvError): string =>
  JSON.stringify({
    ...error.detail,
    error: error.httpCode,
    message: error.restText,
    detail: WITH_FACTS.has(error.code) && error.detail !== undefined ? error.detail : detailOf(error),
  })

const retryLater = ({ code, status }: KvError): boolean =>
  status === 503 || status === 429 || code === 'version_mismatch' || code === 'busy'

/** Fastify's own refusals, by the status that they carry. */
const FRAMEWORK: ReadonlyMap<number, PlainCode> = new Map<number, PlainCode>([
  [404, 'not_found'],
  [413, 'request_too_large'],
  [415, 'unsupported_media'],
])

const toKvError = (error: Error & { code?: unknown; statusCode?: number }): KvError => {
  if (error instanceof KvError) return error
  if (error.code === 'FST_ERR_BAD_URL')
    return new KvError('invalid_key', 'the address is not valid percent-encoded UTF-8')
  const { statusCode = 500 } = error
  if (statusCode < 400 || statusCode >= 500) return new KvError('internal')
  return new KvError(FRAMEWORK.get(statusCode) ?? 'invalid_request')
}

/**
 * Answers any error in the one shape. Only what nobody foresaw is logged here, with where it happened and
 * without its message.
 */
export const errorHandler =
  (log: Log) =>
  (error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined => {
    const known = toKvError(error)
    request.outcome = known.httpCode
    if (known.code === 'internal') log.error({ reason: placeOf(error) }, 'REST: unforeseen error')
    if (retryLater(known)) reply.header('retry-after', RETRY_AFTER_SECONDS)
    if (known.status === 401) reply.header('www-authenticate', 'Bearer')
    reply.code(known.status).type('application/json; charset=utf-8')
    if (!expectsBody(request)) return reply.send(errorBody(known))
    refuseEarly(request, reply, errorBody(known))
    return undefined
  }
