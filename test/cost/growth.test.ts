import { describe, expect, test } from 'vitest'
import { growthOf, leastOf } from './lib/growth.mjs'
import type { Cost } from './lib/types.mjs'

const SIZES = [16, 64, 256, 1_024]

/** Costs of sizes, by what the main thread takes for each and what work it is. */
const costs = (main: (size: number) => number, work: (size: number) => number = (size) => size): Cost[] =>
  SIZES.map((size) => ({
    main: main(size),
    work: work(size),
    threads: 0,
    redis: 0,
    wire: 0,
    held: 0,
    error: undefined,
  }))

const ofMain = (all: readonly Cost[], isNumber = false) => growthOf(all, { sizes: SIZES, isNumber })[0]!

describe('growth', () => {
  test('what grows as the work is in order, and by its square is found', () => {
    expect(ofMain(costs((size) => 1_000 * size))).toMatchObject({ exponent: 1, isTooFast: false })
    expect(ofMain(costs((size) => size * Math.log(size) * 1_000)).isTooFast).toBe(false)
    expect(ofMain(costs((size) => size ** 2))).toMatchObject({
      resource: 'main',
      cost: 1_024 ** 2,
      isTooFast: true,
    })
  })

  test('below the floor there is only noise', () => {
    expect(ofMain(costs((size) => size ** 2 / 1_000)).isTooFast).toBe(false)
  })

  test('what is stored beside it does not hide that the size grows', () => {
    expect(
      ofMain(
        costs(
          (size) => 1_000 * size,
          (size) => 10_000 + size,
        ),
      ).isTooFast,
    ).toBe(false)
  })

  test('a step to another way of doing it is none', () => {
    expect(ofMain(costs((size) => (size < 256 ? 0 : 1_000 * size))).isTooFast).toBe(false)
  })

  test('a number costs nothing to send: what grows as it does is found', () => {
    const all = costs(
      (size) => 1_000 * size,
      () => 100,
    )
    expect([ofMain(all).isTooFast, ofMain(all, true).isTooFast]).toEqual([false, true])
  })

  test('of several measurements the least counts', () => {
    const noisy = costs((size) => (size === 1_024 ? 1e9 : 1_000 * size))
    expect(ofMain(leastOf([noisy, costs((size) => 2_000 * size)])).cost).toBe(2_048_000)
  })
})
