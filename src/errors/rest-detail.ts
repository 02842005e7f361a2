import type { KvError } from './errors.ts'

/** Codes that say it all: their `detail` is nothing else. */
const PLAIN: ReadonlySet<string> = new Set([
  'key_not_found',
  'key_exists',
  'key_not_exists',
  'unauthorized',
  'token_expired',
  'token_revoked',
  'not_found',
  'method_not_allowed',
])

/** `type_mismatch: value is not a list`, or the bare code when there is no more to say. */
export const detailOf = (error: KvError): string =>
  PLAIN.has(error.httpCode) && error.code !== 'read_only_token'
    ? error.httpCode
    : `${error.httpCode}: ${error.restText}`
