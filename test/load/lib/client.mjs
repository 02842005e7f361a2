// A RESP client that knows each reply before it comes, byte for byte, so that it notices a missing, a wrong and a misplaced one alike.
import { connect } from 'node:net'
import { encode, openMany as openAll } from '../../../bench/lib/client.mjs'

export { encode }

export const OK = Buffer.from('+OK\r\n')
export const PONG = Buffer.from('+PONG\r\n')
export const NIL = Buffer.from('$-1\r\n')
export const bulk = (bytes) => Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')])

const shown = (bytes) => JSON.stringify(bytes.subarray(0, 80).toString('latin1'))

export class CheckedClient {
  /** Connects, and logs in with `password`. With `fromAddress` it comes from another address of this machine. */
  static async open({ port, password, fromAddress }) {
    const client = new CheckedClient()
    await client.connect(port, fromAddress)
    if (password !== undefined) await client.send(encode(['AUTH', password]), OK)
    return client
  }

  constructor() {
    this.expected = []
    this.offset = 0
    this.received = 0
    this.closed = false
    this.failed = new Promise((_, reject) => (this.fail = (reason) => reject(new Error(reason))))
    this.failed.catch(() => {})
    this.gone = new Promise((resolve) => (this.leave = resolve))
  }

  connect(port, fromAddress) {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true, ...(fromAddress === undefined ? {} : { localAddress: fromAddress }) })
      this.socket = socket
      socket.once('connect', resolve)
      socket.on('error', (error) => {
        reject(error)
        this.fail(error.message)
      })
      socket.on('close', () => {
        this.closed = true
        this.leave()
        this.fail(`closed by the server, ${this.expected.length} replies are missing`)
      })
      socket.on('data', (chunk) => this.check(chunk))
    })
  }

  /** `reply`: the bytes that must come next; `done` is called when they have. */
  expect(reply, done) {
    this.expected.push({ reply, done })
  }

  send(request, reply) {
    const answered = new Promise((resolve) => {
      this.expect(reply, resolve)
      this.socket.write(request)
    })
    return Promise.race([answered, this.failed])
  }

  check(chunk) {
    this.received += chunk.length
    let at = 0
    while (at < chunk.length) {
      const first = this.expected[0]
      if (first === undefined) return this.wrong(`a reply that nothing asked for: ${shown(chunk.subarray(at))}`)
      const length = Math.min(first.reply.length - this.offset, chunk.length - at)
      if (first.reply.compare(chunk, at, at + length, this.offset, this.offset + length) !== 0)
        return this.wrong(`expected ${shown(first.reply.subarray(this.offset))}, got ${shown(chunk.subarray(at))}`)
      at += length
      this.offset += length
      if (this.offset < first.reply.length) return
      this.offset = 0
      this.expected.shift()
      first.done?.()
    }
  }

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

export const openMany = (targets) => openAll(targets, CheckedClient.open)

/** Percentiles in ms, of latencies in ms. */
export const percentiles = (latencies) => {
  const sorted = Float64Array.from(latencies).sort()
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: sorted.at(-1) ?? 0 }
}

/**
 * Keeps each client busy with one command at a time: `turn(index, n)` gives request and reply of its n-th. Latencies of all are answered.
 */
export const drive = async (clients, seconds, turn) => {
  const latencies = []
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1_000
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
