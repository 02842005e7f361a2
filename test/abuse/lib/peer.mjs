// A raw RESP connection of an abuser. It counts what it is answered and keeps none of it; errors do
// not stop it.
import { connect } from 'node:net'
import { encode, ReplyCounter } from '../../../bench/lib/client.mjs'

export { encode }

/** @typedef {import('./types.mjs').Counters} Counters */

/** @returns {Counters} */
export const noCounters = () => ({
  opened: 0,
  refused: 0,
  lost: 0,
  replies: 0,
  errors: 0,
  sent: 0,
  received: 0,
  rounds: 0,
  samples: [],
  figures: {},
})

/**
 * @param {Counters} counters
 * @param {string} text
 */
export const noteError = (counters, text) => {
  counters.errors++
  const short = text.slice(0, 120)
  if (counters.samples.length < 5 && !counters.samples.includes(short)) counters.samples.push(short)
}

/**
 * @typedef {object} PeerOptions
 * @property {number} port
 * @property {string} [password] logs in with it
 * @property {string} [fromAddress] another address of this machine, for more ephemeral ports
 * @property {Counters} counters
 * @property {AbortSignal} signal ends the connection
 */

export class Peer {
  /**
   * Connects and, with a password, logs in. Rejects when either is refused.
   * @param {PeerOptions} options
   * @returns {Promise<Peer>}
   */
  static async open(options) {
    const peer = new Peer(options)
    try {
      await peer.connected
      if (options.password !== undefined) {
        await peer.send(encode(['AUTH', options.password]))
        if (peer.lastError !== undefined) throw new Error(peer.lastError)
      }
    } catch (error) {
      options.counters.refused++
      peer.close()
      throw error
    }
    options.counters.opened++
    return peer
  }

  /** @param {PeerOptions} options */
  constructor({ port, fromAddress, counters, signal }) {
    this.counters = counters
    this.closed = false
    /** @type {string | undefined} */
    this.lastError = undefined
    /** @type {{ left: number, done: () => void }[]} */
    this.waiting = []
    this.socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      ...(fromAddress === undefined ? {} : { localAddress: fromAddress }),
    })
    /** Resolves when the connection has ended, from whatever side. */
    this.gone = /** @type {Promise<void>} */ (
      new Promise((resolve) => this.socket.once('close', () => resolve()))
    )
    this.connected = /** @type {Promise<void>} */ (
      new Promise((resolve, reject) => {
        this.socket.once('connect', () => resolve())
        this.socket.once('close', () => reject(new Error('closed before it was open')))
        this.socket.on('error', reject)
      })
    )
    this.connected.catch(() => {})
    const counter = new ReplyCounter((/** @type {string | undefined} */ error) => this.replied(error))
    this.socket.on('data', (chunk) => {
      counters.received += chunk.length
      counter.push(chunk)
    })
    this.socket.once('close', () => {
      if (!this.closed && !signal.aborted) counters.lost++
      this.closed = true
    })
    const leave = () => this.close()
    signal.addEventListener('abort', leave, { once: true })
    this.socket.once('close', () => signal.removeEventListener('abort', leave))
  }

  /** @param {string | undefined} error */
  replied(error) {
    this.counters.replies++
    this.lastError = error
    if (error !== undefined) noteError(this.counters, error)
    const first = this.waiting[0]
    if (first === undefined || --first.left > 0) return
    this.waiting.shift()
    first.done()
  }

  /**
   * Calls back after so many more replies.
   * @param {number} replies
   * @param {() => void} done
   */
  expect(replies, done) {
    this.waiting.push({ left: replies, done })
  }

  /**
   * Writes bytes; false when the kernel takes no more for now.
   * @param {Buffer} bytes
   */
  write(bytes) {
    this.counters.sent += bytes.length
    return this.socket.write(bytes)
  }

  /** Writes bytes and waits until the kernel has taken them, or the connection has ended. */
  async push(/** @type {Buffer} */ bytes) {
    if (this.closed || this.write(bytes)) return
    await Promise.race([
      /** @type {Promise<void>} */ (new Promise((resolve) => this.socket.once('drain', () => resolve()))),
      this.gone,
    ])
  }

  /**
   * Writes bytes that bring `replies` replies, and waits for these. Rejects when the connection ends before.
   * @param {Buffer} bytes
   * @param {number} [replies]
   * @returns {Promise<void>}
   */
  send(bytes, replies = 1) {
    const answered = /** @type {Promise<void>} */ (new Promise((resolve) => this.expect(replies, resolve)))
    this.write(bytes)
    return Promise.race([
      answered,
      this.gone.then(() => {
        throw new Error('the connection has ended')
      }),
    ])
  }

  /**
   * @param {(string | number | Buffer)[]} args
   * @returns {Promise<void>}
   */
  call(...args) {
    return this.send(encode(args))
  }

  stopReading() {
    this.socket.pause()
  }

  close() {
    this.closed = true
    this.socket.resetAndDestroy()
  }
}
