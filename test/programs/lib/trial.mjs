// One program against both servers.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** @typedef {import('./types.mjs').Program} Program */
/** @typedef {import('./types.mjs').Told} Told */
/** @typedef {import('./types.mjs').Result} Result */
/** @typedef {import('./hosts.mjs').Host} Host */

const LIMIT_MS = 300_000

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()
export const stopTrials = () => {
  for (const child of running) child.kill('SIGKILL')
}

/**
 * Runs a scenario to its end. It tells a line of JSON each: `{"version"}` and `{"check","ms","error"}`.
 * @param {readonly string[]} argv
 * @param {Host} host
 * @param {Record<string, string>} env
 * @returns {Promise<{ version: string, told: Told[] }>}
 */
const play = async ([command = '', ...args], { port, password }, env) => {
  const child = spawn(command, args, {
    env: {
      ...process.env,
      KV_HOST: '127.0.0.1',
      KV_PORT: String(port),
      KV_PASSWORD: password,
      PYTHONDONTWRITEBYTECODE: '1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  running.add(child)
  let version = ''
  let errors = ''
  /** @type {Told[]} */
  const told = []
  child.stderr.on('data', (chunk) => (errors = `${errors}${chunk}`.slice(-4_000)))
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    if (!line.startsWith('{"')) return
    const read = JSON.parse(line)
    if (read.version !== undefined) version = read.version
    if (read.check !== undefined) told.push(read)
  })
  const [code, signal] = await once(child, 'close').catch((error) => [error.message])
  running.delete(child)
  if (code !== 0)
    told.push({ check: 'the program ends', ms: 0, error: `ended with ${code ?? signal}: ${errors.trim()}` })
  return { version, told }
}

/** What the server says of commands that it does not offer on purpose. */
const REFUSED = /'[^']+' is not offered: [^\r\n"]+/

/**
 * @param {Told[]} redis
 * @param {Told[]} ours
 * @returns {Result[]}
 */
const compare = (redis, ours) => {
  const names = [...new Set([...redis, ...ours].map(({ check }) => check))]
  return names.map((check) => {
    const plain = redis.find((one) => one.check === check)
    const own = ours.find((one) => one.check === check)
    const times = { redisMs: plain?.ms ?? 0, ms: own?.ms ?? 0 }
    const withRedis = plain === undefined ? 'did not run' : plain.error
    if (withRedis !== undefined && check !== 'the program ends')
      return { check, status: 'fail', ...times, note: `with Redis: ${withRedis}` }
    const error = own === undefined ? (check === 'the program ends' ? withRedis : 'did not run') : own.error
    if (error === undefined) return { check, status: 'ok', ...times }
    const refusal = REFUSED.exec(error)?.[0]
    return { check, status: refusal === undefined ? 'fail' : 'refused', ...times, note: refusal ?? error }
  })
}

/**
 * @param {Program} program
 * @param {readonly string[]} argv
 * @param {{ plain: () => Promise<Host>, ours: (automation: string) => Host }} hosts
 */
export const tryProgram = async ({ id, name, language, env = {} }, argv, hosts) => {
  const redis = await play(argv, await hosts.plain(), env)
  const ours = await play(argv, hosts.ours(`program-${id}-${Date.now()}`), env)
  return {
    id,
    name,
    language,
    version: ours.version || redis.version,
    date: new Date().toISOString().slice(0, 10),
    checks: compare(redis.told, ours.told),
  }
}
