/** @typedef {readonly [x: number, y: number]} Point */

/**
 * Least squares: the line through points, and the standard error of its slope.
 * @param {readonly Point[]} points
 */
const lineThrough = (points) => {
  const n = points.length
  const mean = (/** @type {(point: Point) => number} */ of) =>
    points.reduce((sum, point) => sum + of(point), 0) / n
  const [mx, my] = [mean(([x]) => x), mean(([, y]) => y)]
  const sxx = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0)
  const slope = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / sxx
  const residual = points.reduce((sum, [x, y]) => sum + (y - my - slope * (x - mx)) ** 2, 0)
  return { slope, mean: my, error: Math.sqrt(residual / Math.max(1, n - 2) / sxx) }
}

/**
 * The least value of each of some windows of equal length: of a saw-tooth that the garbage collector makes,
 * the part that is in use.
 * @param {readonly Point[]} points
 * @param {number} windows
 */
export const lows = (points, windows) => {
  const size = Math.max(1, Math.ceil(points.length / windows))
  const least = (/** @type {readonly Point[]} */ some) =>
    some.reduce((low, point) => (point[1] < low[1] ? point : low))
  return Array.from({ length: Math.ceil(points.length / size) }, (_, n) =>
    least(points.slice(n * size, (n + 1) * size)),
  )
}

/** Growth that is no more than this over the part that is looked at counts as noise. */
const NOISE_SHARE = 0.05
const NOISE_BYTES = 8 * 1024 * 1024

/**
 * Does memory still grow in the last third? It does when the fitted line rises by more than 5 % of the mean
 * and more than 8 MiB over that third, and by more than twice the standard error of the slope. `points`:
 * [seconds, bytes].
 * @param {readonly Point[]} points
 */
export const trendOf = (points) => {
  const third = points.slice(Math.floor((points.length * 2) / 3))
  const { slope, mean, error } = lineThrough(third)
  const seconds = (third.at(-1)?.[0] ?? 0) - (third[0]?.[0] ?? 0)
  const growth = slope * seconds
  const allowed = Math.max(mean * NOISE_SHARE, NOISE_BYTES)
  return {
    seconds,
    mean,
    growth,
    allowed,
    error: error * seconds,
    grows: growth > allowed && slope > 2 * error,
  }
}
