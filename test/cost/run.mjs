// npm run test:cost [-- options]: looks for requests whose cost grows faster than they do.
import { randomInt } from 'node:crypto'
import { stopAll } from '../../bench/lib/processes.mjs'
import { ensureBuild } from '../../scripts/lib/build.mjs'
import { ensureDependencies } from '../../scripts/lib/dependencies.mjs'
import { optionsOf } from '../../scripts/lib/options.mjs'
import { run, Stop, say } from '../../scripts/lib/project.mjs'
import { ensureRedis } from '../../scripts/lib/redis.mjs'

const HELP = `npm run test:cost [-- options]

  Makes commands, scripts and REST bodies of growing sizes, and reports those whose time on the main thread,
  on all threads and in the Redis, whose bytes to and from the Redis or whose memory grow faster than the
  bytes that are sent, stored and answered. Ends with 1 when there are any.

  --minutes <n>      how long new cases are begun (10); a round of all takes about that long
  --seed <n>         repeats the choices of an earlier run
  --only <regexp>    those cases whose name it matches, as in 'ZADD: elements'
  --list             only names the cases
  --worst <n>        how many are shown at the end (15)
  --json             all that was measured as JSON on standard output
`

const values = optionsOf(HELP, {
  minutes: { type: 'string', default: '10' },
  seed: { type: 'string' },
  only: { type: 'string', default: '' },
  list: { type: 'boolean' },
  worst: { type: 'string', default: '15' },
  json: { type: 'boolean' },
})

/** @param {string} name @param {string} value */
const number = (name, value) => {
  if (!(Number(value) >= 0)) throw new Stop(`--${name} takes a number`)
  return Number(value)
}

/** On a terminal one line that is written over. @param {string} text */
const progress = (text) => {
  if (process.stderr.isTTY)
    process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`)
}

await run(async () => {
  const minutes = number('minutes', String(values.minutes))
  const shown = number('worst', String(values.worst))
  const seed = values.seed === undefined ? randomInt(2 ** 31) : number('seed', String(values.seed))
  const only = new RegExp(String(values.only))
  ensureDependencies()
  ensureBuild()
  ensureRedis()
  const { casesOf } = await import('./lib/cases.mjs')
  const { isUnderstood, jsonOf, lineOf, MOST_EXPONENT, search, worst } = await import('./lib/search.mjs')
  const { NotMeasured, startSubject } = await import('./lib/subject.mjs')

  const nameOf = (/** @type {import('./lib/types.mjs').Case} */ { name, grows }) => `${name}: ${grows}`
  const casesOfRound = async (/** @type {number} */ round) =>
    (await casesOf(seed + round)).filter((one) => only.test(nameOf(one)))
  const first = await casesOfRound(0)
  if (first.length === 0) throw new Stop(`no case's name matches ${only}; see --list`)
  if (values.list) {
    process.stdout.write(first.map((one) => `${nameOf(one)}\n`).join(''))
    return 0
  }
  say(`cost search of ${first.length} cases, --seed ${seed}`)
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => {
      stopAll()
      process.exit(130)
    })

  /** @type {import('./lib/search.mjs').Measured[]} */
  const measured = []
  const endsAt = performance.now() + minutes * 60_000
  const subject = await startSubject()
  try {
    for (let round = 0; performance.now() < endsAt; round++)
      for (const one of await casesOfRound(round)) {
        if (performance.now() >= endsAt) break
        progress(`${measured.length + 1}, round ${round + 1} of ${first.length}: ${nameOf(one)}`)
        const result = await search(subject.measure, one).catch((error) => {
          if (!(error instanceof NotMeasured)) throw error
          progress('')
          say(error.message)
        })
        if (result === undefined) continue
        measured.push(result)
        if (!result.isFound) continue
        progress('')
        say(`found in round ${round + 1}: ${lineOf(result)}`)
      }
  } finally {
    progress('')
    await subject.close()
  }

  const found = measured.filter(({ isFound }) => isFound).length
  if (values.json)
    process.stdout.write(`${JSON.stringify({ seed, most: MOST_EXPONENT, cases: measured.map(jsonOf) })}\n`)
  else process.stdout.write(`${worst(measured, shown).map(lineOf).join('\n')}\n`)
  say(
    `${measured.length} cases measured of ${first.length} in a round, ${measured.filter(isUnderstood).length} of ` +
      `them understood, ${found} grow by an exponent above ${MOST_EXPONENT}; --seed ${seed}`,
  )
  return found === 0 ? 0 : 1
})
