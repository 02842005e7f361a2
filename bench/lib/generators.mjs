// The two load generators that are not ours, and what they print.
import { Agent, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { Stop } from '../../scripts/lib/project.mjs'
import { finish } from './processes.mjs'

const WRK_SCRIPT = fileURLToPath(new URL('../rest.lua', import.meta.url))

/**
 * Of REST; `{key}` in the path becomes a name.
 * @typedef {{ method: string, path: string, body?: string }} Request
 */

/** @typedef {{ connections?: number, pipeline?: number, keys?: number, bytes?: number }} Shape */

/** @param {string} line */
const columnsOf = (line) => [...line.matchAll(/"((?:[^"]|"")*)"/g)].map(([, text]) => text)

/**
 * `command`: arguments of redis-benchmark after the options. Answers commands a second and the latency of a
 * turn (a pipeline) in ms.
 * @param {import('./client.mjs').Target} target
 * @param {Shape & { command: string[], requests: number }} work
 */
export const redisBenchmark = async (
  { port, password },
  { connections = 50, pipeline = 1, keys, bytes, command, requests },
) => {
  /** @type {(string | number | undefined)[]} */
  const options = [
    '-h',
    '127.0.0.1',
    '-p',
    port,
    '-a',
    password,
    '-c',
    connections,
    '-P',
    pipeline,
    '-n',
    requests,
  ]
  options.push('--csv', '--precision', 3)
  if (keys !== undefined) options.push('-r', keys)
  if (bytes !== undefined) options.push('-d', bytes)
  const { stdout, stderr } = await finish('redis-benchmark', [...options, ...command].map(String))
  const failure = /Error from server[^\n]*/.exec(stdout + stderr)
  if (failure !== null) throw new Stop(`redis-benchmark ${command.join(' ').slice(0, 60)}: ${failure[0]}`)
  const [, rate, , , p50, , p99] = columnsOf(stdout.trim().split('\n').at(-1) ?? '')
  if (!(Number(rate) > 0))
    throw new Stop(`redis-benchmark ${command.join(' ').slice(0, 60)} measured nothing:\n${stdout}${stderr}`)
  return { rate: Number(rate), p50: Number(p50), p99: Number(p99), count: requests }
}

/**
 * One request of REST, many times. `{key}` in the path becomes one of `keys` names. wrk counts whole seconds
 * only.
 * @param {import('./client.mjs').Target} target
 * @param {Request & { connections?: number, keys?: number, seconds: number }} work
 */
export const wrk = async (
  { port, authorization },
  { method, path, body, connections = 50, keys = 1_000, seconds },
) => {
  const args = ['-t1', `-c${connections}`, `-d${Math.max(1, Math.round(seconds))}s`, '-s', WRK_SCRIPT]
  const headers = ['-H', `Authorization: ${authorization}`, '-H', 'Content-Type: application/json']
  const { stdout } = await finish('wrk', [
    ...args,
    ...headers,
    `http://127.0.0.1:${port}`,
    '--',
    method,
    path,
    body ?? '',
    String(keys),
  ])
  const { rate, p50, p99, count, failed } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  if (failed > 0 || count === 0)
    throw new Stop(`wrk ${method} ${path}: ${failed} of ${count} requests failed`)
  return { rate, p50, p99, count }
}

/**
 * One request for each of the names that wrk uses, so that later ones find them all.
 * @param {import('./client.mjs').Target} target
 * @param {Request} what
 * @param {number} keys
 */
export const requestEach = async ({ port, authorization }, { method, path, body }, keys) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 20 })
  const headers = { authorization, 'content-type': 'application/json' }
  /** @param {number} index @returns {Promise<void>} */
  const one = (index) =>
    new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port,
        method,
        path: path.replace('{key}', `bench:${index}`),
        headers,
        agent,
      }
      const sent = request(options, (response) => {
        const { statusCode = 0 } = response.resume()
        response.on('end', () =>
          statusCode < 300 ? resolve() : reject(new Stop(`${method} ${path}: ${statusCode}`)),
        )
      })
      sent.on('error', reject).end(body)
    })
  await Promise.all(Array.from({ length: keys }, (_, index) => one(index)))
  agent.destroy()
}
