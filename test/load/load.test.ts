import { describe, expect, test } from 'vitest'
import { runScenarios, SMALL } from './lib/scenarios.mjs'
import { lows, type Point, trendOf } from './soak/trend.mjs'

/** Memory is read from /proc. */
const onLinux = process.platform === 'linux'
const IN_SHORT = ['idle', 'active', 'never-readers-2', 'pipeline-small']

describe.skipIf(!onLinux)('a server under load, in short (all of it: npm run test:load)', () => {
  test.each(SMALL.filter(({ id }) => IN_SHORT.includes(id)))(
    '$title',
    { timeout: 120_000 },
    async (scenario) => {
      const [row] = await runScenarios([scenario], { say: () => {}, warmSeconds: 0.5 })
      // How long something takes depends on what else the machine does.
      const lasting = row!.checks.filter(({ unit }) => unit !== 'ms')
      expect(lasting.length).toBeGreaterThan(5)
      expect(lasting.filter(({ ok }) => !ok)).toEqual([])
    },
  )
})

describe('the trend of memory', () => {
  const MIB = 1024 * 1024
  const series = (bytesAt: (n: number) => number): Point[] =>
    Array.from({ length: 300 }, (_, n) => [n * 5, bytesAt(n)])
  const sawTooth = (n: number): number => (n % 7) * 4 * MIB

  test.each([
    ['flat', series(() => 200 * MIB), false],
    ['a saw-tooth', series((n) => 200 * MIB + sawTooth(n)), false],
    ['growth that ends before the last third', series((n) => (100 + Math.min(n, 150)) * MIB), false],
    ['a slow leak beneath a saw-tooth', series((n) => 100 * MIB + n * 0.2 * MIB + sawTooth(n)), true],
    ['falling', series((n) => (600 - n) * MIB), false],
  ])('%s', (_, points, grows) => {
    expect(trendOf(points).grows).toBe(grows)
    expect(trendOf(lows(points, 30)).grows).toBe(grows)
  })
})
