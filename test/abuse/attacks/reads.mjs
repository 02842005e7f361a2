// Reads: replies of many elements or many bytes, read or not.
import { command, filling, hashOf, LARGEST, listOf, setOf, times, valuesOf, zsetOf } from './fill.mjs'

/** @typedef {import('../lib/types.mjs').Row} Row */

/** Fewer bytes at a time would cost the load generator more than the server. */
const PIECE = 16 * 1024

/**
 * One request after the other on each connection, without waiting for replies.
 * @type {(
 *   name: string,
 *   title: string,
 *   setup: Row['setup'],
 *   connections: number,
 *   request: () => Buffer,
 *   options?: { reading?: boolean, scope?: import('../lib/types.mjs').Scope },
 * ) => Row}
 */
const flood = (name, title, setup, connections, request, { reading = true, scope = 'kv:read' } = {}) => ({
  name,
  title,
  door: 'resp',
  scope,
  ...(setup === undefined ? {} : { setup }),
  async attack(context) {
    const one = request()
    await context.flood(
      await context.openMany(connections),
      times(one, Math.max(10, Math.ceil(PIECE / one.length))),
      { reading },
    )
  },
})

/**
 * Each connection waits for its reply before it asks again.
 * @type {(
 *   name: string,
 *   title: string,
 *   setup: Row['setup'],
 *   connections: number,
 *   request: () => Buffer,
 * ) => Row}
 */
const loop = (name, title, setup, connections, request) => ({
  name,
  title,
  door: 'resp',
  scope: 'kv:read',
  ...(setup === undefined ? {} : { setup }),
  async attack(context) {
    await context.repeat(await context.openMany(connections), request())
  },
})

const keys900 = filling((context) =>
  Array.from({ length: context.some(900) }, (_, n) => ['SET', `${'k'.repeat(200)}${n}`, 'v']),
)

/** @type {Row[]} */
export const READS = [
  loop('lrange-whole', 'LRANGE 0 -1 of a list of 60,000 on 4 connections', listOf(60_000), 4, () =>
    command('LRANGE', 'list', '0', '-1'),
  ),
  flood(
    'lrange-pipelined-unread',
    'LRANGE 0 -1 of a list of 60,000, pipelined on 10 connections that do not read',
    listOf(60_000),
    10,
    () => command('LRANGE', 'list', '0', '-1'),
    { reading: false },
  ),
  flood('hgetall-pipelined', 'HGETALL of 100,000 fields, pipelined', hashOf(100_000), 2, () =>
    command('HGETALL', 'hash'),
  ),
  flood('smembers-pipelined', 'SMEMBERS of 100,000, pipelined', setOf(100_000), 2, () =>
    command('SMEMBERS', 'set'),
  ),
  flood('zrange-pipelined', 'ZRANGE 0 -1 WITHSCORES of 100,000, pipelined', zsetOf(100_000), 2, () =>
    command('ZRANGE', 'zset', '0', '-1', 'WITHSCORES'),
  ),
  flood('keys-pipelined', 'KEYS * of 900 long names, pipelined', keys900, 4, () => command('KEYS', '*')),
  flood('scan-storm', 'SCAN with COUNT 1000 over 900 long names, pipelined', keys900, 4, () =>
    command('SCAN', '0', 'COUNT', '1000'),
  ),
  flood('hscan-storm', 'HSCAN COUNT 100000 of 100,000 fields, pipelined', hashOf(100_000), 2, () =>
    command('HSCAN', 'hash', '0', 'COUNT', '100000'),
  ),
  flood(
    'get-1mib-unread',
    'GET of 1 MiB, pipelined on 50 connections that do not read',
    valuesOf(4, LARGEST),
    50,
    () => command('GET', 'value:0'),
    { reading: false },
  ),
  flood('get-1mib', 'GET of 1 MiB, pipelined on 8 connections', valuesOf(4, LARGEST), 8, () =>
    command('GET', 'value:0'),
  ),
  loop(
    'mget-500-1mib',
    'MGET naming one value of 1 MiB 500 times, 2 connections',
    valuesOf(1, LARGEST),
    2,
    () => command('MGET', ...Array(500).fill('value:0')),
  ),
  flood(
    'getbit-unread',
    'GETBIT on a string of 0.9 MB, pipelined without reading',
    valuesOf(1, 900_000),
    4,
    () => times(command('GETBIT', 'value:0', '7000000'), 50),
    { reading: false },
  ),
  flood('bitcount', 'BITCOUNT of a string of 1 MiB, pipelined', valuesOf(1, LARGEST), 4, () =>
    command('BITCOUNT', 'value:0'),
  ),
  flood('exists-10000', 'EXISTS naming one key 10,000 times, pipelined', valuesOf(1, 10), 4, () =>
    command('EXISTS', ...Array(10_000).fill('value:0')),
  ),
  flood('command-docs', 'COMMAND DOCS, pipelined', undefined, 4, () => command('COMMAND', 'DOCS')),
  flood(
    'command-docs-unread',
    'COMMAND DOCS, pipelined on 50 connections that do not read',
    undefined,
    50,
    () => command('COMMAND', 'DOCS'),
    { reading: false },
  ),
  {
    name: 'slow-readers',
    title: 'GET of 1 MiB, read at 64 kB a second on 100 connections',
    door: 'resp',
    scope: 'kv:read',
    setup: valuesOf(1, LARGEST),
    async attack(context) {
      const peers = await context.openMany(100)
      const request = times(command('GET', 'value:0'), 20)
      for (const peer of peers) {
        peer.write(request)
        peer.stopReading()
      }
      while (context.running) {
        await context.pause(1_000)
        for (const { socket } of peers) socket.once('data', () => socket.pause()).resume()
      }
    },
  },
  {
    name: 'client-list-5000',
    title: 'CLIENT LIST with 5,000 connections, on 4 of them',
    door: 'resp',
    scope: 'kv:read',
    least: 6,
    async attack(context) {
      const peers = await context.openMany(5_000)
      await context.repeat(peers.slice(0, 4), command('CLIENT', 'LIST'))
    },
  },
]
