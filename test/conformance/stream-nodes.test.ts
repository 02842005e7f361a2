import fc from 'fast-check'
import { expect, test } from 'vitest'
import { useComparison } from './lib/comparison.ts'

const comparison = useComparison()
let automations = 0

/** Adds entries, each with what XADD is told before its id, and tells how many are left. */
const ADD = `
  local calls = cjson.decode(ARGV[1])
  local left = {}
  for _, call in ipairs(calls) do
    redis.call(unpack(call))
    left[#left + 1] = redis.call('XLEN', 's')
  end
  return left
`
/** Few enough that a script stays far below its time limit. */
const ENTRIES_OF_A_SCRIPT = 20

const word = fc.oneof(
  fc.integer({ min: -70_000, max: 70_000 }).map(String),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n }).map(String),
  fc.tuple(fc.integer({ min: 1, max: 700 }), fc.constantFrom('a', 'é')).map(([n, c]) => c.repeat(n)),
)
const fields = fc
  .array(fc.tuple(fc.constantFrom('f', 'name', '12'), word), { minLength: 1, maxLength: 3 })
  .map((pairs) => pairs.flat())
const trims = fc.constantFrom(
  ['MAXLEN', '~', '10'],
  ['MAXLEN', '~', '0'],
  ['MAXLEN', '~', '150', 'LIMIT', '0'],
  ['MINID', '~', '1100'],
)

/** Of an integer, or a list of them. */
const numbersOf = (reply: Buffer): string[] => reply.toString().match(/(?<=:)\d+/g) ?? []

test('approximate trimming in scripts takes the nodes that Redis would have', {
  timeout: 120_000,
}, async () => {
  const streams = fc.tuple(
    fc.integer({ min: 1, max: 300 }),
    trims,
    fc.array(fields, { minLength: 1, maxLength: 4 }),
    fc.constantFrom(1, 300, 70_000),
  )
  await fc.assert(
    fc.asyncProperty(streams, async ([count, trim, entries, step]) => {
      await comparison.reference.clear()
      const automation = `nodes-${++automations}`
      const same = async (...words: string[]): Promise<void> => {
        const args = words.map((word) => Buffer.from(word))
        const [expected] = await comparison.reference.run(args)
        const ours = await comparison.engine.run(automation, args, { computed: true })
        expect([ours].flat().map(String)).toEqual([numbersOf(expected)].flat())
      }
      const calls = Array.from({ length: count }, (_, i) => [
        'XADD',
        's',
        ...trim,
        `${1_000 + i * step}-${i % 7}`,
        ...entries[i % entries.length]!,
      ])
      for (let at = 0; at < count; at += ENTRIES_OF_A_SCRIPT)
        await same('EVAL', ADD, '0', JSON.stringify(calls.slice(at, at + ENTRIES_OF_A_SCRIPT)))
      await same('XTRIM', 's', 'MINID', '~', String(1_000 + Math.floor(count / 2) * step))
      await same('XTRIM', 's', 'MAXLEN', '~', '3', 'LIMIT', '60')
    }),
    { numRuns: 40 },
  )
})
