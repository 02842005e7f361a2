// All that is measured, in an order of the seed: a run that ends early has looked at some of everything.
import { commandCases } from './commands.mjs'
import { CONNECTION_CASES } from './connections.mjs'
import { REST_CASES } from './rest.mjs'
import { SCRIPT_CASES } from './scripts.mjs'
import { randomOf } from './words.mjs'

/** @typedef {import('./types.mjs').Case} Case */

/** @param {number} seed @returns {Promise<Case[]>} */
export const casesOf = async (seed) => {
  const cases = [...(await commandCases(seed)), ...CONNECTION_CASES, ...REST_CASES, ...SCRIPT_CASES]
  const random = randomOf(seed)
  for (let last = cases.length - 1; last > 0; last--) {
    const other = random(last + 1)
    const one = /** @type {Case} */ (cases[last])
    cases[last] = /** @type {Case} */ (cases[other])
    cases[other] = one
  }
  return cases
}
