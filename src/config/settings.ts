import { DOOR_LIMITS } from './door-limits.ts'
import {
  atLeastBytes,
  computeThreads,
  encryptionKeys,
  folder,
  host,
  integer,
  jwks,
  milliseconds,
  oneOf,
  port,
  redisUrl,
  SECRET_REMEDY,
  text,
  workers,
} from './readers.ts'
import { optional, type Setting, setting } from './setting.ts'

/** Every setting, once, by its name in `Config`. */
export const SETTINGS_BY_FIELD = {
  redisUrl: optional(
    'REDIS_URL',
    redisUrl,
    'The Redis that keeps the data. Without it, `serve` starts a redis-server of its own in the data directory.',
    { example: 'redis://127.0.0.1:6379', secret: true, production: true },
  ),
  secret: optional(
    'AUTOMATION_KV_SECRET',
    atLeastBytes(32, SECRET_REMEDY),
    `Verifies HS256 tokens and, without AUTOMATION_KV_ENCRYPTION_KEYS, is the root of encryption. Make one with: ${SECRET_REMEDY}`,
    {
      example: 'the output of openssl rand -base64 48',
      secret: true,
      production: true,
      aliases: ['AUTOMATION_JWT_SECRET'],
    },
  ),
  encryptionKeys: optional(
    'AUTOMATION_KV_ENCRYPTION_KEYS',
    encryptionKeys,
    'Root keys for values, as kid:base64url separated by commas: the first one seals, all of them open.',
    { example: '2025-06:<43 characters of base64url>', secret: true },
  ),
  respHost: setting('AUTOMATION_KV_RESP_HOST', host, '127.0.0.1', 'Address for Redis clients.'),
  respPort: setting('AUTOMATION_KV_RESP_PORT', port, '6380', 'Port for Redis clients; 0 picks a free one.'),
  httpHost: setting('AUTOMATION_KV_HTTP_HOST', host, '127.0.0.1', 'Address for REST.'),
  httpPort: setting('AUTOMATION_KV_HTTP_PORT', port, '8080', 'Port for REST; 0 picks a free one.'),
  adminHost: setting(
    'AUTOMATION_KV_ADMIN_HOST',
    host,
    '127.0.0.1',
    'Address for health, metrics and administration.',
  ),
  adminPort: setting(
    'AUTOMATION_KV_ADMIN_PORT',
    port,
    '9090',
    'Port for health, metrics and administration; 0 picks a free one.',
  ),
  adminToken: optional(
    'AUTOMATION_KV_ADMIN_TOKEN',
    atLeastBytes(16, 'openssl rand -hex 24'),
    'Bearer token that administration endpoints will demand; there are none yet, so nothing asks for it.',
    { example: 'the output of openssl rand -hex 24', secret: true },
  ),
  jwks: optional(
    'AUTOMATION_KV_JWKS',
    jwks,
    'File or https URL of a JWKS, for tokens signed with RS256, ES256 or EdDSA.',
    {
      example: 'https://issuer.example/.well-known/jwks.json',
    },
  ),
  tokenIssuer: optional(
    'AUTOMATION_KV_TOKEN_ISSUER',
    text,
    'The claim `iss` that every token must carry, whichever key it is signed with.',
    {
      example: 'https://issuer.example',
    },
  ),
  tokenAudience: optional(
    'AUTOMATION_KV_TOKEN_AUDIENCE',
    text,
    'The claim `aud` that every token must carry, whichever key it is signed with.',
    {
      example: 'automation-kv',
    },
  ),
  maxKeyLength: setting('AUTOMATION_KV_MAX_KEY_LENGTH', integer(1, 65_536), '255', 'Longest key name.', {
    unit: 'bytes',
  }),
  maxKeysPerCommand: setting(
    'AUTOMATION_KV_MAX_KEYS_PER_COMMAND',
    integer(1, 262_144),
    '4096',
    'Keys that one command may name.',
    { unit: 'keys' },
  ),
  maxValueSize: setting(
    'AUTOMATION_KV_MAX_VALUE_SIZE',
    integer(1, 268_435_456),
    '1048576',
    'Largest value.',
    { unit: 'bytes' },
  ),
  maxRequestSize: setting(
    'AUTOMATION_KV_MAX_REQUEST_SIZE',
    integer(1_024, 536_870_912),
    '67108864',
    'Largest single request of a logged-in client, all of its arguments together.',
    { unit: 'bytes' },
  ),
  maxKeys: setting(
    'AUTOMATION_KV_MAX_KEYS',
    integer(1, 100_000_000),
    '1000',
    'Keys that one automation may keep.',
    { unit: 'keys' },
  ),
  maxBytes: setting(
    'AUTOMATION_KV_MAX_BYTES',
    integer(4_096, 1_099_511_627_776),
    '16777216',
    'Bytes that one automation may keep, sealed, with names and bookkeeping.',
    { unit: 'bytes' },
  ),
  maxElements: setting(
    'AUTOMATION_KV_MAX_ELEMENTS',
    integer(1, 100_000_000),
    '100000',
    'Elements that one list, hash, set, sorted set or stream may have.',
    { unit: 'elements' },
  ),
  ...DOOR_LIMITS,
  commandTimeoutMs: setting(
    'AUTOMATION_KV_COMMAND_TIMEOUT_MS',
    milliseconds,
    '10000',
    'Longest wait for an answer of the backing Redis.',
    {
      unit: 'ms',
    },
  ),
  lockTimeoutMs: setting(
    'AUTOMATION_KV_LOCK_TIMEOUT_MS',
    milliseconds,
    '5000',
    'How long a change is retried against concurrent ones before it answers TRYAGAIN or 409.',
    { unit: 'ms' },
  ),
  drainTimeoutMs: setting(
    'AUTOMATION_KV_DRAIN_TIMEOUT_MS',
    milliseconds,
    '10000',
    'Time for open requests to finish on shutdown.',
    {
      unit: 'ms',
    },
  ),
  computeThreads: setting(
    'AUTOMATION_KV_COMPUTE_THREADS',
    computeThreads,
    'auto',
    'Threads for scripts, and for commands that open much: `auto` for one less than there are processors, at most 4; 0 for none, then they hold up everything else.',
    { example: '2' },
  ),
  scriptTimeLimitMs: setting(
    'AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS',
    integer(1, 60_000),
    '200',
    'Longest run of an EVAL script, which is ended then.',
    { unit: 'ms' },
  ),
  scriptMemoryLimit: setting(
    'AUTOMATION_KV_SCRIPT_MEMORY_LIMIT',
    integer(1_048_576, 536_870_912),
    '33554432',
    'Memory that an EVAL script may use.',
    { unit: 'bytes' },
  ),
  workers: setting(
    'AUTOMATION_KV_WORKERS',
    workers,
    '1',
    'Processes that share the listeners for Redis clients and REST; auto starts one for each core.',
  ),
  enrollment: setting(
    'AUTOMATION_KV_ENROLLMENT',
    oneOf('open'),
    'open',
    'open: every automation that has a token has a store. Nothing else is offered yet.',
  ),
  dataDir: setting(
    'AUTOMATION_KV_DATA_DIR',
    folder,
    'data',
    'Folder of the embedded Redis and of the generated secret.',
  ),
  embeddedMaxMemory: setting(
    'AUTOMATION_KV_EMBEDDED_MAX_MEMORY',
    integer(0, 1_099_511_627_776),
    '1073741824',
    'Memory of the embedded Redis, at which it refuses writes; 0 for no limit.',
    { unit: 'bytes' },
  ),
  logLevel: setting(
    'AUTOMATION_KV_LOG_LEVEL',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    'info',
    'Least severe level that is logged.',
  ),
}

export type { Setting } from './setting.ts'

type Table = typeof SETTINGS_BY_FIELD
export type Values = { -readonly [Key in keyof Table]: Table[Key] extends Setting<infer T> ? T : never }

export type Config = Readonly<Values> & {
  /** `NODE_ENV=production` */
  readonly production: boolean
}

export const SETTINGS: readonly Setting[] = Object.freeze(Object.values(SETTINGS_BY_FIELD))
