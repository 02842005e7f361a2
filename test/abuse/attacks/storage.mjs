// What may be left in the Redis.
import { command, LARGEST, times, valuesOf } from './fill.mjs'

/** @typedef {import('../lib/types.mjs').Row} Row */

/** @type {Row[]} */
export const STORAGE = [
  {
    name: 'rpush-900mb',
    title: 'RPUSH of up to 900 MB under one key',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const peers = await context.openMany(4)
      const request = command('RPUSH', 'list', ...Array(8).fill(Buffer.alloc(LARGEST, 'r')))
      const most = context.some(900_000_000)
      let sent = 0
      await Promise.allSettled(
        peers.map(async (peer) => {
          while (context.running && !peer.closed && sent < most) {
            sent += request.length
            await peer.send(request)
          }
        }),
      )
      await context.over
    },
  },
  {
    name: 'set-1mib-900',
    title: 'SET of 1 MiB under 900 names, and again',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const value = Buffer.alloc(LARGEST, 's')
      const count = context.some(900)
      await context.repeat(await context.openMany(4), (n) => command('SET', `big:${n % count}`, value))
    },
  },
  {
    name: 'sadd-tiny',
    title: 'SADD of new tiny members under one key, 1,000 at a time on 4 connections',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      await context.repeat(await context.openMany(4), (n) =>
        command('SADD', 'tiny', ...Array.from({ length: 1_000 }, (_, i) => n * 1_000 + i)),
      )
    },
  },
  {
    name: 'rest-idempotency',
    title: 'REST batches of 100 GETs of 100 kB, each with an Idempotency-Key of its own',
    door: 'rest',
    scope: 'kv',
    setup: valuesOf(1, 100_000),
    async attack(context) {
      const operations = [
        ...Array.from({ length: 99 }, () => ({ op: 'get', key: 'value:0' })),
        { op: 'incr', key: 'n' },
      ]
      const body = JSON.stringify({ operations })
      const run = Math.random()
      await context.repeatRest(8, (n) =>
        context.rest('POST', '/batch', body, { 'Idempotency-Key': `${run}-${n}` }),
      )
    },
  },
  {
    name: 'delete-storm',
    title: 'SET and DEL of ever new long names, pipelines of 200',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const request = (/** @type {number} */ n) =>
        Buffer.concat(
          Array.from({ length: 100 }, (_, i) =>
            Buffer.concat([
              command('SET', `${'d'.repeat(200)}${n}:${i}`, 'v'),
              command('DEL', `${'d'.repeat(200)}${n}:${i}`),
            ]),
          ),
        )
      await context.repeat(await context.openMany(8), request, 200)
    },
  },
  {
    name: 'set-pipelines-50',
    title: '50 connections with pipelines of 100 SETs',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      await context.repeat(
        await context.openMany(50),
        times(command('SET', 'key', 'v'.repeat(100)), 100),
        100,
      )
    },
  },
]
