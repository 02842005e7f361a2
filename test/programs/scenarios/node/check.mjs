// What the scenarios in JavaScript share: where the server is, and how they tell what worked.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

export const host = String(process.env.KV_HOST)
export const port = Number(process.env.KV_PORT)
export const password = String(process.env.KV_PASSWORD)
export const url = `redis://:${password}@${host}:${port}`

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

/** Tells the version of the program, from the package that is installed beside the scenarios. */
export const version = (name) =>
  tell({
    version: JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url), 'utf8'))
      .version,
  })

const LIMIT_MS = Number(process.env.KV_CHECK_LIMIT_MS ?? 30_000)

/** Runs a check and tells how long it took, or why it failed. */
export const check = async (name, run) => {
  const late = AbortSignal.timeout(LIMIT_MS)
  const began = performance.now()
  const done = (error) => tell({ check: name, ms: Math.round(performance.now() - began), error })
  try {
    const end = once(late, 'abort').then(() => {
      throw new Error(`no end after ${LIMIT_MS / 1_000} s`)
    })
    await Promise.race([run(), end])
    done()
  } catch (error) {
    done(error instanceof Error ? `${error.name}: ${error.message}` : String(error))
  }
}

/** Asks until it is true; the limit of the check ends it. */
export const until = async (isTrue, everyMs = 10) => {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, everyMs))
}

/** Connections of some programs have no end of their own. */
export const end = () => process.exit(0)

process.on('unhandledRejection', (error) => process.stderr.write(`unhandled: ${error?.stack ?? error}\n`))
