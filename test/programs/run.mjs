// npm run test:programs [-- options]: real programs built on Redis, with a plain Redis and with the product.
import { stopAll } from '../../bench/lib/processes.mjs'
import { ensureBuild } from '../../scripts/lib/build.mjs'
import { ensureDependencies } from '../../scripts/lib/dependencies.mjs'
import { optionsOf } from '../../scripts/lib/options.mjs'
import { run, Stop, say } from '../../scripts/lib/project.mjs'
import { ensureRedis } from '../../scripts/lib/redis.mjs'

const HELP = `npm run test:programs [-- options]

  Installs programs built on Redis (queues, locks, caches, rate limits, sessions) from the registries of npm,
  PyPI, Go and Maven into .tmp/programs, and runs a scenario of each with a plain Redis and with this server.
  What a program needs and this machine lacks is told, and it is skipped. Results are kept in
  docs/data/programs.json, for docs/compatibility.md (npm run docs). Ends with 1 when a check fails.

  --only <ids>    these programs, as in bullmq,rq
  --list          only names the programs
  --no-write      keeps no results
  --cpu-prof <d>  profiles of the server are written into this folder
`

const values = optionsOf(HELP, {
  only: { type: 'string' },
  list: { type: 'boolean' },
  'no-write': { type: 'boolean' },
  'cpu-prof': { type: 'string' },
})

await run(async () => {
  ensureDependencies()
  const { PROGRAMS } = await import('./lib/catalog.mjs')
  const ids = values.only === undefined ? undefined : String(values.only).split(',')
  const unknown = (ids ?? []).filter((id) => !PROGRAMS.some((program) => program.id === id))
  if (unknown.length > 0) throw new Stop(`no program is named ${unknown.join(', ')}; see --list`)
  const programs = PROGRAMS.filter(({ id }) => ids === undefined || ids.includes(id))
  if (values.list) {
    for (const { id, name, language } of programs) process.stdout.write(`${id}: ${name} (${language})\n`)
    return 0
  }
  ensureBuild()
  ensureRedis()
  const { startHosts } = await import('./lib/hosts.mjs')
  const { install, missing } = await import('./lib/install.mjs')
  const { lineOf, statusOf, write } = await import('./lib/rows.mjs')
  const { stopTrials, tryProgram } = await import('./lib/trial.mjs')
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => {
      stopTrials()
      stopAll()
      process.exit(130)
    })

  const counts = { ok: 0, refused: 0, fail: 0, skipped: 0 }
  const profile = values['cpu-prof']
  const hosts = await startHosts(
    profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', String(profile)],
  )
  try {
    for (const [i, program] of programs.entries()) {
      say(`${i + 1} of ${programs.length}: ${program.name}`)
      const reason = await missing(program)
      if (reason !== undefined) {
        counts.skipped++
        process.stdout.write(`skipped  ${program.id}: ${reason}\n`)
        continue
      }
      const row = await tryProgram(program, await install(program), hosts)
      counts[statusOf(row)]++
      process.stdout.write(lineOf(row))
      if (!values['no-write']) write(row, PROGRAMS)
    }
  } finally {
    await hosts.close()
  }
  say(
    `${counts.ok} programs work, ${counts.refused} meet what is not offered, ${counts.fail} fail, ` +
      `${counts.skipped} were skipped`,
  )
  return counts.fail === 0 && counts.skipped < programs.length ? 0 : 1
})
