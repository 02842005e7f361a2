import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { IdempotencyRecord } from '../../../engine/idempotency/idempotency-record.ts'
import type { Database } from '../../../engine/plaintext/database.ts'
import type { Need } from '../../../engine/plaintext/extent.ts'
import type { Written } from '../../../engine/writes/written.ts'
import { KvError } from '../../../errors/errors.ts'
import type { AsyncStore, ComputeOptions } from './async-store.ts'

// The header field Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a request that is sent again,
// because nobody knows what became of it, is answered as it was the first time

const MAX_LENGTH = 255
const CONTROL = /[\u0000-\u001f\u007f]/
/**
 * RFC 8941 section 3.3.3: what the draft asks for. Many clients send the bare text, which counts as the same
 * key.
 */
const STRING_ITEM = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/

const invalid = (fact: string): KvError => new KvError('invalid_idempotency_key', fact)

/** Whether the request must be made only once: it then goes through `writeOnce`. */
export const hasIdempotencyKey = ({ headers }: FastifyRequest): boolean =>
  headers['idempotency-key'] !== undefined

/** Throws `invalid_idempotency_key`. */
function idempotencyKey({ raw }: FastifyRequest): string {
  const [field = '', ...more] = raw.headersDistinct['idempotency-key'] ?? []
  if (more.length > 0) throw invalid('it is there twice')
  const quoted = STRING_ITEM.exec(field)?.[1]
  if (quoted === undefined && field.startsWith('"')) throw invalid('it is not a valid quoted string')
  const key = quoted?.replace(/\\(.)/g, '$1') ?? field
  if (key === '') throw invalid('it is empty')
  if (key.length > MAX_LENGTH) throw invalid(`it is longer than ${MAX_LENGTH} characters`)
  if (CONTROL.test(key)) throw invalid('it has a control character')
  return key
}

/**
 * Of what was asked for, byte for byte. The answer may therefore take from the request again what it repeats
 * of it.
 */
const fingerprintOf = ({ method, url, body }: FastifyRequest): string => {
  const hash = createHash('sha256').update(`${method} ${url}\n`)
  if (body instanceof Buffer) hash.update(body)
  return hash.digest('base64url')
}

/**
 * Computes a write. With an Idempotency-Key it is made at most once, and a retry within 24 hours gets the
 * first result or refusal: the result of `run` is kept for it, so it must survive JSON.
 */
export function writeOnce<T>(
  store: AsyncStore,
  request: FastifyRequest,
  reply: FastifyReply,
  needs: readonly Need[],
  run: (db: Database) => T,
  ifVersion?: number,
  document?: ComputeOptions['document'],
): Promise<{ result: T; written: Written }> {
  const { automation, identity } = request.caller
  if (!hasIdempotencyKey(request)) return store.compute(automation, needs, run, ifVersion, { document })
  const idempotency = new IdempotencyRecord(
    automation,
    identity.runId ?? '',
    idempotencyKey(request),
    fingerprintOf(request),
  )
  return store.compute(automation, needs, run, ifVersion, { idempotency }).finally(() => {
    if (idempotency.replayed) reply.header('idempotency-replayed', 'true')
  })
}
