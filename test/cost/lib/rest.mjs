// Bodies and paths of REST.

/** @typedef {import('./types.mjs').Case} Case */
/** @typedef {import('./types.mjs').Command} Command */

const COUNTS = [256, 1_024, 4_096, 16_384]
/** Operations of a batch, of which 100 may be. */
const OPERATIONS = [6, 25, 99]
const ELEMENTS = [1_024, 4_096, 16_384, 65_536]
/** Of one of the commands that store them. */
const ELEMENTS_AT_ONCE = 1_024

/** @param {string} method @param {string} path @param {unknown} [body] a text is sent as it is */
const rest = (method, path, body) => ({
  door: /** @type {const} */ ('rest'),
  method,
  path,
  ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
})
/** @param {number} size @param {(n: number) => unknown} [element] */
const array = (size, element = (n) => n) => Array.from({ length: size }, (_, n) => element(n))
/** @param {number} size */
const object = (size) =>
  Object.fromEntries(
    array(size, (n) => [`name${n}`, n]).map((pair) => /** @type {[string, number]} */ (pair)),
  )
/**
 * A document as SET stores it, so that no limit of REST is met on the way.
 * @param {unknown} value
 * @returns {Command[]}
 */
const stored = (value) => [['SET', 'k', typeof value === 'string' ? value : JSON.stringify(value)]]
/** @param {number} size @returns {Command[]} */
const listOf = (size) =>
  Array.from({ length: size / ELEMENTS_AT_ONCE }, () => [
    'RPUSH',
    'k',
    ...array(ELEMENTS_AT_ONCE).map(String),
  ])
/** @param {number} levels */
const deep = (levels) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

/** @type {Readonly<Record<string, (size: number) => string>>} */
const BODIES = {
  'an array': (size) => JSON.stringify(array(size)),
  'an object': (size) => JSON.stringify(object(size)),
  'an object of one name': (size) => `{${array(size, (n) => `"a":${n}`).join(',')}}`,
  'nested objects': deep,
  'nested arrays': (size) => `${'['.repeat(size)}${']'.repeat(size)}`,
  'nested arrays without an end': (size) => '['.repeat(size),
  'a text': (size) => JSON.stringify('a'.repeat(size)),
  'a text of escapes': (size) => `"${'\\u00e9'.repeat(size)}"`,
  'a text without an end': (size) => `"${'\\"'.repeat(size)}`,
  'a number': (size) => '1'.repeat(size),
  'a number with an exponent': (size) => `1e${'0'.repeat(size)}1`,
  spaces: (size) => `${' '.repeat(size)}1`,
}

/** @type {Readonly<Record<string, (n: number) => Record<string, unknown>>>} */
const OPERATIONS_ON_ONE = {
  get: () => ({ op: 'get', key: 'k' }),
  'patch of a name': (n) => ({ op: 'patch', key: 'k', path: `name${n}`, value: n }),
  'patch of a new name': (n) => ({ op: 'patch', key: 'k', path: `new${n}`, value: n }),
  'set and get': (n) => (n % 2 === 0 ? { op: 'set', key: 'k', value: n } : { op: 'get', key: 'k' }),
}
const OPERATIONS_ON_LIST = {
  rpush: (/** @type {number} */ n) => ({ op: 'rpush', key: 'k', value: n }),
  lpop: () => ({ op: 'lpop', key: 'k' }),
}

/** @type {Case[]} */
export const REST_CASES = [
  ...Object.entries(BODIES).flatMap(([name, make]) => [
    {
      name: `PUT of ${name}`,
      grows: 'body',
      sizes: COUNTS,
      request: (/** @type {number} */ size) => rest('PUT', '/kv/k', make(size)),
    },
    {
      name: `PATCH with ${name}`,
      grows: 'body',
      sizes: COUNTS,
      setup: () => stored({}),
      request: (/** @type {number} */ size) => rest('PATCH', '/kv/k', `{"path":"a","value":${make(size)}}`),
    },
    {
      name: `rpush of ${name}`,
      grows: 'body',
      sizes: COUNTS,
      request: (/** @type {number} */ size) => rest('POST', '/kv/k/rpush', `{"value":${make(size)}}`),
    },
    {
      name: `batch with ${name}`,
      grows: 'body',
      sizes: COUNTS,
      request: (/** @type {number} */ size) =>
        rest('POST', '/kv/batch', `{"operations":[{"op":"set","key":"k","value":${make(size)}}]}`),
    },
    {
      name: `PATCH and GET of ${name}`,
      grows: 'document',
      sizes: COUNTS,
      setup: (/** @type {number} */ size) => stored(make(size)),
      request: () => rest('PATCH', '/kv/k', { path: 'a', value: 1 }),
    },
    {
      name: `GET of ${name}`,
      grows: 'document',
      sizes: COUNTS,
      setup: (/** @type {number} */ size) => stored(make(size)),
      request: () => rest('GET', '/kv/k'),
    },
  ]),
  {
    name: 'PATCH',
    grows: 'path of names',
    sizes: COUNTS,
    setup: () => stored({}),
    request: (size) => rest('PATCH', '/kv/k', { path: array(size, () => 'a').join('.'), value: 1 }),
  },
  {
    name: 'PATCH',
    grows: 'path of indexes',
    sizes: COUNTS,
    setup: () => stored([]),
    request: (size) => rest('PATCH', '/kv/k', { path: `a${'[0]'.repeat(size)}`, value: 1 }),
  },
  {
    name: 'PATCH',
    grows: 'name in the path',
    sizes: COUNTS,
    setup: () => stored({}),
    request: (size) => rest('PATCH', '/kv/k', { path: 'a'.repeat(size), value: 1 }),
  },
  {
    name: 'PATCH',
    grows: 'path and document',
    sizes: COUNTS,
    setup: (size) => stored(deep(size)),
    request: (size) => rest('PATCH', '/kv/k', { path: array(size, () => 'a').join('.'), value: 1 }),
  },
  {
    name: 'GET',
    grows: 'query',
    sizes: [64, 256, 1_024, 4_096],
    setup: () => stored({}),
    request: (size) => rest('GET', `/kv/k?${'meta=true&'.repeat(size / 10)}`),
  },
  {
    name: 'GET',
    grows: 'path',
    sizes: [64, 256, 1_024, 4_096],
    setup: () => stored({}),
    request: (size) => rest('GET', `/kv/${'%61'.repeat(size)}`),
  },
  {
    name: 'list',
    grows: 'keys',
    sizes: [64, 256, 1_024, 4_096],
    setup: (size) => [
      [
        'MSET',
        ...array(size, (n) => [`k${n}`, 'v'])
          .flat()
          .map(String),
      ],
    ],
    request: () => rest('GET', '/kv'),
  },
  {
    name: 'lpop',
    grows: 'document',
    sizes: COUNTS,
    setup: (size) => stored(array(size)),
    request: () => rest('POST', '/kv/k/lpop'),
  },
  {
    name: 'len',
    grows: 'document',
    sizes: COUNTS,
    setup: (size) => stored(array(size)),
    request: () => rest('GET', '/kv/k/len'),
  },
  {
    name: 'incr',
    grows: 'digits',
    sizes: COUNTS,
    setup: (size) => stored('1'.repeat(size)),
    request: () => rest('POST', '/kv/k/incr'),
  },
  ...Object.entries(OPERATIONS_ON_ONE).flatMap(([name, make]) => [
    {
      name: `batch of ${name}`,
      grows: 'operations',
      sizes: OPERATIONS,
      setup: () => stored(object(4_096)),
      request: (/** @type {number} */ size) => rest('POST', '/kv/batch', { operations: array(size, make) }),
    },
    {
      name: `batch of ${name}`,
      grows: 'document',
      sizes: COUNTS,
      setup: (/** @type {number} */ size) => stored(object(size)),
      request: () => rest('POST', '/kv/batch', { operations: array(100, make) }),
    },
  ]),
  ...Object.entries(OPERATIONS_ON_LIST).flatMap(([name, make]) => [
    {
      name: `batch of ${name} on an array`,
      grows: 'operations',
      sizes: OPERATIONS,
      setup: () => stored(array(16_384)),
      request: (/** @type {number} */ size) => rest('POST', '/kv/batch', { operations: array(size, make) }),
    },
    {
      name: `batch of ${name} on a list`,
      grows: 'elements',
      sizes: ELEMENTS,
      setup: listOf,
      request: () => rest('POST', '/kv/batch', { operations: array(100, make) }),
    },
  ]),
]
