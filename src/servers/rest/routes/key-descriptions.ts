import { ANY, ENCODING, KEY, object, TIME, VERSION } from '../endpoints/describe.ts'

export const LIST = {
  id: 'listKeys',
  tag: 'Keys',
  summary: 'List the keys',
  description:
    'Redis twin: KEYS. The names of all keys, in the order of their bytes. With `limit` the answer comes in pages: `next_cursor` is ' +
    'there as long as there is more. Keys that only a Redis client can name (not UTF-8, control characters) are left out and counted in ' +
    '`omitted`.' +
    '\n\nExample: `GET /api/automation/v1/kv?prefix=user:&limit=100`',
  query: ['prefix', 'limit', 'cursor'],
  answers: {
    200: object(
      'The keys',
      {
        keys: { type: 'array', items: { type: 'string' }, examples: [['user:1', 'user:2']] },
        count: { type: 'integer', description: 'How many keys this answer has.' },
        next_cursor: { type: 'string', description: 'Where the next page begins; absent at the end.' },
        omitted: { type: 'integer', description: 'Keys that REST cannot name; absent when there are none.' },
      },
      ['next_cursor', 'omitted'],
    ),
  },
} as const

const META_NAMES = ['encoding', 'path', 'version', 'created_at', 'updated_at', 'ttl', 'type']

export const GET = {
  id: 'getKey',
  tag: 'Keys',
  summary: 'Read a value, or a part of it',
  description:
    'Redis twins: GET, HGET. With `path` only the part at it: 404 `invalid_path` when nothing is there, 400 `invalid_path` when the path ' +
    'cannot be read. With `meta=true` also what is known about the key.\n\nExample: `GET /api/automation/v1/kv/user:1?path=tags[0]`',
  key: true,
  query: ['path', 'meta'],
  answers: {
    200: object(
      'The value',
      {
        key: KEY,
        path: { type: 'string', description: 'The path that was asked for.' },
        value: ANY,
        encoding: ENCODING,
        version: VERSION,
        created_at: TIME,
        updated_at: TIME,
        ttl: {
          type: ['integer', 'null'],
          description: 'Seconds that the key has left, rounded up; null without a TTL.',
        },
        type: {
          enum: ['string', 'list', 'hash', 'set', 'zset', 'stream'],
          description: 'The Redis type; a JSON document is a string.',
        },
      },
      META_NAMES,
    ),
  },
  errors: ['invalid_path', 'path_not_found', 'no_such_key'],
} as const

export const PUT = {
  id: 'putKey',
  tag: 'Keys',
  summary: 'Write a value',
  description:
    'Redis twin: SET. The whole body is the value, any JSON; it replaces whatever was there. 201 when the key was made, else 200.' +
    '\n\nExample: `PUT /api/automation/v1/kv/session:7?nx=true&ex=3600` with the body `{"state":"open"}`',
  key: true,
  query: ['nx', 'xx', 'ex', 'px', 'keepttl', 'if_version'],
  body: { schema: ANY, examples: [{ name: 'Ada', id: 42 }] },
  answers: {
    200: object('Replaced', {
      key: KEY,
      value: ANY,
      created: { const: false },
      version: VERSION,
      updated_at: TIME,
    }),
    201: object('Created', {
      key: KEY,
      value: ANY,
      created: { const: true },
      version: VERSION,
      updated_at: TIME,
    }),
  },
  errors: ['key_exists', 'key_not_exists', 'version_mismatch', 'quota_exceeded'],
} as const

export const PATCH = {
  id: 'patchKey',
  tag: 'Keys',
  summary: 'Write a part of an object',
  description:
    'Redis twin: HSET. Sets what is at `path`, makes missing objects on the way, and keeps the TTL; an index may name an element that is ' +
    'there, or the place after the last one. 400 `type_mismatch` when the value is not an object.' +
    '\n\nExample: the body `{"path":"address.city","value":"Turin"}`',
  key: true,
  query: ['if_version'],
  body: {
    schema: object('What goes where', { path: { type: 'string' }, value: ANY }),
    examples: [{ path: 'address.city', value: 'Turin' }],
  },
  answers: {
    200: object('Written', {
      key: KEY,
      path: { type: 'string' },
      value: ANY,
      version: VERSION,
      updated_at: TIME,
    }),
  },
  errors: ['no_such_key', 'type_mismatch', 'invalid_path', 'version_mismatch', 'busy'],
} as const

export const DELETE = {
  id: 'deleteKey',
  tag: 'Keys',
  summary: 'Delete a key',
  description:
    'Redis twin: DEL. Deleting a key that is not there is no error: `deleted` is then false.\n\n' +
    'Example: `DELETE /api/automation/v1/kv/user:1`',
  key: true,
  query: ['if_version'],
  answers: { 200: object('Done', { key: KEY, deleted: { type: 'boolean' } }) },
  errors: ['version_mismatch'],
} as const
