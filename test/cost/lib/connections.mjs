// What a connection is for beside single commands: pipelines, transactions, subscriptions.
import { encode } from '../../abuse/lib/peer.mjs'

/** @typedef {import('./types.mjs').Case} Case */
/** @typedef {import('./types.mjs').Command} Command */

const COUNTS = [64, 256, 1_024, 4_096]
const LENGTHS = [2_048, 8_192, 32_768, 131_072]

/** @param {number} count @param {(n: number) => Command} make */
const many = (count, make) => Array.from({ length: count }, (_, n) => make(n))
/** @param {Command[]} commands @param {number} [replies] */
const pipeline = (commands, replies = commands.length) => ({
  door: /** @type {const} */ ('resp'),
  bytes: Buffer.concat(commands.map(encode)),
  replies,
})
/** @param {number} count @param {string} prefix */
const names = (count, prefix) => Array.from({ length: count }, (_, n) => `${prefix}${n}`)

/** @type {(name: string, make: (n: number) => Command, setup?: Case['setup']) => Case[]} */
const repeated = (name, make, setup) => {
  const common = { sizes: COUNTS, ...(setup === undefined ? {} : { setup }) }
  return [
    { ...common, name, grows: 'pipelined', request: (size) => pipeline(many(size, make)) },
    {
      ...common,
      name,
      grows: 'in MULTI',
      request: (size) => pipeline([['MULTI'], ...many(size, make), ['EXEC']]),
    },
    {
      ...common,
      name,
      grows: 'in MULTI, with WATCH',
      request: (size) => pipeline([['WATCH', 'k'], ['MULTI'], ...many(size, make), ['EXEC']]),
    },
  ]
}

/** Members of one score are in the order of what they are opened to; 64 requests share a batch. */
const READ_WHOLE = 'each batch of such commands reads the whole key'

/** @type {Case[]} */
export const CONNECTION_CASES = [
  ...repeated('SET of one key', () => ['SET', 'k', 'v']),
  ...repeated('SET of many keys', (n) => ['SET', `k${n}`, 'v']),
  ...repeated('APPEND', () => ['APPEND', 'k', 'v']),
  ...repeated('INCR', () => ['INCR', 'k']),
  ...repeated(
    'GET',
    () => ['GET', 'k'],
    () => [['SET', 'k', 'v']],
  ),
  ...repeated('RPUSH', (n) => ['RPUSH', 'k', `m${n}`]),
  ...repeated('LPUSH', (n) => ['LPUSH', 'k', `m${n}`]),
  ...repeated(
    'LPOP',
    () => ['LPOP', 'k'],
    (size) => [['RPUSH', 'k', ...names(size, 'm')]],
  ),
  ...repeated(
    'LREM',
    (n) => ['LREM', 'k', '1', `m${n}`],
    () => [['RPUSH', 'k', ...names(64, 'm')]],
  ),
  ...repeated('HSET', (n) => ['HSET', 'k', `f${n}`, 'v']),
  ...repeated('HINCRBY', (n) => ['HINCRBY', 'k', `f${n}`, '1']),
  ...repeated('SADD', (n) => ['SADD', 'k', `m${n}`]),
  ...repeated(
    'SPOP',
    () => ['SPOP', 'k'],
    (size) => [['SADD', 'k', ...names(size, 'm')]],
  ),
  ...repeated('ZADD', (n) => ['ZADD', 'k', String(n), `m${n}`]),
  ...repeated(
    'ZPOPMIN',
    () => ['ZPOPMIN', 'k'],
    (size) => [['ZADD', 'k', ...names(size, '').flatMap((n) => [n, n])]],
  ).map((one) => (one.grows === 'pipelined' ? { ...one, known: READ_WHOLE } : one)),
  ...repeated('XADD', (n) => ['XADD', 'k', `${n + 1}-1`, 'f', 'v']),
  ...repeated('PFADD', (n) => ['PFADD', 'k', `m${n}`]),
  ...repeated('SETBIT', (n) => ['SETBIT', 'k', String(n), '1']),
  ...repeated(
    'EXPIRE',
    () => ['EXPIRE', 'k', '100'],
    () => [['SET', 'k', 'v']],
  ),
  ...repeated(
    'RENAME',
    (n) => ['RENAME', `k${n}`, `k${n + 1}`],
    () => [['SET', 'k0', 'v']],
  ),
  ...repeated('EVAL', () => ['EVAL', 'return redis.call("INCR", KEYS[1])', '1', 'k']),
  ...repeated('PUBLISH', () => ['PUBLISH', 'channel', 'm']),
  {
    name: 'SUBSCRIBE',
    grows: 'channels',
    sizes: COUNTS,
    request: (size) => pipeline([['SUBSCRIBE', ...names(size, 'c')]], size),
  },
  {
    name: 'PSUBSCRIBE',
    grows: 'patterns',
    sizes: COUNTS,
    request: (size) => pipeline([['PSUBSCRIBE', ...names(size, 'c*')]], size),
  },
  {
    name: 'SUBSCRIBE and UNSUBSCRIBE',
    grows: 'channels',
    sizes: COUNTS,
    request: (size) => pipeline([['SUBSCRIBE', ...names(size, 'c')], ['UNSUBSCRIBE']], 2 * size),
  },
  {
    name: 'SUBSCRIBE, then one UNSUBSCRIBE each',
    grows: 'channels',
    sizes: COUNTS,
    request: (size) =>
      pipeline(
        [['SUBSCRIBE', ...names(size, 'c')], ...many(size, (n) => ['UNSUBSCRIBE', `c${n}`])],
        2 * size,
      ),
  },
  {
    name: 'PUBSUB NUMSUB',
    grows: 'channels',
    sizes: COUNTS,
    request: (size) => pipeline([['PUBSUB', 'NUMSUB', ...names(size, 'c')]]),
  },
  {
    name: 'PUBLISH',
    grows: 'message',
    sizes: LENGTHS,
    request: (size) => pipeline([['PUBLISH', 'channel', 'm'.repeat(size)]]),
  },
  {
    name: 'WATCH and EXEC',
    grows: 'keys',
    sizes: COUNTS,
    request: (size) => pipeline([['WATCH', ...names(size, 'k')], ['MULTI'], ['SET', 'k0', 'v'], ['EXEC']]),
  },
  {
    name: 'WATCH again and again',
    grows: 'keys',
    sizes: COUNTS,
    request: (size) => pipeline(many(size, (n) => ['WATCH', `k${n}`])),
  },
  {
    name: 'COMMAND INFO',
    grows: 'arguments',
    sizes: COUNTS,
    request: (size) => pipeline([['COMMAND', 'INFO', ...Array(size).fill('get')]]),
  },
  {
    name: 'COMMAND DOCS',
    grows: 'arguments',
    sizes: COUNTS,
    request: (size) => pipeline([['COMMAND', 'DOCS', ...Array(size).fill('get')]]),
  },
  {
    name: 'COMMAND GETKEYS',
    grows: 'arguments',
    sizes: COUNTS,
    request: (size) => pipeline([['COMMAND', 'GETKEYS', 'MSET', ...names(2 * size, 'k')]]),
  },
  {
    name: 'INFO',
    grows: 'arguments',
    sizes: COUNTS,
    request: (size) => pipeline([['INFO', ...Array(size).fill('automation')]]),
  },
  {
    name: 'an unknown command',
    grows: 'name',
    sizes: LENGTHS,
    request: (size) => pipeline([['x'.repeat(size)]]),
  },
  {
    name: 'an inline command',
    grows: 'length',
    sizes: [512, 2_048, 8_192, 32_768],
    request: (size) => ({
      door: 'resp',
      bytes: Buffer.from(`SET k ${'"a\\x41'.repeat(size / 8)}\r\n`),
      replies: 1,
    }),
  },
  {
    name: 'an inline command',
    grows: 'words',
    sizes: [512, 2_048, 8_192, 32_768],
    request: (size) => ({ door: 'resp', bytes: Buffer.from(`MGET${' k'.repeat(size / 2)}\r\n`), replies: 1 }),
  },
]
