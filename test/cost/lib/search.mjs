// Measures cases until the time is over.
import { growthOf, leastOf, MOST_EXPONENT } from './growth.mjs'

/** @typedef {import('./types.mjs').Case} Case */
/** @typedef {import('./types.mjs').Cost} Cost */
/** @typedef {import('./growth.mjs').Growth} Growth */

/** Measurements of each size, and so many more of what looks like a finding. */
const RUNS = 1
const MORE_RUNS = 6

/**
 * @typedef {object} Measured
 * @property {Case} one
 * @property {Cost[]} costs the least of each, by size
 * @property {Growth[]} growth
 * @property {boolean} isFound
 */

/**
 * @param {(one: Case, size: number) => Promise<Cost>} measure
 * @param {Case} one
 * @returns {Promise<Measured>}
 */
export const search = async (measure, one) => {
  /** @type {Cost[][]} */
  const runs = []
  const more = async (/** @type {number} */ count) => {
    for (let run = 0; run < count; run++) {
      /** @type {Cost[]} */
      const costs = []
      for (const size of one.sizes) costs.push(await measure(one, size))
      runs.push(costs)
    }
    const costs = leastOf(runs)
    return { one, costs, growth: growthOf(costs, one) }
  }
  let measured = await more(RUNS)
  const isSuspect = () => measured.growth.some(({ isTooFast }) => isTooFast)
  if (isSuspect()) measured = await more(MORE_RUNS)
  return { ...measured, isFound: isSuspect() && one.known === undefined }
}

/** Whether the command was understood, at the smallest size at least. @param {Measured} measured */
export const isUnderstood = ({ costs }) => costs[0]?.error === undefined

const UNITS = { main: 'us', threads: 'us', redis: 'us', wire: 'bytes', held: 'bytes' }
const LABELS = {
  main: 'main thread',
  threads: 'all threads',
  redis: 'Redis',
  wire: 'between us and Redis',
  held: 'held',
}

/** What grew fastest in one case, as a line. @param {Measured} measured */
export const lineOf = ({ one, costs, growth: all }) => {
  const worst = worstOf(all)
  const shown = costs.map((cost) => Math.round(cost[worst.resource])).join(' > ')
  const error = costs.at(-1)?.error
  return [
    `${worst.exponent.toFixed(2).padStart(5)}  ${`${one.name}: ${one.grows}`.padEnd(48)}`,
    `${LABELS[worst.resource]} ${shown} ${UNITS[worst.resource]}, work ${costs.map(({ work }) => work).join(' > ')}`,
    ...(error === undefined ? [] : [`[${error.slice(0, 60)}]`]),
    ...(one.known === undefined ? [] : [`(known: ${one.known})`]),
  ].join('  ')
}

/** @param {readonly Growth[]} all */
const worstOf = (all) =>
  all.reduce((worst, next) => {
    if (worst.isTooFast !== next.isTooFast) return next.isTooFast ? next : worst
    return next.exponent > worst.exponent ? next : worst
  })

/** Those that grew fastest, findings first. @param {readonly Measured[]} measured @param {number} count */
export const worst = (measured, count) =>
  [...measured]
    .sort(
      (a, b) =>
        Number(b.isFound) - Number(a.isFound) || worstOf(b.growth).exponent - worstOf(a.growth).exponent,
    )
    .slice(0, count)

/** @param {Measured} measured */
export const jsonOf = ({ one, costs, growth: all, isFound }) => ({
  name: one.name,
  grows: one.grows,
  isFound,
  exponents: Object.fromEntries(all.map(({ resource, exponent }) => [resource, exponent])),
  sizes: one.sizes.map((size, i) => ({ size, ...costs[i] })),
})

export { MOST_EXPONENT }
