import { row } from './rows.ts'

/** Of the REST door; the RESP text is for a caller that meets them through a shared path. */
export const REST = {
  invalid_request: row('ERR invalid request', 400, 'invalid_request', { rest: 'the request cannot be read' }),
  unprocessable: row('ERR invalid request', 422, 'invalid_request', {
    rest: 'the request body is missing or has a wrong shape',
  }),
  not_found: row('ERR not found', 404, 'not_found', { rest: 'there is nothing at this address' }),
  method_not_allowed: row('ERR method not allowed', 405, 'method_not_allowed', {
    rest: 'this address does not know this method',
  }),
  unsupported_media: row('ERR unsupported media type', 415, 'invalid_request', {
    rest: 'the body must be application/json',
  }),
  invalid_value: row('ERR invalid value', 400, 'invalid_value'),
  invalid_path: row('ERR invalid path', 400, 'invalid_path'),
  path_not_found: row('ERR no such path', 404, 'invalid_path', { rest: 'nothing is at this path' }),
  type_mismatch: row(
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    400,
    'type_mismatch',
    {
      rest: 'the value has another type than this operation needs',
    },
  ),
  key_exists: row('ERR key exists', 409, 'key_exists', { rest: 'the key exists already' }),
  key_not_exists: row('ERR no such key', 409, 'key_not_exists', { rest: 'the key does not exist' }),
  version_mismatch: row('ERR version mismatch', 409, 'version_mismatch', {
    rest: 'the version of the automation is another one than if_version asks for',
  }),
  results_too_large: row(
    'ERR the results of a batch may have {allowed} bytes together: ask for fewer keys',
    413,
    'value_too_large',
  ),
  operation_failed: row('ERR operation failed', 400, 'operation_failed'),
  invalid_idempotency_key: row('ERR invalid idempotency key', 400, 'invalid_idempotency_key'),
  idempotency_key_reused: row(
    'ERR idempotency key reused with another request',
    422,
    'idempotency_key_reused',
    {
      rest: 'this idempotency key came with another request before',
    },
  ),
  unauthorized: row('NOAUTH Authentication required.', 401, 'unauthorized', {
    level: 'info',
    rest: 'a bearer token is needed',
  }),
} as const
