// npm start: installs, builds and finds a Redis as far as needed, then runs the server in this terminal.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { ensureBuild } from './lib/build.mjs'
import { ensureDependencies } from './lib/dependencies.mjs'
import { root, run } from './lib/project.mjs'
import { ensureRedis } from './lib/redis.mjs'

const args = process.argv.slice(2)

/**
 * Whether the settings name a Redis; a file that cannot be read is left to the server, which says what is
 * wrong with it.
 */
const namesRedis = () => {
  if (process.env.REDIS_URL) return true
  const at = args.findIndex((arg) => arg === '--config' || arg.startsWith('--config='))
  if (at === -1) return false
  try {
    return Boolean(
      JSON.parse(readFileSync(args[at]?.slice('--config='.length) || String(args[at + 1]), 'utf8')).REDIS_URL,
    )
  } catch {
    return true
  }
}

const SAME_KEYPRESS_MS = 500

/** Runs the server to its end; resolves with its exit code. @returns {Promise<number>} */
const serve = () =>
  new Promise((resolve, reject) => {
    // In a process group of its own it hears a Ctrl-C once, from here, and not also from the terminal.
    const server = spawn(process.execPath, [join(root, 'dist/main.js'), 'serve', ...args], {
      stdio: 'inherit',
      detached: true,
    })
    let last = -Infinity
    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => {
      // Both the terminal and npm pass a Ctrl-C on to this process; a second one to the server means "at
      // once".
      const now = performance.now()
      if (now - last > SAME_KEYPRESS_MS) server.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal)
      last = now
    }
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, forward)
    process.once('exit', () => server.kill('SIGTERM'))
    server.once('error', reject)
    server.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']))
  })

await run(() => {
  ensureDependencies()
  ensureBuild()
  // Production never runs a Redis of its own: the server refuses to start without REDIS_URL.
  if (!namesRedis() && process.env.NODE_ENV !== 'production') ensureRedis()
  return serve()
})
