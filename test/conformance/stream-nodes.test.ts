import fc from 'fast-check'
import { expect, test } from 'vitest'
import { useComparison } from './lib/comparison.ts'

const comparison = useComparison()
let automations = 0

/** Adds entries one by one, each with what XADD is told before its id, and tells how many are left. */
const SCRIPT = `
  local left = {}
  for i = 1, tonumber(ARGV[1]) do
    local call = { 'XADD', 's' }
    for j = 3, tonumber(ARGV[2]) + 2 do call[#call + 1] = ARGV[j] end
    call[#call + 1] = (1000 + i * tonumber(ARGV[#ARGV])) .. '-' .. (i % 7)
    local fields = cjson.decode(ARGV[#ARGV - 1 - i % (#ARGV - 3 - tonumber(ARGV[2]))])
    for _, word in ipairs(fields) do call[#call + 1] = word end
    redis.call(unpack(call))
    if i % 10 == 0 then left[#left + 1] = redis.call('XLEN', 's') end
  end
  left[#left + 1] = redis.call('XTRIM', 's', 'MINID', '~', tostring(1000 + math.floor(tonumber(ARGV[1]) / 2) * tonumber(ARGV[#ARGV])))
  left[#left + 1] = redis.call('XTRIM', 's', 'MAXLEN', '~', '3', 'LIMIT', '60')
  return left
`

const word = fc.oneof(
  fc.integer({ min: -70_000, max: 70_000 }).map(String),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n }).map(String),
  fc.tuple(fc.integer({ min: 1, max: 700 }), fc.constantFrom('a', 'é')).map(([n, c]) => c.repeat(n)),
)
const fields = fc
  .array(fc.tuple(fc.constantFrom('f', 'name', '12'), word), { minLength: 1, maxLength: 3 })
  .map((pairs) => JSON.stringify(pairs.flat()))
const trims = fc.constantFrom(
  ['MAXLEN', '~', '10'],
  ['MAXLEN', '~', '0'],
  ['MAXLEN', '~', '150', 'LIMIT', '0'],
  ['MINID', '~', '1100'],
)

test('approximate trimming in scripts takes the nodes that Redis would have', {
  timeout: 120_000,
}, async () => {
  const scripts = fc.tuple(
    fc.integer({ min: 1, max: 300 }),
    trims,
    fc.array(fields, { minLength: 1, maxLength: 4 }),
    fc.constantFrom(1, 300, 70_000),
  )
  await fc.assert(
    fc.asyncProperty(scripts, async ([count, trim, entries, step]) => {
      await comparison.reference.clear()
      const args = ['EVAL', SCRIPT, '0', count, trim.length, ...trim, ...entries, step].map((arg) =>
        Buffer.from(String(arg)),
      )
      const [expected] = await comparison.reference.run(args)
      const ours = await comparison.engine.run(`nodes-${++automations}`, args)
      const text = `*${(ours as number[]).length}\r\n${(ours as number[]).map((n) => `:${n}\r\n`).join('')}`
      expect(text).toBe(expected.toString())
    }),
    { numRuns: 60 },
  )
})
