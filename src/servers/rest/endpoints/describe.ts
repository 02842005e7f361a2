import type { FastifySchema } from 'fastify'
import { ERRORS, type ErrorCode } from '../../../errors/errors.ts'
import type { Parameter } from '../requests/query.ts'

/** JSON Schema 2020-12, as OpenAPI 3.1 has it. */
export type Schema = Readonly<Record<string, unknown>>

/**
 * What the documentation says of an endpoint. It only describes: requests are read by hand, since values must
 * keep their text.
 */
export interface Description {
  readonly id: string
  readonly tag: 'Keys' | 'Counters' | 'Lists' | 'Batch'
  readonly summary: string
  readonly description: string
  readonly key?: boolean
  readonly query?: readonly Parameter[]
  readonly body?: { readonly schema: Schema; readonly examples: readonly unknown[] }
  readonly answers: Readonly<Record<number, Schema>>
  /** May write although a token that only reads is let in: it takes an Idempotency-Key. */
  readonly mayWrite?: boolean
  /** Beside those that every endpoint has. */
  readonly errors?: readonly ErrorCode[]
}

const COMMON: readonly ErrorCode[] = [
  'invalid_request',
  'unauthorized',
  'token_expired',
  'token_revoked',
  'internal',
  'unreadable',
  'unavailable',
]
const WITH_KEY: readonly ErrorCode[] = ['invalid_key']
const WITH_BODY: readonly ErrorCode[] = [
  'value_too_large',
  'unsupported_media',
  'unprocessable',
  'invalid_value',
]

const WRITING: readonly ErrorCode[] = ['read_only_token', 'invalid_idempotency_key', 'idempotency_key_reused']

const PARAMETER_SCHEMAS: Readonly<Record<Parameter, Schema>> = {
  prefix: { type: 'string', description: 'Only keys that start with this text.', examples: ['user:'] },
  limit: {
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    description: 'Most keys in one answer. Without it the answer has all.',
  },
  cursor: { type: 'string', description: 'Where to go on: the `next_cursor` of the answer before.' },
  path: {
    type: 'string',
    description:
      'Only the value at this path: dots and brackets, up to 32 segments, as in `a.b`, `items[0]`, `a["my.key"]`.',
    examples: ['profile.tags[0]'],
  },
  meta: {
    type: 'boolean',
    description: 'Adds `version`, `created_at`, `updated_at`, `ttl` and `type` to the answer.',
  },
  nx: {
    type: 'boolean',
    description: 'Only if the key does not exist; else 409 `key_exists`. Not with `xx`.',
  },
  xx: { type: 'boolean', description: 'Only if the key exists; else 409 `key_not_exists`. Not with `nx`.' },
  ex: {
    type: 'integer',
    minimum: 1,
    description: 'Time to live in seconds. Without `ex`, `px` and `keepttl` the key loses its TTL.',
  },
  px: { type: 'integer', minimum: 1, description: 'Time to live in milliseconds.' },
  keepttl: { type: 'boolean', description: 'The key keeps the TTL that it has.' },
  if_version: {
    type: 'integer',
    minimum: 0,
    description:
      'Only if the version of the automation is still this one; else 409 `version_mismatch`, and nothing is written.',
  },
}

export const ERROR_SCHEMA = {
  $id: 'Error',
  type: 'object',
  description: 'Every error has this shape; some have further fields, which are repeated in `detail`.',
  required: ['error', 'message', 'detail'],
  properties: {
    error: {
      type: 'string',
      description: 'The code.',
      enum: [...new Set(Object.values(ERRORS).map(({ http }) => http))].sort(),
    },
    message: { type: 'string', description: 'For people. It holds no key and no value.' },
    detail: {
      description:
        'A text that begins with the code; for `version_mismatch` and `operation_failed` an object with the facts.',
      oneOf: [{ type: 'string' }, { type: 'object', additionalProperties: true }],
      examples: ['type_mismatch: value is not a list'],
    },
    key: { type: 'string', description: 'With `key_exists` and `key_not_exists`.' },
    created: { const: false, description: 'With `key_exists` and `key_not_exists`.' },
    expected_version: { type: 'integer', description: 'With `version_mismatch`.' },
    actual_version: { type: 'integer', description: 'With `version_mismatch`.' },
    operation_index: {
      type: 'integer',
      description: 'With `operation_failed`: the place in `operations`, from 0.',
    },
    operation: { type: 'string', description: 'With `operation_failed`: its `op`.' },
    limit: { enum: ['keys', 'bytes', 'elements'], description: 'With `quota_exceeded`: which one.' },
    used: { type: 'integer', description: 'With `quota_exceeded`: how much of it is used.' },
    allowed: { type: 'integer', description: 'With `quota_exceeded`: how much of it is allowed.' },
  },
} as const

const RETRY_AFTER = {
  'Retry-After': { type: 'integer', description: 'Seconds to wait before trying again.' },
}

/** One answer for each status, with the codes that it may carry. */
function errorAnswers(codes: readonly ErrorCode[]): Record<string, Schema> {
  const byStatus = new Map<number, Set<string>>()
  for (const code of codes) {
    const { status, http } = ERRORS[code]
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(http))
  }
  const answers: Record<string, Schema> = {}
  for (const [status, https] of [...byStatus].sort(([a], [b]) => a - b)) {
    const retry = status === 503 || https.has('version_mismatch') || https.has('kv_store_busy')
    const description = [...https].map((http) => `\`${http}\``).join(', ')
    answers[status] = { description, $ref: 'Error#', ...(retry ? { headers: RETRY_AFTER } : {}) }
  }
  return answers
}

/** `type: object` with all properties required, unless they are named as `optional`. */
export const object = (
  description: string,
  properties: Readonly<Record<string, Schema>>,
  optional: readonly string[] = [],
): Schema => ({
  type: 'object',
  description,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
})

export const ANY: Schema = { description: 'Any JSON value.' }
export const KEY: Schema = { type: 'string', description: 'The key, percent-decoded.' }
export const VERSION: Schema = {
  type: 'integer',
  description: 'Version of the automation: it grows by 1 with every write request.',
}
export const TIME: Schema = { type: 'string', format: 'date-time', description: 'ISO 8601, UTC.' }
export const ENCODING: Schema = {
  const: 'base64',
  description: 'There when the stored bytes are not UTF-8: `value` is then their base64.',
}

const KEY_PARAMETER: Schema = {
  type: 'object',
  required: ['key'],
  properties: {
    key: {
      type: 'string',
      description:
        'The key, percent-encoded (`/` as `%2F`): 1 to 255 characters (AUTOMATION_KV_MAX_KEY_LENGTH), no control characters, ' +
        'not only white space, not starting with `$`.',
      examples: ['user:42'],
    },
  },
}

const IDEMPOTENCY_KEY: Schema = {
  type: 'object',
  properties: {
    'Idempotency-Key': {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description:
        'Makes a retry safe: the same request with the same key, sent again by the same run within 24 hours, gets the first answer with ' +
        '`Idempotency-Replayed: true` and writes nothing. With another request it is 422 `idempotency_key_reused`.',
      examples: ['6f1ed002-ab5c-4a5d-a1ba-d5c9a1b2c3d4'],
    },
  },
}

export function schemaOf(description: Description, writes: boolean): FastifySchema {
  const {
    id,
    tag,
    summary,
    key = false,
    query = [],
    body,
    answers,
    errors = [],
    mayWrite = writes,
  } = description
  const codes = [
    ...COMMON,
    ...(key ? WITH_KEY : []),
    ...(body === undefined ? [] : WITH_BODY),
    ...(mayWrite ? WRITING : []),
    ...errors,
  ]
  const parameters = Object.fromEntries(query.map((name) => [name, PARAMETER_SCHEMAS[name]]))
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: description.description,
    ...(key ? { params: KEY_PARAMETER } : {}),
    ...(mayWrite ? { headers: IDEMPOTENCY_KEY } : {}),
    ...(query.length === 0 ? {} : { querystring: object('', parameters, query) }),
    ...(body === undefined ? {} : { body: { ...body.schema, examples: body.examples } }),
    response: { ...answers, ...errorAnswers(codes) },
  } as FastifySchema
}
