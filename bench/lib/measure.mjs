// Runs rows of work in turn, A B A B, so that whatever else the machine does meets all contenders alike.
import { Stop } from '../../scripts/lib/project.mjs'
import { Client } from './client.mjs'
import { onOneProcessor } from './one-processor.mjs'
import { cpuMicros } from './processes.mjs'
import { spread } from './statistics.mjs'

export const flush = async ({ redis }) => {
  const client = await Client.open(redis)
  await client.call(['FLUSHALL'])
  client.close()
}

/** One timed run with the processor time that the contender itself took for each command. */
const timed = async (workload, contender, options) => {
  const before = cpuMicros(contender.pid)
  const result = await workload.run(contender.target, { ...options, contender: contender.id })
  const after = cpuMicros(contender.pid)
  return {
    ...result,
    cpu: before === undefined || after === undefined ? undefined : (after - before) / result.count,
  }
}

/**
 * Rounds of one row over all contenders that can do it. Answers a row for the report: `cells` by contender,
 * each with the spread of `rate` (commands a second), `p50`, `p99` (ms) and `cpu` (microseconds of the
 * contender's process for a command).
 */
export const measure = async (stage, workload, contenders, options) => {
  const able = contenders.filter(({ id }) => !workload.lacks.includes(id))
  const run = () => inTurn(stage, workload, able, options)
  if (!workload.latency) return run()
  const pids = new Set([stage.redis.pid, ...able.map(({ pid }) => pid)])
  return onOneProcessor([...pids], options.say, run)
}

const inTurn = async (stage, workload, able, { rounds, seconds, say }) => {
  const runs = new Map(able.map(({ id }) => [id, []]))
  const rates = new Map()
  await flush(stage)
  // Cold rates are low: two runs warm up, and say how long the others have to be. What V8 compiles depends on
  // the number of calls, so one command at a time takes longer to warm up.
  const warmSeconds = Math.min(workload.latency ? 2 : 0.4, seconds * 2)
  for (let round = -2; round < rounds; round++) {
    for (const contender of able.filter(({ id }) => runs.has(id))) {
      try {
        const lasts = round < 0 ? warmSeconds : seconds
        const result = await timed(workload, contender, { seconds: lasts, rate: rates.get(contender.id) })
        if (round < 0) rates.set(contender.id, result.rate)
        else runs.get(contender.id).push(result)
      } catch (error) {
        if (!(error instanceof Stop)) throw error
        say(`${workload.id}: ${contender.id} is left out: ${error.message.split('\n')[0]}`)
        runs.delete(contender.id)
      }
    }
  }
  const cells = {}
  for (const [id, results] of runs) {
    cells[id] = Object.fromEntries(
      ['rate', 'p50', 'p99', 'cpu'].map((name) => [name, spread(results.map((result) => result[name]))]),
    )
  }
  const { id, title, door, latency = false } = workload
  return { id, title, door, latency, cells }
}
