// Two automations that both send GETs as fast as they can, one on 5,000 connections and one on a single one.

import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { command } from './fill.mjs'

/** @typedef {import('../lib/types.mjs').Row} Row */

/** @type {(name: string, title: string, depth: number) => Row} */
const share = (name, title, depth) => ({
  name,
  title,
  door: 'resp',
  scope: 'kv:read',
  least: 8,
  async attack(context) {
    const peers = await context.openMany(5_000)
    const doors = context.server(0)
    // In a thread of its own, so that the work of the many does not hold up the one.
    const single = new Worker(new URL('../lib/single.mjs', import.meta.url), {
      workerData: { port: doors.port, password: context.token('single'), depth },
    })
    let alone = 0
    single.on('message', (/** @type {number} */ count) => (alone = count))
    single.on('error', () => {})
    await Promise.race([new Promise((resolve) => single.once('message', resolve)), context.over])
    const begin = { many: context.counters.replies, one: alone }
    const work = context.repeat(peers, command('GET', 'key'))
    while (context.running) {
      await delay(100)
      const [many, one] = [context.counters.replies - begin.many, alone - begin.one]
      context.counters.figures = {
        ...context.counters.figures,
        [`${name}: many`]: many,
        [`${name}: one`]: one,
        [`${name}: share of the one`]: one / Math.max(1, many + one),
      }
    }
    await single.terminate()
    await work
  },
})

/** @type {Row[]} */
export const FAIRNESS = [
  share(
    'fair-depth-1',
    'GETs of an automation with 5,000 connections and of one with 1, all with depth 1',
    1,
  ),
  share('fair-depth-1000', 'the same, the single connection with 1,000 GETs in its pipeline', 1_000),
]
