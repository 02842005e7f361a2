/**
 * Every error a user can meet: one row each, with its RESP text, its HTTP status and code, and how loudly it is logged.
 * RESP texts are Redis's own wherever Redis has one. No text may hold an argument of the caller.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

interface ErrorRow {
  /** Prefix and text as sent after `-`. */
  readonly resp: string
  readonly status: number
  /** The `error` field of the HTTP body. */
  readonly http: string
  readonly level: LogLevel
}

const row = (resp: string, status: number, http: string, level: LogLevel = 'debug'): ErrorRow => ({ resp, status, http, level })

export const ERRORS = {
  // Redis's own
  syntax: row('ERR syntax error', 400, 'invalid_request'),
  wrong_type: row('WRONGTYPE Operation against a key holding the wrong kind of value', 400, 'type_mismatch'),
  not_integer: row('ERR value is not an integer or out of range', 400, 'type_mismatch'),
  not_float: row('ERR value is not a valid float', 400, 'type_mismatch'),
  overflow: row('ERR increment or decrement would overflow', 400, 'type_mismatch'),
  decr_overflow: row('ERR decrement would overflow', 400, 'type_mismatch'),
  nan_or_infinity: row('ERR increment would produce NaN or Infinity', 400, 'type_mismatch'),
  hash_not_integer: row('ERR hash value is not an integer', 400, 'type_mismatch'),
  hash_not_float: row('ERR hash value is not a float', 400, 'type_mismatch'),
  no_such_key: row('ERR no such key', 404, 'key_not_found'),
  index_out_of_range: row('ERR index out of range', 400, 'invalid_request'),
  offset_out_of_range: row('ERR offset is out of range', 400, 'invalid_request'),
  string_too_long: row('ERR string exceeds maximum allowed size (proto-max-bulk-len)', 413, 'value_too_large'),
  invalid_cursor: row('ERR invalid cursor', 400, 'invalid_request'),
  db_index: row('ERR DB index is out of range', 400, 'invalid_request'),
  noauth: row('NOAUTH Authentication required.', 401, 'unauthorized'),
  wrongpass: row('WRONGPASS invalid username-password pair or user is disabled.', 401, 'unauthorized', 'info'),
  noproto: row('NOPROTO unsupported protocol version', 400, 'invalid_request'),
  // Ours
  token_expired: row('NOAUTH token expired', 403, 'token_expired', 'info'),
  token_revoked: row('NOAUTH token revoked', 403, 'token_revoked', 'info'),
  other_automation: row('NOPERM this connection belongs to another automation; open a new one', 403, 'unauthorized', 'info'),
  read_only_token: row('NOPERM this token is read-only: its scope is kv:read', 403, 'unauthorized', 'info'),
  invalid_key: row('ERR invalid key', 400, 'invalid_key'),
  reserved_key: row("ERR invalid key: names that start with '$' are reserved", 400, 'invalid_key'),
  key_too_long: row('ERR invalid key: the name is longer than AUTOMATION_KV_MAX_KEY_LENGTH allows', 400, 'invalid_key'),
  value_too_large: row('ERR value too large: it is longer than AUTOMATION_KV_MAX_VALUE_SIZE allows', 413, 'value_too_large'),
  request_too_large: row('ERR request too large: it is longer than AUTOMATION_KV_MAX_REQUEST_SIZE allows', 413, 'value_too_large'),
  quota_exceeded: row('OOM automation quota exceeded: the number of keys reached AUTOMATION_KV_MAX_KEYS', 413, 'quota_exceeded', 'info'),
  busy: row('TRYAGAIN too many concurrent changes to the same keys; nothing was written', 409, 'kv_store_busy', 'warn'),
  unavailable: row('TRYAGAIN the backing Redis is unavailable; nothing was written', 503, 'unavailable', 'warn'),
  outcome_unknown: row(
    'TRYAGAIN the link to the backing Redis broke before it answered; the outcome of this write is unknown',
    503,
    'unavailable',
    'error',
  ),
  backing_refused: row('TRYAGAIN the backing Redis refused the command; nothing was written', 503, 'unavailable', 'error'),
  unreadable: row('ERR a stored value could not be opened: it is damaged, was moved, or its key is not configured', 500, 'value_unreadable', 'error'),
  internal: row('ERR internal error', 500, 'internal_error', 'error'),
  // REST only; the RESP text is for a caller that meets them through a shared path
  invalid_request: row('ERR invalid request', 400, 'invalid_request'),
  unprocessable: row('ERR invalid request', 422, 'invalid_request'),
  not_found: row('ERR not found', 404, 'not_found'),
  method_not_allowed: row('ERR method not allowed', 405, 'method_not_allowed'),
  unsupported_media: row('ERR unsupported media type', 415, 'invalid_request'),
  invalid_value: row('ERR invalid value', 400, 'invalid_value'),
  invalid_path: row('ERR invalid path', 400, 'invalid_path'),
  path_not_found: row('ERR no such path', 404, 'invalid_path'),
  type_mismatch: row('WRONGTYPE Operation against a key holding the wrong kind of value', 400, 'type_mismatch'),
  key_exists: row('ERR key exists', 409, 'key_exists'),
  key_not_exists: row('ERR no such key', 409, 'key_not_exists'),
  version_mismatch: row('ERR version mismatch', 409, 'version_mismatch'),
  operation_failed: row('ERR operation failed', 400, 'operation_failed'),
  invalid_idempotency_key: row('ERR invalid idempotency key', 400, 'invalid_idempotency_key'),
  idempotency_key_reused: row('ERR idempotency key reused with another request', 422, 'idempotency_key_reused'),
  unauthorized: row('NOAUTH Authentication required.', 401, 'unauthorized', 'info'),
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS

/** The one error that crosses module borders. `message` is safe to show to its caller, and holds none of its data. */
export class KvError extends Error {
  readonly code: ErrorCode
  /** Facts for the HTTP body (`expected_version`...); never a value. */
  readonly detail: Readonly<Record<string, unknown>> | undefined

  constructor(code: ErrorCode, message?: string, detail?: Readonly<Record<string, unknown>>) {
    super(message ?? ERRORS[code].resp)
    this.code = code
    this.detail = detail
  }

  /** The text after `-`: the message when it brings its own prefix, as Redis's texts do. */
  get respText(): string {
    return /^[A-Z]+ /.test(this.message) ? this.message : `${ERRORS[this.code].resp}: ${this.message}`
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  get httpCode(): string {
    return ERRORS[this.code].http
  }
}

/** A Redis error text that needs no row of its own (`ERR timeout is not an integer or out of range`...). */
export const respError = (text: string): KvError => new KvError('invalid_request', text)
