// Whether a cost grows faster than the work that it is for.

/** @typedef {import('./types.mjs').Cost} Cost */
/** @typedef {import('./types.mjs').Resource} Resource */

/** A cost that grows by work ^ 1.3 is one that sorts, or hashes, or met a full cache. */
export const MOST_EXPONENT = 1.3

/**
 * What is below is noise.
 * @type {Readonly<Record<Resource, number>>}
 */
const FLOORS = { main: 3_000, threads: 15_000, redis: 5_000, wire: 65_536, held: 8 * 1024 * 1024 }

/** @type {readonly Resource[]} */
const RESOURCES = ['main', 'threads', 'redis', 'wire', 'held']

/**
 * @typedef {object} Growth
 * @property {Resource} resource
 * @property {number} exponent over the upper sizes: of the work or of the size, whichever grows more
 * @property {number} cost at the largest size
 * @property {boolean} isTooFast
 */

/**
 * How each resource grows over the upper sizes. The last step must be too fast as well as both: one alone may
 * be the step to another way of doing it. `costs` are those of one case, in the order of its sizes.
 * @param {readonly Cost[]} costs
 * @param {Pick<import('./types.mjs').Case, 'sizes' | 'isNumber'>} one
 * @returns {Growth[]}
 */
export const growthOf = (costs, { sizes, isNumber = false }) => {
  const factor = Number(sizes.at(-1)) / Number(sizes.at(-2))
  // What is stored beside what grows hides that the work does; a number grows without any work.
  const sizeGrowth = Math.log(factor) / (isNumber ? 2 : 1)
  const [first, middle, last] = /** @type {[Cost, Cost, Cost]} */ (costs.slice(-3))
  return RESOURCES.map((resource) => {
    /** @param {Cost} from @param {Cost} to @param {number} steps */
    const exponent = (from, to, steps) => {
      const [before, after] = [from, to].map((cost) => Math.max(cost[resource], FLOORS[resource]))
      const growth = Math.log(Number(after) / Number(before))
      return growth / Math.max(Math.log(to.work / from.work), steps * sizeGrowth)
    }
    const whole = exponent(first, last, 2)
    return {
      resource,
      exponent: whole,
      cost: last[resource],
      isTooFast: whole > MOST_EXPONENT && exponent(middle, last, 1) > MOST_EXPONENT,
    }
  })
}

/**
 * The least of each cost in several measurements of the same sizes: what else the machine did only adds.
 * @param {readonly (readonly Cost[])[]} runs
 * @returns {Cost[]}
 */
export const leastOf = (runs) =>
  /** @type {readonly Cost[]} */ (runs[0]).map((first, i) => {
    const least = { ...first }
    for (const run of runs)
      for (const resource of RESOURCES)
        least[resource] = Math.min(least[resource], /** @type {Cost} */ (run[i])[resource])
    return least
  })
