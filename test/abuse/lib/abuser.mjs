// Starts and ends the process of an abuser.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { cpuMicros } from '../../../bench/lib/processes.mjs'
import { noCounters } from './peer.mjs'

const FILE = fileURLToPath(new URL('abuser-process.mjs', import.meta.url))
/** The abuser's own memory is no part of the question. */
const HEAP_MB = 1_024

export class Abuser {
  constructor() {
    this.child = fork(FILE, [], {
      execArgv: [`--max-old-space-size=${HEAP_MB}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.counters = noCounters()
    /** @type {string[]} */
    this.failures = []
    this.complaint = ''
    this.child.stderr?.on('data', (chunk) => {
      if (this.complaint.length < 2_000) this.complaint += String(chunk)
    })
    this.ended = /** @type {Promise<void>} */ (
      new Promise((resolve) => this.child.once('exit', () => resolve()))
    )
    /** @type {Map<string, () => void>} */
    this.waiting = new Map()
    this.child.on('error', () => {})
    this.child.on(
      'message',
      (/** @type {{ told: string, counters?: import('./types.mjs').Counters, why?: string }} */ message) => {
        if (message.counters !== undefined) this.counters = message.counters
        if (message.why !== undefined) this.failures.push(message.why)
        this.waiting.get(message.told)?.()
      },
    )
  }

  /**
   * Waits until the process tells this, ends, or the time is over; false when it did not tell it.
   * @param {string} what
   * @param {number} timeoutMs
   * @returns {Promise<boolean>}
   */
  told(what, timeoutMs) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs)
      const end = (/** @type {boolean} */ ok) => {
        clearTimeout(timer)
        resolve(ok)
      }
      this.waiting.set(what, () => end(true))
      void this.ended.then(() => end(false))
    })
  }

  /**
   * @param {import('./abuser-process.mjs').Orders} orders
   * @param {number} timeoutMs
   */
  setup(orders, timeoutMs) {
    this.child.send({ do: 'setup', orders })
    return this.told('ready', timeoutMs)
  }

  /** @param {number} seconds */
  attack(seconds) {
    this.child.send({ do: 'attack', seconds })
  }

  /** @param {number} share of one core */
  burn(share) {
    this.child.send({ do: 'burn', share })
  }

  /** Processor time so far, in microseconds. */
  get cpu() {
    return cpuMicros(this.child.pid) ?? 0
  }

  /** All of its connections end at once. */
  async kill() {
    this.child.kill('SIGKILL')
    await this.ended
  }
}
