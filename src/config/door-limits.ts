import { integer, milliseconds, rateLimit } from './readers.ts'
import { optional, setting } from './setting.ts'

/** What those who connect may take, over RESP and REST. */
export const DOOR_LIMITS = {
  maxConnections: setting(
    'AUTOMATION_KV_MAX_CONNECTIONS',
    integer(1, 1_000_000),
    '20000',
    'Open RESP connections.',
    {
      unit: 'connections',
    },
  ),
  maxConnectionsPerAutomation: setting(
    'AUTOMATION_KV_MAX_CONNECTIONS_PER_AUTOMATION',
    integer(1, 1_000_000),
    '1000',
    'Open RESP connections of one automation; never more than three quarters of AUTOMATION_KV_MAX_CONNECTIONS.',
    { unit: 'connections' },
  ),
  maxUnauthenticated: setting(
    'AUTOMATION_KV_MAX_UNAUTHENTICATED',
    integer(1, 1_000_000),
    '4096',
    'Open RESP connections that have not logged in yet.',
    { unit: 'connections' },
  ),
  maxBacklogBytes: setting(
    'AUTOMATION_KV_MAX_BACKLOG',
    integer(1_024, 1_073_741_824),
    '8388608',
    'Unsent messages at which a client that listens to channels is cut.',
    { unit: 'bytes' },
  ),
  loginTimeoutMs: setting(
    'AUTOMATION_KV_LOGIN_TIMEOUT_MS',
    milliseconds,
    '10000',
    'Time that a RESP connection has to log in, and a REST connection to send the head of a request.',
    { unit: 'ms' },
  ),
  rateLimit: optional(
    'AUTOMATION_KV_RATE_LIMIT',
    rateLimit,
    'Commands a second of one automation, and after a colon how many may come at once after a rest (as many as a second without it). RESP is slowed down, REST answers 429. Not limited by default.',
    { example: '1000:2000' },
  ),
  maxHttpConnections: setting(
    'AUTOMATION_KV_MAX_HTTP_CONNECTIONS',
    integer(1, 1_000_000),
    '2000',
    'Open REST connections. For one more, the one that has been idle for longest gives way.',
    { unit: 'connections' },
  ),
  maxHttpRequests: setting(
    'AUTOMATION_KV_MAX_HTTP_REQUESTS',
    integer(1, 100_000),
    '8',
    'REST requests of one automation that are worked on at once, until their answer was read; more wait.',
  ),
  maxHttpBytes: setting(
    'AUTOMATION_KV_MAX_HTTP_BYTES',
    integer(65_536, 1_073_741_824),
    '16777216',
    'Bodies and answers of REST requests of one automation that may be held at once, and an eighth of what may be held for all; more wait.',
    { unit: 'bytes' },
  ),
  httpTimeoutMs: setting(
    'AUTOMATION_KV_HTTP_TIMEOUT_MS',
    milliseconds,
    '60000',
    'Time for a REST request to arrive whole, and for its answer to be read.',
    { unit: 'ms' },
  ),
  maxHeldBytesPerAutomation: setting(
    'AUTOMATION_KV_MAX_HELD_BYTES_PER_AUTOMATION',
    integer(65_536, 1_099_511_627_776),
    '83886080',
    'Memory of a process for what one automation has begun over RESP: parts of requests, MULTI, WATCH, channels, tracked keys.',
    { unit: 'bytes' },
  ),
  maxHeldBytes: setting(
    'AUTOMATION_KV_MAX_HELD_BYTES',
    integer(65_536, 1_099_511_627_776),
    '268435456',
    'The same for all automations together.',
    { unit: 'bytes' },
  ),
}
