// Child processes of the benchmark: each is started, waited for, and stopped by its own handle.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { Stop } from '../../scripts/lib/project.mjs'

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()

/**
 * A port that was free a moment ago, for programs that cannot pick one by themselves.
 * @returns {Promise<number>}
 */
export const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
      server.close(() => resolve(port))
    })
  })

/**
 * @typedef {object} StartOptions
 * @property {(output: string) => boolean} [isReady]
 * @property {number} [port]
 * @property {NodeJS.ProcessEnv} [env] beyond the environment of this process
 * @property {number} [timeoutMs]
 * @property {(chunk: Buffer) => void} [onOutput]
 */

/**
 * A program that is ready.
 * @typedef {object} Running
 * @property {number} pid
 * @property {string} output what it had printed when it was ready
 * @property {(signal?: NodeJS.Signals) => Promise<void>} stop resolves when it has ended
 * @property {number} readyMs
 */

/**
 * Starts a program and resolves when `isReady` is true of all that it has printed so far or, without that,
 * when `port` accepts. `readyMs` is the time that took. `onOutput` gets what it prints, to the end.
 * @param {string} command
 * @param {string[]} args
 * @param {StartOptions} options
 * @returns {Promise<Running>}
 */
export const start = (
  command,
  args,
  { isReady = () => false, port, env = {}, timeoutMs = 15_000, onOutput = () => {} },
) =>
  new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const child = spawn(command, args, { env: { ...cleanEnv(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    let output = ''
    let ready = false
    const timer = setTimeout(() => fail('was not ready in time'), timeoutMs)
    const exited = new Promise((done) => child.once('close', done))
    const fail = (/** @type {string} */ why) => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(new Stop(`${command} ${args[0] ?? ''} ${why}:\n${output.slice(-2_000)}`))
    }
    const began = () => {
      if (ready) return
      ready = true
      clearTimeout(timer)
      const stop = async (/** @type {NodeJS.Signals} */ signal = 'SIGTERM') => {
        const last = setTimeout(() => child.kill('SIGKILL'), 10_000)
        child.kill(signal)
        await exited
        clearTimeout(last)
      }
      resolve({ pid: Number(child.pid), output, stop, readyMs: performance.now() - startedAt })
    }
    const read = (/** @type {Buffer} */ chunk) => {
      onOutput(chunk)
      if (ready) return
      output += chunk
      if (isReady(output)) began()
    }
    const knock = () => {
      if (ready || child.exitCode !== null) return
      const socket = connect(Number(port), '127.0.0.1', () => {
        socket.destroy()
        began()
      })
      socket.on('error', () => setTimeout(knock, 5))
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    if (port !== undefined) knock()
    child.on('error', (error) => fail(error.message))
    child.once('close', () => {
      running.delete(child)
      if (!ready) fail('ended')
    })
  })

/** Settings of the shell must not reach the contenders. */
const cleanEnv = () =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:REDIS|AUTOMATION_|NODE_)/.test(name)),
  )

/**
 * Runs a program to its end.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, allowFailure?: boolean }} options
 * @returns {Promise<{ stdout: string, stderr: string, code: number | null }>}
 */
export const finish = (command, args, { env = {}, allowFailure = false } = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    const out = { stdout: '', stderr: '' }
    for (const name of /** @type {const} */ (['stdout', 'stderr']))
      child[name].setEncoding('utf8').on('data', (chunk) => (out[name] += chunk))
    child.on('error', reject)
    child.once('close', (code) => {
      running.delete(child)
      if (code === 0 || allowFailure) resolve({ ...out, code })
      else reject(new Stop(`${command} ended with ${code}:\n${(out.stderr || out.stdout).slice(-2_000)}`))
    })
  })

export const stopAll = () => {
  for (const child of running) child.kill('SIGKILL')
}

/**
 * Processor time of a process and its children so far, in microseconds; undefined where there is no /proc.
 * See proc(5), fields utime and stime.
 * @param {number} pid
 * @returns {number | undefined}
 */
export const cpuMicros = (pid) => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    return children.reduce(
      (sum, child) => sum + (cpuMicros(Number(child)) ?? 0),
      (Number(fields[11]) + Number(fields[12])) * 10_000,
    )
  } catch {
    return undefined
  }
}

/** Resident memory in bytes. @param {number} pid */
export const residentBytes = async (pid) =>
  Number((await finish('ps', ['-o', 'rss=', '-p', String(pid)])).stdout) * 1024
