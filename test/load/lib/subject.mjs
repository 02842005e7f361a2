// The server under test: a process of its own before a Redis of its own, and what is known of its memory.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createStage, startServer } from '../../../bench/lib/contenders.mjs'
import { stopAll } from '../../../bench/lib/processes.mjs'
import { root, Stop } from '../../../scripts/lib/project.mjs'

export const MIB = 1024 * 1024

/** Nothing is left behind when the run is interrupted. */
export const stopOnSignal = () => {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      stopAll()
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
      process.exit(130)
    })
  }
}
/** @type {Set<string>} */
const folders = new Set()

/** What the server logs when something is wrong inside. */
const FAULT = /internal error|unforeseen|scripts could not be loaded|uncaught|heap out of memory/i

/** A Redis and a copy of the build (another one with `built`), which may be replaced during a long run. */
export const createGround = async (built = join(root, 'dist')) => {
  if (process.platform !== 'linux') throw new Stop('memory is read from /proc, which needs Linux')
  if (!existsSync(join(built, 'main.js'))) throw new Stop(`no build in ${built}: run npm run build`)
  const stage = await createStage()
  folders.add(stage.folder)
  const dist = join(stage.folder, 'dist')
  cpSync(built, dist, { recursive: true })
  return { ...stage, dist }
}

/** What the image tells the allocator of the C library: memory is measured as it is in production. */
const allocatorSettings = () =>
  Object.fromEntries(
    Array.from(
      readFileSync(join(root, 'Dockerfile'), 'utf8').matchAll(/\b(MALLOC_[A-Z_]+)=(\d+)/g),
      ([, name, value]) => [name, value],
    ),
  )

/** @typedef {Awaited<ReturnType<typeof createGround>>} Ground */
/** @typedef {Awaited<ReturnType<typeof startSubject>>} Subject */
/**
 * In bytes; `sockets`: the TCP connections of the server.
 * @typedef {NodeJS.MemoryUsage & { sockets: number }} Memory
 */

/**
 * A fresh server process: each scenario has its own, so that what one left behind does not show in the next.
 * @param {Ground} ground
 * @param {NodeJS.ProcessEnv} env
 */
export const startSubject = async (ground, env = {}) => {
  // Short, since the path of a unix socket has at most 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'akv-load-'))
  folders.add(folder)
  const path = join(folder, 'probe')
  /** @type {string[]} */
  const faults = []
  /** @type {string[]} */
  const notes = []
  let rest = ''
  const onOutput = (/** @type {Buffer} */ chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = (lines.pop() ?? '').slice(-4_096)
    for (const line of lines) {
      if (FAULT.test(line) && faults.length < 20) faults.push(line.slice(0, 500))
      if (/a slow listener was cut/.test(line)) notes.push(line)
    }
  }
  const nodeArgs = ['--expose-gc', '--import', join(root, 'test/load/lib/probe.mjs')]
  const settings = {
    ...allocatorSettings(),
    AUTOMATION_KV_TEST_PROBE: path,
    // Some scenarios have all their connections of one automation.
    AUTOMATION_KV_MAX_CONNECTIONS_PER_AUTOMATION: '20000',
    ...env,
  }
  const server = await startServer(ground, { nodeArgs, dist: ground.dist, onOutput, env: settings })

  /** @param {'memory' | 'gc'} line @returns {Promise<Memory>} */
  const ask = (line) =>
    new Promise((resolve, reject) => {
      let text = ''
      const socket = connect(path, () => socket.write(`${line}\n`))
      socket.on('data', (chunk) => (text += chunk))
      socket.on('error', reject)
      socket.on('close', () =>
        text === '' ? reject(new Stop('the server does not answer the probe')) : resolve(JSON.parse(text)),
      )
      socket.setTimeout(30_000, () => socket.destroy(new Error('the server does not answer the probe')))
    })

  return {
    ...server,
    faults,
    notes,
    /** In the memory as it is: bytes by name, and the number of TCP connections. */
    memory: () => ask('memory'),
    /** After a full garbage collection. */
    settled: () => ask('gc'),
    /** Resident bytes now, and the most of the process's life. */
    resident: () => residentOf(server.pid),
    /** Waits until all clients are gone, as the server sees it; `sockets` is what it had before they came. */
    async quiet(sockets, timeoutMs = 20_000) {
      const deadline = Date.now() + timeoutMs
      let now = (await ask('memory')).sockets
      while (now > sockets && Date.now() < deadline) {
        await delay(100)
        now = (await ask('memory')).sockets
      }
      return now
    },
    async stop() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** VmRSS and VmHWM of proc(5). @param {number} pid */
const residentOf = (pid) => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const of = (/** @type {string} */ name) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
  return { now: of('VmRSS'), peak: of('VmHWM') }
}
