import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMMANDS } from '../../src/commands/table.ts'
import type { DataRow } from '../../src/registry/row.ts'
import * as syntax from '../../src/registry/syntax-items.ts'
import { ErrorReply } from '../../src/reply/reply.ts'
import { type Engine, startEngine } from '../helpers/engine.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { MAKERS, randomOf, wordsBy } from './lib/words.mjs'

// Commands made from the table's own syntax, grown four times and once more: what the backing Redis is sent,
// sends back and looks up may grow as the command does, and no faster. The words are picked at random, from
// AUTOMATION_KV_TEST_SEED or a seed that is printed.

const SEED = Number(process.env.AUTOMATION_KV_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const SIZES = [16, 64, 256] as const
const ELEMENTS = 64
/** Replies and headers of a few bytes, and digits that grow with a number. */
const SLACK_BYTES = 4_096
const SLACK_KEYS = 16

const wordsOf = wordsBy(syntax)

const LEAVES = [...COMMANDS.rows.values()].flatMap((row) =>
  row.kind === 'container' ? [...row.subcommands.values()] : [row],
)

const REPEATING = LEAVES.filter(
  (row): row is DataRow =>
    row.kind === 'data' &&
    row.blocking === undefined &&
    row.syntax.includes('...') &&
    !row.flags.includes('noscript'),
)

interface Cost {
  readonly sent: number
  readonly received: number
  readonly keys: number
  readonly refused: boolean
}

let redis: TestRedis
let engine: Engine
beforeAll(async () => {
  process.stderr.write(`cost search: AUTOMATION_KV_TEST_SEED=${SEED}\n`)
  redis = await startRedis()
  engine = await startEngine(redis.url, { maxKeys: 100_000 })
  // What the connection asks when it is made is no cost of a command.
  await engine.redis.ping()
})
afterAll(async () => {
  await engine.close()
  await redis.stop()
})

const counters = async (): Promise<Omit<Cost, 'refused'>> => {
  const stats = await engine.redis.info('stats')
  const of = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(stats)![1])
  return {
    sent: of('total_net_input_bytes'),
    received: of('total_net_output_bytes'),
    keys: of('keyspace_hits') + of('keyspace_misses'),
  }
}

let automations = 0
async function costOf(row: DataRow, args: readonly string[], elements: number): Promise<Cost> {
  const id = `cost-${++automations}`
  const make = MAKERS[row.group]
  if (make !== undefined) await engine.run(id, make(elements))
  const before = await counters()
  const reply = await engine.run(id, args)
  const after = await counters()
  return {
    sent: after.sent - before.sent,
    received: after.received - before.received,
    keys: after.keys - before.keys,
    refused: reply instanceof ErrorReply,
  }
}

/**
 * From the second size to the third a cost may grow by four times what it grew from the first to the second.
 */
function expectLinear(costs: readonly Cost[]): void {
  const [small, medium, large] = costs as [Cost, Cost, Cost]
  const slack = { sent: SLACK_BYTES, received: SLACK_BYTES, keys: SLACK_KEYS }
  for (const what of ['sent', 'received', 'keys'] as const) {
    expect(large[what] - medium[what], what).toBeLessThanOrEqual(
      4.5 * Math.max(0, medium[what] - small[what]) + slack[what],
    )
  }
}

let understood = 0
for (const names of ['one', 'different'] as const) {
  test.each(REPEATING.map((row) => [row.name, row] as const))(
    `a longer %s, its names ${names === 'one' ? 'alike' : 'different'}`,
    async (_name, row) => {
      for (let round = 0; round < 3; round++) {
        const costs: Cost[] = []
        let shown: string[] = []
        for (const size of SIZES) {
          shown = wordsOf(row, { size, names }, randomOf(SEED + round))
          costs.push(await costOf(row, shown, ELEMENTS))
        }
        if (costs.every(({ refused }) => !refused)) understood++
        expectLinear(costs)
        // A key that is named again is not looked up again.
        if (names === 'one' && row.flags.includes('readonly'))
          expect(costs[2]!.keys - costs[0]!.keys).toBeLessThanOrEqual(SLACK_KEYS)
      }
    },
  )
}

test('most of these commands were understood', () => {
  expect(understood).toBeGreaterThan(REPEATING.length * 2)
})

const PLAIN = LEAVES.filter(
  (row): row is DataRow =>
    row.kind === 'data' &&
    row.blocking === undefined &&
    MAKERS[row.group] !== undefined &&
    row.keys.first === 1,
)

test.each(PLAIN.map((row) => [row.name, row] as const))('%s on a larger key', async (_name, row) => {
  const args = wordsOf(row, { size: 1, names: 'one' }, randomOf(SEED))
  const costs: Cost[] = []
  for (const size of SIZES) costs.push(await costOf(row, args, size))
  expectLinear(costs)
})
