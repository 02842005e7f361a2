// Runs one row against servers that are there already, in whatever process: the harness forks one, a test may
// use its own, with a small scale and bounds on what it then counts.
import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Context } from './context.mjs'
import { noCounters } from './peer.mjs'

/**
 * @typedef {object} Arena
 * @property {import('./types.mjs').Doors[]} servers
 * @property {string} secret of HS256 tokens
 * @property {number} scale share of the full number of connections, keys and bytes
 */

/** @param {import('./types.mjs').Row} row */
const automationOf = ({ name }) => `abuser-${name}`

/**
 * Fills the store of the row's automation. Rejects when that is refused.
 * @param {import('./types.mjs').Row} row
 * @param {Arena} arena
 */
export const prepare = async (row, { servers, secret, scale }) => {
  if (row.setup === undefined) return
  const ended = new AbortController()
  EventEmitter.setMaxListeners(0, ended.signal)
  const automation = automationOf(row)
  const context = new Context({ servers, secret, scale, automation, scope: 'kv', signal: ended.signal })
  try {
    await row.setup(context)
  } finally {
    ended.abort()
    context.close()
  }
}

/**
 * Attacks until the signal, again and again, since an attack may be ended by the server. What it does is
 * counted in `counters`.
 * @param {import('./types.mjs').Row} row
 * @param {Arena} arena
 * @param {AbortSignal} signal
 * @param {import('./types.mjs').Counters} [counters]
 */
export const attack = async (row, { servers, secret, scale }, signal, counters = noCounters()) => {
  // Every connection and request listens to it.
  EventEmitter.setMaxListeners(0, signal)
  const automation = automationOf(row)
  while (!signal.aborted) {
    counters.rounds++
    const context = new Context({ servers, secret, scale, automation, scope: row.scope, signal, counters })
    await row.attack(context).catch((/** @type {Error} */ error) => {
      if (counters.samples.length < 5) counters.samples.push(`ended: ${error.message}`.slice(0, 120))
    })
    context.close()
    await delay(100)
  }
  return counters
}
