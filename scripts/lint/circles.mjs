// Circles in a graph, each as short as it can be shown.

/** @typedef {Map<string, Set<string>>} Graph the nodes that each node leads to */

/** The shortest way from a node back to itself. @param {Graph} graph @param {string} start */
const wayBack = (graph, start) => {
  /** @type {Map<string, string>} */
  const cameFrom = new Map()
  const queue = [start]
  for (const node of queue) {
    for (const next of graph.get(node) ?? []) {
      if (next === start) {
        const way = [start]
        for (let at = node; at !== start; at = /** @type {string} */ (cameFrom.get(at))) way.unshift(at)
        return [start, ...way]
      }
      if (cameFrom.has(next)) continue
      cameFrom.set(next, node)
      queue.push(next)
    }
  }
  return undefined
}

/**
 * Every node that lies on a circle is in one of the circles that are returned.
 * @param {Graph} graph
 * @returns {string[][]} the nodes of each circle in their order, the first one again as the last
 */
export const circlesOf = (graph) => {
  /** @type {string[][]} */
  const circles = []
  const seen = new Set()
  for (const node of graph.keys()) {
    if (seen.has(node)) continue
    const circle = wayBack(graph, node)
    if (circle === undefined) continue
    for (const one of circle) seen.add(one)
    circles.push(circle)
  }
  return circles
}
