// What is attacked: one or two servers from dist before a Redis of their own, made anew for each row, and
// killed without asking.
import { readFileSync, rmSync } from 'node:fs'
import { createStage, LIMITS, startServer } from '../../../bench/lib/contenders.mjs'
import { freePort, stopAll } from '../../../bench/lib/processes.mjs'

/** An empty setting counts as unset: the limits are those that an operator has who sets none. */
const DEFAULT_LIMITS = Object.fromEntries(Object.keys(LIMITS).map((name) => [name, '']))

/** @type {Set<string>} */
const folders = new Set()

/** When the run is interrupted: nothing is left behind. */
export const abandon = () => {
  stopAll()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

/** @typedef {import('./types.mjs').Doors & { pid: number, restarts: number }} RunningServer */

/**
 * @typedef {object} SubjectOptions
 * @property {number} processes
 * @property {Record<string, string>} [env] more settings of the server
 * @property {string} [dist] another build
 * @property {(index: number) => void} [onEnd] a server ended that was not told to
 */

/** @param {number} pid */
export const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** @param {number} pid */
const kill = (pid) => {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL')
}

/**
 * VmRSS of proc(5), in bytes; 0 for a process that has ended.
 * @param {number} pid
 */
export const residentOf = (pid) => {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/** @param {SubjectOptions} options */
export const startSubject = async ({ processes, env = {}, dist }) => {
  const stage = await createStage()
  folders.add(stage.folder)
  /** @type {RunningServer[]} */
  const servers = []
  /** @type {string[]} */
  const tails = []

  /** @param {number} index @param {Record<string, string>} ports */
  const startOne = async (index, ports) => {
    tails[index] = ''
    const options = {
      env: { ...DEFAULT_LIMITS, ...ports, ...env },
      ...(dist === undefined ? {} : { dist }),
      onOutput: (/** @type {Buffer} */ chunk) =>
        (tails[index] = (tails[index] + String(chunk)).slice(-4_000)),
    }
    return startServer(stage, options)
  }

  /** @param {number} index */
  const portsOf = async (index) => {
    const known = servers[index]
    const [port, httpPort, adminPort] =
      known === undefined
        ? [await freePort(), await freePort(), await freePort()]
        : [known.port, known.httpPort, known.adminPort]
    return {
      AUTOMATION_KV_RESP_PORT: String(port),
      AUTOMATION_KV_HTTP_PORT: String(httpPort),
      AUTOMATION_KV_ADMIN_PORT: String(adminPort),
    }
  }

  try {
    for (let index = 0; index < processes; index++) {
      const ports = await portsOf(index)
      const { pid } = await startOne(index, ports)
      servers.push({
        pid,
        restarts: 0,
        port: Number(ports.AUTOMATION_KV_RESP_PORT),
        httpPort: Number(ports.AUTOMATION_KV_HTTP_PORT),
        adminPort: Number(ports.AUTOMATION_KV_ADMIN_PORT),
      })
    }
  } catch (error) {
    for (const { pid } of servers) kill(pid)
    kill(stage.redis.pid)
    await stage.close()
    folders.delete(stage.folder)
    throw error
  }

  return {
    stage,
    servers,
    /** The last lines of a server's log. @param {number} index */
    tail: (index) => tails[index] ?? '',
    /** Starts a server that has ended again, on the same ports. @param {number} index */
    async restart(index) {
      const server = /** @type {RunningServer} */ (servers[index])
      kill(server.pid)
      const { pid } = await startOne(index, await portsOf(index))
      server.pid = pid
      server.restarts++
    },
    async close() {
      for (const { pid } of servers) kill(pid)
      kill(stage.redis.pid)
      await stage.close()
      folders.delete(stage.folder)
    },
  }
}

/** @typedef {Awaited<ReturnType<typeof startSubject>>} Subject */
