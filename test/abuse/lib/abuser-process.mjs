// The abuser, in a process of its own: gets its rows by message, fills its store, attacks when told, and is
// killed when it is over.
import { ROWS } from '../attacks/index.mjs'
import { attack, prepare } from './attack.mjs'
import { noCounters } from './peer.mjs'

/**
 * @typedef {object} Orders
 * @property {string[]} rows
 * @property {import('./types.mjs').Doors[]} servers
 * @property {string} secret
 * @property {number} scale
 */

const counters = noCounters()

/** @param {unknown} message */
const tell = (message) => process.send?.(message)

/**
 * Uses a share of one core and sends nothing: what the machine's load alone does to the neighbour.
 * @param {number} share
 */
const burn = (share) => {
  const turn = () => {
    const until = performance.now() + 20 * share
    while (performance.now() < until);
    setTimeout(turn, 20 * (1 - share))
  }
  if (share > 0) turn()
}

/** @type {Orders | undefined} */
let orders
process.on(
  'message',
  async (/** @type {{ do: string, orders?: Orders, seconds?: number, share?: number }} */ message) => {
    if (message.do === 'burn') burn(message.share ?? 0)
    if (message.do === 'setup' && message.orders !== undefined) {
      orders = message.orders
      const { rows } = orders
      const chosen = ROWS.filter(({ name }) => rows.includes(name))
      for (const row of chosen) {
        try {
          await prepare(row, orders)
        } catch (error) {
          tell({ told: 'failed', why: `${row.name}: ${error instanceof Error ? error.message : error}` })
        }
      }
      tell({ told: 'ready' })
    }
    if (message.do === 'attack' && orders !== undefined) {
      const known = orders
      const rows = ROWS.filter(({ name }) => known.rows.includes(name))
      const over = new AbortController()
      setTimeout(() => over.abort(), (message.seconds ?? 5) * 1_000)
      setInterval(() => tell({ told: 'counters', counters }), 100)
      await Promise.all(rows.map((row) => attack(row, known, over.signal, counters)))
      tell({ told: 'counters', counters })
      tell({ told: 'done' })
    }
  },
)
process.on('disconnect', () => process.exit(0))
