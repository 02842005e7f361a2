// The work. Every row is the same for each contender that can do it.
import { randomBytes } from 'node:crypto'
import { Client, encode, load } from './client.mjs'
import { redisBenchmark, requestEach, wrk } from './generators.mjs'

const KEYS = 1_000
const FIELDS = 20
const MIB = 1024 * 1024

/** The names that redis-benchmark makes of `key:__rand_int__`. */
const keyName = (index) => `key:${String(index).padStart(12, '0')}`
const range = (count) => Array.from({ length: count }, (_, index) => index)

/** Base64url of random bytes: what redis-benchmark writes is as long and as little compressible. */
const text = (bytes) => randomBytes(bytes).toString('base64url').slice(0, bytes)

const FILLS = {
  /** 1,000 keys of 100 bytes, as GET and MGET find them. */
  keys: async (client) => client.callAll(range(KEYS).map((index) => ['SET', keyName(index), text(100)])),
  hash: async (client) => client.call(['HSET', 'hash', ...hashFields()]),
  list: async (client, requests) => {
    // Each pop must find an element; the replies of an empty list would be cheaper.
    const element = text(100)
    const piece = 50
    await client.callAll(
      range(Math.ceil(requests / piece)).map(() => ['LPUSH', 'list', ...range(piece).map(() => element)]),
      20,
    )
  },
  large: async (client) => client.call(['SET', 'large', text(MIB)]),
}

const hashFields = () => range(FIELDS).flatMap((index) => [`field:${index}`, text(100)])

/**
 * @typedef {object} RowOptions
 * @property {string[]} command
 * @property {string[]} [lacks]
 * @property {keyof typeof FILLS} [fills] what must be there
 * @property {number} [first] requests of the first run, whose rate is not known
 * @property {number} [pipeline]
 * @property {number} [connections]
 * @property {number} [keys]
 * @property {number} [bytes]
 */

/**
 * Logs in, fills, leaves.
 * @param {keyof typeof FILLS | undefined} name
 * @param {import('./client.mjs').Target} target
 * @param {number} requests
 */
const fill = async (name, target, requests = 0) => {
  if (name === undefined) return
  const client = await Client.open(target)
  try {
    await FILLS[name](client, requests)
  } finally {
    client.close()
  }
}

/**
 * A row of redis-benchmark. `requests` of a timed run follow from `rate`, the rate of a run before it.
 * `lacks`: contenders that do not have the command.
 * @param {string} id
 * @param {string} title
 * @param {RowOptions} options
 */
const row = (id, title, { command, lacks = [], fills, first = 500, ...options }) => ({
  id,
  title,
  door: 'resp',
  lacks,
  run: async (target, { seconds, rate }) => {
    const { pipeline = 1, connections = 50 } = options
    // Everyone gets a turn on each connection, and whole pipelines.
    const turn = pipeline * connections
    const wanted = rate === undefined ? first : rate * seconds
    const requests = Math.max(1, Math.round(wanted / turn)) * turn
    await fill(fills, target, requests)
    return redisBenchmark(target, { ...options, command, requests })
  },
})

const VALUE = 100
const random = 'key:__rand_int__'

const pipelined = (pipeline) => [
  row(`set${pipeline}`, `SET 100 B, pipeline ${pipeline}`, {
    pipeline,
    keys: KEYS,
    command: ['SET', random, text(VALUE)],
    first: 2_000,
  }),
  row(`get${pipeline}`, `GET 100 B, pipeline ${pipeline}`, {
    pipeline,
    keys: KEYS,
    command: ['GET', random],
    fills: 'keys',
    first: 2_000,
  }),
]

/**
 * MULTI, five commands, EXEC in one write: seven replies. Only those who pass commands on, or serve them, can
 * do it.
 */
const multi = {
  id: 'multi5',
  title: 'MULTI of 5 SETs (transactions/s)',
  door: 'resp',
  lacks: ['twemproxy', 'naive'],
  run: (target, { seconds, rate }) => {
    const value = text(VALUE)
    const sets = (index) => range(5).map((n) => ['SET', keyName(index * 5 + n), value])
    const prepared = range(50).map((index) =>
      Buffer.concat([['MULTI'], ...sets(index), ['EXEC']].map(encode)),
    )
    const lasts = rate === undefined ? 0.2 : seconds
    return load(
      range(50).map(() => target),
      { seconds: lasts, next: (index) => prepared[index], replies: 7, commands: 1 },
    )
  },
}

/** One connection that sends a command when it has the answer to the one before. */
const oneByOne = (id, title, request) => ({
  id,
  title,
  door: 'resp',
  // Their processes would not share the one processor.
  lacks: ['workers'],
  latency: true,
  run: async (target, { seconds }) => {
    await fill('keys', target)
    const bytes = encode(request)
    return load([target], { seconds, next: () => bytes, replies: 1 })
  },
})

const rest = (id, title, requests) => ({
  id,
  title,
  door: 'rest',
  lacks: ['bare-http', 'bare-rest', 'webdis', 'ours'].filter((name) => requests[name] === undefined),
  run: async (target, { seconds, rate, contender }) => {
    const { before, ...request } = requests[contender]
    if (before !== undefined && rate === undefined) await requestEach(target, before, KEYS)
    return wrk(target, { ...request, seconds: rate === undefined ? 1 : seconds })
  },
})

const API = '/api/automation/v1/kv'
const document = JSON.stringify({ name: 'Ada', id: 9007199254740991, tags: ['a', 'b'], note: text(40) })
const operation = (n) =>
  n % 2 === 0 ? { op: 'set', key: '{key}', value: text(40) } : { op: 'get', key: '{key}' }
const batch = (path) => ({
  method: 'POST',
  path,
  body: JSON.stringify({ operations: range(10).map(operation) }),
})
const puts = {
  'bare-http': { method: 'PUT', path: '/kv/{key}', body: document },
  'bare-rest': { method: 'PUT', path: '/kv/{key}', body: document },
  webdis: { method: 'PUT', path: '/SET/{key}', body: document },
  ours: { method: 'PUT', path: `${API}/{key}`, body: document },
}

export const WORKLOADS = [
  ...[1, 16, 100].flatMap(pipelined),
  row('incr-hot', 'INCR, one hot key', { command: ['INCR', 'counter'] }),
  row('incr-1000', 'INCR, 1,000 keys', { keys: KEYS, command: ['INCR', 'counter:__rand_int__'] }),
  row('incr-hot16', 'INCR, one hot key, pipeline 16', {
    pipeline: 16,
    command: ['INCR', 'counter'],
    first: 2_000,
  }),
  row('lpush', 'LPUSH 100 B', { command: ['LPUSH', 'list', text(VALUE)] }),
  row('lpop', 'LPOP 100 B', { command: ['LPOP', 'list'], fills: 'list' }),
  row('hset', 'HSET of 20 fields', { command: ['HSET', 'hash', ...hashFields()] }),
  row('hgetall', 'HGETALL of 20 fields', { command: ['HGETALL', 'hash'], fills: 'hash' }),
  row('mget', 'MGET of 100 keys', {
    command: ['MGET', ...range(100).map(keyName)],
    fills: 'keys',
    first: 100,
  }),
  row('set-1m', 'SET 1 MiB', { connections: 10, keys: 10, command: ['-t', 'set'], bytes: MIB, first: 20 }),
  row('get-1m', 'GET 1 MiB', { connections: 10, command: ['GET', 'large'], fills: 'large', first: 20 }),
  multi,
  oneByOne('latency-get', 'GET 100 B, one at a time', ['GET', keyName(1)]),
  oneByOne('latency-set', 'SET 100 B, one at a time', ['SET', keyName(1), text(VALUE)]),
  oneByOne('latency-incr', 'INCR, one at a time', ['INCR', 'counter']),
  rest('rest-put', 'PUT of a small document', puts),
  rest('rest-get', 'GET of a small document', {
    'bare-http': { method: 'GET', path: '/kv/{key}', before: puts['bare-http'] },
    'bare-rest': { method: 'GET', path: '/kv/{key}', before: puts['bare-rest'] },
    webdis: { method: 'GET', path: '/GET/{key}', before: puts.webdis },
    ours: { method: 'GET', path: `${API}/{key}`, before: puts.ours },
  }),
  rest('rest-incr', 'incr, 1,000 keys', {
    'bare-rest': { method: 'POST', path: '/kv/{key}/incr', body: '{}' },
    webdis: { method: 'GET', path: '/INCR/{key}' },
    ours: { method: 'POST', path: `${API}/{key}/incr`, body: '{}' },
  }),
  rest('rest-batch', 'batch of 5 set and 5 get (requests/s)', {
    'bare-rest': batch('/kv/batch'),
    ours: batch(`${API}/batch`),
  }),
]
