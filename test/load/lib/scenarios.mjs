import { largePipeline, largeValues, smallPipeline } from './bulk.mjs'
import { active, idle } from './connections.mjs'
import { deafListener, neverReaders, slowReaders } from './slow.mjs'
import { createGround, MIB } from './subject.mjs'
import { trial } from './trial.mjs'

export const FULL = [
  idle({ connections: 10_000, holdSeconds: 10 }),
  active({ connections: 1_000, seconds: 20 }),
  slowReaders({ clients: 50, gets: 200, seconds: 20 }),
  neverReaders({ clients: 1, mostBytes: 64 * MIB, seconds: 10 }),
  neverReaders({ clients: 100, mostBytes: 32 * MIB, seconds: 10 }),
  deafListener({ mostBytes: 256 * MIB }),
  smallPipeline({ bytes: 100 * MIB }),
  largePipeline({ bytes: 100 * MIB }),
  largeValues({ connections: 50, seconds: 20 }),
]

/** Of each kind a little: for `npm test`. */
export const SMALL = [
  idle({ connections: 500, holdSeconds: 0.5 }),
  active({ connections: 50, seconds: 1 }),
  slowReaders({ clients: 5, gets: 100, seconds: 1 }),
  neverReaders({ clients: 2, mostBytes: 32 * MIB, seconds: 0.5 }),
  deafListener({ mostBytes: 128 * MIB }),
  smallPipeline({ bytes: 10 * MIB }),
  largePipeline({ bytes: 10 * MIB }),
  largeValues({ connections: 5, seconds: 1 }),
]

/**
 * Runs the scenarios, each before a fresh server, and answers their rows.
 * @param {readonly import('./trial.mjs').Scenario[]} scenarios
 * @param {{ say: (text: string) => void, warmSeconds?: number, dist?: string }} options
 */
export const runScenarios = async (scenarios, { say, warmSeconds = 2, dist }) => {
  /** @type {import('./trial.mjs').Row[]} */
  const rows = []
  const ground = await createGround(dist)
  try {
    for (const scenario of scenarios) {
      say(scenario.title)
      const row = await trial(ground, scenario, warmSeconds)
      rows.push(row)
      for (const { what, ok, value, limit, detail } of row.checks)
        if (!ok) say(`  BROKEN: ${what}: ${detail ?? `${value}, at most ${limit}`}`)
    }
  } finally {
    await ground.close()
  }
  return rows
}
