// Many keys of other automations, straight into the Redis, as the server would have left them.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Stop } from '../../scripts/lib/project.mjs'

/** Length of a sealed value of 100 bytes: what is stored of it is a compact JWE. */
const SEALED_BYTES = 320

const request = (...args) =>
  `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`

/** An automation's id as the platform makes them: a UUID. */
const idOf = (index) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`

/**
 * Stores automations `from` to `to`, of `keysEach` keys each: values, index and version. See
 * docs/architecture.md, "Scripts and index".
 */
export const fillOthers = async ({ redis }, { from, to, keysEach }) => {
  const child = spawn('redis-cli', ['-p', String(redis.port), '--pipe'], {
    env: { ...process.env, REDISCLI_AUTH: redis.password },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => (output += chunk))
  const ended = once(child, 'close')
  child.stdin.on('error', () => {})
  // Random text is cut at ever other places instead of being made anew for each value.
  const pool = randomBytes(1024 * 1024).toString('base64url')
  const now = Date.now()
  for (let automation = from; automation < to; automation++) {
    const base = `kv:{${idOf(automation)}}`
    const parts = [request('SET', `${base}:v`, String(keysEach))]
    // An index of many keys is written in pieces.
    for (let first = 0; first < keysEach; first += 500) {
      const entries = []
      for (let key = first; key < Math.min(keysEach, first + 500); key++) {
        const name = `customer:${key}:state`
        const at = (automation * 7_919 + key * 104_729) % (pool.length - SEALED_BYTES)
        parts.push(request('SET', `${base}:k:${name}`, pool.slice(at, at + SEALED_BYTES)))
        entries.push(name, `${now}:${now}:${key + 1}:0`)
      }
      parts.push(request('HSET', `${base}:i`, ...entries))
    }
    if (!child.stdin.write(parts.join(''))) await Promise.race([once(child.stdin, 'drain'), ended])
  }
  child.stdin.end()
  await ended
  if (!/errors: 0,/.test(output)) throw new Stop(`redis-cli --pipe: ${output.slice(-500)}`)
}
