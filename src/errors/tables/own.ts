import { refusal, row } from './rows.ts'

/** What Redis has no text for: tokens, limits, and the state of the backing Redis. */
export const OWN = {
  token_expired: row('NOAUTH token expired', 403, 'token_expired', {
    level: 'info',
    rest: 'the token has expired',
  }),
  token_revoked: row('NOAUTH token revoked', 403, 'token_revoked', {
    level: 'info',
    rest: 'the token was revoked',
  }),
  too_many_failed_logins: row(
    'ERR too many failed logins from this address; try again later',
    429,
    'rate_limited',
    { level: 'info', rest: 'too many bad tokens came from this address' },
  ),
  rate_limited: row('ERR too many commands a second; AUTOMATION_KV_RATE_LIMIT', 429, 'rate_limited', {
    rest: 'the automation sends more requests a second than AUTOMATION_KV_RATE_LIMIT allows',
  }),
  too_many_requests: row('ERR too many requests at once', 429, 'rate_limited', {
    level: 'info',
    rest: 'too many requests of this automation are waiting already',
  }),
  too_many_readers: row('ERR too many readers at once', 503, 'unavailable', {
    rest: 'too many are reading this at once',
  }),
  other_automation: row(
    'NOPERM this connection belongs to another automation; open a new one',
    403,
    'unauthorized',
    { level: 'info' },
  ),
  read_only_token: row('NOPERM this token is read-only: its scope is kv:read', 403, 'unauthorized', {
    level: 'info',
    rest: 'the token allows reading only',
  }),
  pattern_too_long: refusal(
    'ERR pattern is too long: at most {bytes} bytes, and {wild} with ? or [ between two *',
  ),
  invalid_key: row('ERR invalid key', 400, 'invalid_key'),
  reserved_key: row("ERR invalid key: names that start with '$' are reserved", 400, 'invalid_key'),
  key_too_long: row(
    'ERR invalid key: the name is longer than AUTOMATION_KV_MAX_KEY_LENGTH allows',
    400,
    'invalid_key',
  ),
  value_too_large: row(
    'ERR value too large: it is longer than AUTOMATION_KV_MAX_VALUE_SIZE allows',
    413,
    'value_too_large',
  ),
  request_too_large: row(
    'ERR request too large: it is longer than AUTOMATION_KV_MAX_REQUEST_SIZE allows',
    413,
    'value_too_large',
  ),
  too_many_names: row('ERR too many names of commands: {used} of {allowed}', 400, 'invalid_request'),
  too_many_keys: row(
    'ERR too many keys in one command: {used} of {allowed} that {limit} allows',
    400,
    'invalid_request',
  ),
  quota_exceeded: row(
    'OOM automation quota exceeded: {used} of {allowed} {limit} are used',
    413,
    'quota_exceeded',
    {
      level: 'info',
    },
  ),
  memory_full: row(
    'OOM too much is held for open requests, transactions and subscriptions: {used} bytes are, and {limit} allows {allowed}',
    413,
    'quota_exceeded',
    { level: 'info' },
  ),
  channel_too_long: row(
    'ERR the name of a channel or a pattern has {used} bytes, and {allowed} are allowed',
    400,
    'invalid_request',
  ),
  channel_names: row(
    'OOM the names of the channels and patterns of the automation would have {used} bytes, and {allowed} are allowed',
    413,
    'quota_exceeded',
  ),
  too_much_published: refusal(
    'ERR one script or transaction may publish {allowed} {unit} and no more',
    413,
    'quota_exceeded',
  ),
  too_many_notifications: row(
    'ERR one request may make notifications of {allowed} {unit} and no more; nothing was written',
    413,
    'quota_exceeded',
  ),
  events_changed: refusal(
    'TRYAGAIN notify-keyspace-events was set just now, and later commands were sent already; nothing was written',
    409,
    'kv_store_busy',
  ),
  blocked_keys: row(
    'ERR too many keys to wait at: {used} are named, and {allowed} are allowed in one command',
    400,
    'invalid_request',
  ),
  automation_blocked_keys: row(
    'ERR too many keys to wait at: {used} are waited at by the automation, and {allowed} are allowed',
    429,
    'quota_exceeded',
  ),
  busy: row(
    'TRYAGAIN too many concurrent changes to the same keys; nothing was written',
    409,
    'kv_store_busy',
    { level: 'warn' },
  ),
  unavailable: row('TRYAGAIN the backing Redis is unavailable; nothing was written', 503, 'unavailable', {
    level: 'warn',
  }),
  scripts_lost: row(
    'TRYAGAIN the backing Redis had lost its scripts; nothing was written',
    503,
    'unavailable',
    { level: 'warn' },
  ),
  outcome_unknown: row(
    'TRYAGAIN the link to the backing Redis broke before it answered; the outcome of this write is unknown',
    503,
    'unavailable',
    { level: 'error' },
  ),
  backing_refused: row(
    'TRYAGAIN the backing Redis refused the command ({prefix}); nothing was written',
    503,
    'unavailable',
    {
      level: 'error',
    },
  ),
  unreadable: row(
    'ERR a stored value could not be opened: it is damaged, was moved, or its key is not configured',
    500,
    'value_unreadable',
    { level: 'error' },
  ),
  internal: row('ERR internal error', 500, 'internal_error', { level: 'error' }),
} as const
