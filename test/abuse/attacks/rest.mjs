// The REST door: bodies, batches, documents, answers that nobody reads.
import { filling, LARGEST, valuesOf } from './fill.mjs'

/** @typedef {import('../lib/types.mjs').Row} Row */

/**
 * A pipeline of GETs whose answers nobody reads.
 * @type {(
 *   name: string,
 *   title: string,
 *   connections: number,
 *   path: string,
 *   scope: import('../lib/types.mjs').Scope,
 *   setup?: Row['setup'],
 * ) => Row}
 */
const unread = (name, title, connections, path, scope, setup) => ({
  name,
  title,
  door: 'rest',
  scope,
  ...(setup === undefined ? {} : { setup }),
  async attack(context) {
    const request = context.restBytes('GET', path)
    const pipeline = Buffer.concat(Array(50).fill(request))
    await Promise.all(
      Array.from({ length: context.some(connections) }, async () => {
        const { socket, gone } = context.http()
        socket.pause()
        while (context.running && !socket.destroyed) {
          context.counters.sent += pipeline.length
          if (!socket.write(pipeline)) {
            await Promise.race([
              /** @type {Promise<void>} */ (new Promise((resolve) => socket.once('drain', () => resolve()))),
              gone,
            ])
          }
        }
      }),
    )
  },
})

const deep = (/** @type {number} */ levels) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
const batch = (/** @type {unknown[]} */ operations) => JSON.stringify({ operations })

/**
 * Each client sends its next request when the last one is answered.
 * @type {(
 *   name: string,
 *   title: string,
 *   clients: number,
 *   request: (context: import('../lib/types.mjs').Context, n: number) => Promise<number>,
 *   setup?: Row['setup'],
 * ) => Row}
 */
const loop = (name, title, clients, request, setup) => ({
  name,
  title,
  door: 'rest',
  scope: 'kv',
  ...(setup === undefined ? {} : { setup }),
  async attack(context) {
    await context.repeatRest(clients, (n) => request(context, n))
  },
})

const bigBatch = batch(Array.from({ length: 100 }, (_, n) => ({ op: 'get', key: `value:${n % 4}` })))
const bigBody = JSON.stringify('p'.repeat(1_000_000))
const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 40_000 }, (_, n) => [`name${n}`, n])))

/** @type {(path: string, body: string) => NonNullable<Row['setup']>} */
const putting = (path, body) => async (context) => {
  const status = await context.rest('PUT', path, body)
  if (status !== 200 && status !== 201) throw new Error(`PUT ${path} answered ${status}`)
}

const manyKeys = filling((context) =>
  Array.from({ length: context.some(900) }, (_, n) => ['SET', `${'n'.repeat(200)}${n}`, '1']),
)

/** @type {Row[]} */
export const REST = [
  loop(
    'rest-batch-gets',
    'REST batch of 100 GETs of 1 MiB, 4 clients',
    4,
    (context) => context.rest('POST', '/batch', bigBatch),
    valuesOf(4, LARGEST),
  ),
  {
    name: 'rest-batch-gets-unread',
    title: 'REST batch of 100 GETs of 1 MiB, 20 clients that do not read',
    door: 'rest',
    scope: 'kv',
    setup: valuesOf(4, LARGEST),
    async attack(context) {
      for (let n = 0; n < context.some(20); n++) {
        const { socket } = context.http()
        socket.pause()
        socket.write(context.restBytes('POST', '/batch', bigBatch))
      }
      await context.over
    },
  },
  loop('rest-put-1mib', 'REST PUT of 1 MB under 900 names, 16 clients', 16, (context, n) =>
    context.rest('PUT', `/put:${n % 900}`, bigBody),
  ),
  loop(
    'rest-patch-deep',
    'REST PATCH inside a document of 40,000 names, 8 clients',
    8,
    (context, n) =>
      context.rest('PATCH', '/document', JSON.stringify({ path: `name${n % 40_000}`, value: n })),
    putting('/document', wide),
  ),
  loop('rest-put-nested', 'REST PUT of 150,000 nested objects, 8 clients', 8, (context) =>
    context.rest('PUT', '/nested', deep(150_000)),
  ),
  loop(
    'rest-list',
    'REST list of 900 long names, 32 clients',
    32,
    (context) => context.rest('GET', ''),
    manyKeys,
  ),
  loop('rest-incr', 'REST incr of one key, 64 clients', 64, (context) => context.rest('POST', '/n/incr')),
  loop(
    'rest-batch-patch',
    'REST batch of 100 PATCHes of a document of 40,000 names',
    4,
    (context) =>
      context.rest(
        'POST',
        '/batch',
        batch(
          Array.from({ length: 100 }, (_, n) => ({
            op: 'patch',
            key: 'document',
            path: `name${n}`,
            value: n,
          })),
        ),
      ),
    putting('/document', wide),
  ),
  unread(
    'rest-get-unread',
    'REST GET of 1 MiB, pipelined on 50 connections that do not read',
    50,
    '/value:0',
    'kv:read',
    putting('/value:0', bigBody),
  ),
  unread(
    'docs-unread',
    'no token: the documentation page, pipelined on 200 connections that do not read',
    200,
    '/api/automation/docs/static/swagger-ui-bundle.js',
    'none',
  ),
  {
    name: 'docs-flood',
    title: 'no token: files of the documentation page, 32 clients',
    door: 'rest',
    scope: 'none',
    async attack(context) {
      await context.repeatRest(32, () =>
        context.rest('GET', '/api/automation/docs/static/swagger-ui-bundle.js'),
      )
    },
  },
  {
    name: 'rest-bad-tokens',
    title: 'no token: REST with wrong tokens, 64 clients',
    door: 'rest',
    scope: 'none',
    async attack(context) {
      await context.repeatRest(64, (n) =>
        context.rest('GET', '/a', undefined, { authorization: `Bearer ${'x'.repeat(2_000)}.${n}.y` }),
      )
    },
  },
  loop(
    'rest-big-list-value',
    'REST GET of a list of 60,000, 4 clients',
    4,
    (context) => context.rest('GET', '/list'),
    filling(function* (context) {
      for (let n = 0; n < context.some(60); n++)
        yield ['RPUSH', 'list', ...Array.from({ length: 1_000 }, (_, i) => `"element ${n * 1_000 + i}"`)]
    }),
  ),
]
