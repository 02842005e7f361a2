// Connections that are told what others do: client-side caches, keyspace notifications, MONITOR.
import { command, times } from './fill.mjs'

/** @typedef {import('../lib/types.mjs').Row} Row */

/** Writes of 100 keys each. @param {number} n */
const writes = (n) =>
  command('MSET', ...Array.from({ length: 100 }, (_, i) => [`key:${(n + i) % 500}`, 'v']).flat())

/** @type {(name: string, title: string, listeners: number, begin: string[][], before?: string[]) => Row} */
const told = (name, title, listeners, begin, before) => ({
  name,
  title,
  door: 'resp',
  scope: 'kv',
  async attack(context) {
    const writers = await context.openMany(4)
    if (before !== undefined) await writers[0]?.call(...before)
    for (const listener of await context.openMany(listeners))
      for (const words of begin) await listener.call(...words)
    await context.repeat(writers, (n) => times(writes(n), 5), 5)
  },
})

/** @type {Row[]} */
export const TOLD = [
  told('tracking-bcast', 'MSET of 100 keys, told to 400 connections that track all keys', 400, [
    ['HELLO', '3'],
    ['CLIENT', 'TRACKING', 'ON', 'BCAST'],
  ]),
  told(
    'keyspace-events',
    'MSET of 100 keys with keyspace notifications, told to 100 connections',
    100,
    [['PSUBSCRIBE', '__key*__:*']],
    ['CONFIG', 'SET', 'notify-keyspace-events', 'KEA'],
  ),
  told('monitor', 'MSET of 100 keys, shown to 8 connections', 8, [['MONITOR']]),
  {
    name: 'tracking-reads',
    title: '1,000 keys tracked by each of 100 connections, half of them written again and again',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const readers = await context.openMany(100)
      for (const reader of readers) {
        await reader.call('HELLO', '3')
        await reader.call('CLIENT', 'TRACKING', 'ON')
      }
      const reads = (/** @type {number} */ n) =>
        command('MGET', ...Array.from({ length: 500 }, (_, i) => `key:${(500 * n + i) % 1_000}`))
      await Promise.all([
        context.repeat(readers, reads),
        context.repeat(await context.openMany(2), (n) => times(writes(n), 5), 5),
      ])
    },
  },
]
