// A RESP client that knows each reply before it comes, byte for byte, so that it notices a missing, a wrong
// and a misplaced one alike.
import { connect } from 'node:net'
import { encode, openAll } from '../../../bench/lib/client.mjs'

export { encode }

export const OK = Buffer.from('+OK\r\n')
export const PONG = Buffer.from('+PONG\r\n')
export const NIL = Buffer.from('$-1\r\n')
/** @param {Buffer} bytes */
export const bulk = (bytes) =>
  Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')])

/** @param {Buffer} bytes */
const shown = (bytes) => JSON.stringify(bytes.subarray(0, 80).toString('latin1'))

/** @typedef {{ port: number, password?: string, fromAddress?: string }} CheckedTarget */

export class CheckedClient {
  /**
   * Connects, and logs in with `password`. With `fromAddress` it comes from another address of this machine.
   * @param {CheckedTarget} target
   */
  static async open({ port, password, fromAddress }) {
    const client = new CheckedClient(
      connect({
        port,
        host: '127.0.0.1',
        noDelay: true,
        ...(fromAddress === undefined ? {} : { localAddress: fromAddress }),
      }),
    )
    await client.connected()
    if (password !== undefined) await client.send(encode(['AUTH', password]), OK)
    return client
  }

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.socket = socket
    /** @type {{ reply: Buffer, done: (() => void) | undefined }[]} */
    this.expected = []
    this.offset = 0
    this.received = 0
    this.closed = false
    /** @type {(reason: string) => void} */
    this.fail = () => {}
    /** @type {Promise<never>} */
    this.failed = new Promise((_, reject) => {
      this.fail = (reason) => reject(new Error(reason))
    })
    this.failed.catch(() => {})
    /** @type {Promise<void>} */
    this.gone = new Promise((resolve) => {
      socket.on('close', () => {
        this.closed = true
        resolve()
        this.fail(`closed by the server, ${this.expected.length} replies are missing`)
      })
    })
    socket.on('data', (chunk) => this.check(chunk))
  }

  /** @returns {Promise<void>} */
  connected() {
    return new Promise((resolve, reject) => {
      this.socket.once('connect', resolve)
      this.socket.on('error', (error) => {
        reject(error)
        this.fail(error.message)
      })
    })
  }

  /**
   * `reply`: the bytes that must come next; `done` is called when they have.
   * @param {Buffer} reply
   * @param {() => void} [done]
   */
  expect(reply, done) {
    this.expected.push({ reply, done })
  }

  /** @param {Buffer} request @param {Buffer} reply */
  send(request, reply) {
    /** @type {Promise<void>} */
    const answered = new Promise((resolve) => {
      this.expect(reply, resolve)
      this.socket.write(request)
    })
    return Promise.race([answered, this.failed])
  }

  /** @param {Buffer} chunk */
  check(chunk) {
    this.received += chunk.length
    let at = 0
    while (at < chunk.length) {
      const first = this.expected[0]
      if (first === undefined)
        return this.wrong(`a reply that nothing asked for: ${shown(chunk.subarray(at))}`)
      const length = Math.min(first.reply.length - this.offset, chunk.length - at)
      if (first.reply.compare(chunk, at, at + length, this.offset, this.offset + length) !== 0)
        return this.wrong(
          `expected ${shown(first.reply.subarray(this.offset))}, got ${shown(chunk.subarray(at))}`,
        )
      at += length
      this.offset += length
      if (this.offset < first.reply.length) return
      this.offset = 0
      this.expected.shift()
      first.done?.()
    }
  }

  /** @param {string} reason */
  wrong(reason) {
    this.fail(reason)
    this.socket.destroy()
  }

  /** With a reset, so that thousands of these leave no TIME_WAIT behind. */
  close() {
    this.failed.catch(() => {})
    this.socket.resetAndDestroy()
    return this.gone
  }
}

/** @param {readonly CheckedTarget[]} targets */
export const openMany = (targets) => openAll(targets, CheckedClient.open)

/** Percentiles in ms, of latencies in ms. @param {readonly number[]} latencies */
export const percentiles = (latencies) => {
  const sorted = Float64Array.from(latencies).sort()
  const at = (/** @type {number} */ share) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: sorted.at(-1) ?? 0 }
}

/**
 * Keeps each client busy with one command at a time: `turn(index, n)` gives request and reply of its n-th.
 * Latencies of all are answered.
 * @param {readonly CheckedClient[]} clients
 * @param {number} seconds
 * @param {(index: number, n: number) => { request: Buffer, reply: Buffer }} turn
 */
export const drive = async (clients, seconds, turn) => {
  /** @type {number[]} */
  const latencies = []
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1_000
  /** @param {CheckedClient} client @param {number} index @returns {Promise<void>} */
  const work = (client, index) =>
    new Promise((resolve) => {
      let n = 0
      const next = () => {
        const now = performance.now()
        if (now >= endsAt) return resolve()
        const { request, reply } = turn(index, n++)
        client.expect(reply, () => {
          latencies.push(performance.now() - now)
          next()
        })
        client.socket.write(request)
      }
      next()
    })
  await Promise.all(clients.map((client, index) => Promise.race([work(client, index), client.failed])))
  return { rate: latencies.length / ((performance.now() - startedAt) / 1_000), ...percentiles(latencies) }
}
