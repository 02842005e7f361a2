// Starts the process of the neighbour, tells it when a phase begins, and asks for what it measured.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const FILE = fileURLToPath(new URL('neighbour-process.mjs', import.meta.url))

/** @typedef {Record<string, import('./types.mjs').Neighbour>} Reports by the name of the phase */

/**
 * Resolves when it is logged in and at work; rejects when it cannot.
 * @param {import('./neighbour-process.mjs').Target} target
 */
export const startNeighbour = async (target) => {
  const child = fork(FILE, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  child.on('error', () => {})
  const ended = /** @type {Promise<void>} */ (new Promise((resolve) => child.once('exit', () => resolve())))
  const told = (/** @type {string} */ what, /** @type {number} */ timeoutMs) =>
    /** @type {Promise<{ reports: Reports }>} */ (
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`the neighbour did not tell "${what}"`)), timeoutMs)
        child.on('message', (/** @type {{ told: string, why?: string, reports: Reports }} */ message) => {
          if (message.told === 'failed') reject(new Error(`the neighbour: ${message.why}`))
          if (message.told !== what) return
          clearTimeout(timer)
          resolve(message)
        })
        void ended.then(() => reject(new Error('the neighbour ended')))
      })
    )
  const ready = told('ready', 10_000)
  child.send({ do: 'live', target })
  try {
    await ready
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    /** @param {string} name requests that are due from now on belong to it */
    phase: (name) => child.send({ do: 'phase', name }),
    /** Ends the measuring. */
    async report() {
      const answer = told('report', 10_000)
      child.send({ do: 'report' })
      return (await answer).reports
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
