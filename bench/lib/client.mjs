// A raw RESP client for what redis-benchmark cannot do. It counts replies without decoding them, so that it
// costs little itself.
import { connect } from 'node:net'
import { Stop } from '../../scripts/lib/project.mjs'

/** @typedef {string | number | Buffer} Arg */

/**
 * How a contender is reached: RESP with a password, REST with a header.
 * @typedef {{ port: number, password?: string, authorization?: string }} Target
 */

/** One request as bytes. @param {readonly Arg[]} args */
export const encode = (args) => {
  /** @type {(string | Buffer)[]} */
  const parts = [`*${args.length}\r\n`]
  for (const arg of args) {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg))
    parts.push(`$${bytes.length}\r\n`, bytes, '\r\n')
  }
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}

/**
 * Tells where replies end, over any cut of the bytes. Calls `onReply(error)`, with the text of an error
 * reply.
 */
export class ReplyCounter {
  /** @param {(error: string | undefined) => void} onReply */
  constructor(onReply) {
    this.onReply = onReply
    this.line = ''
    this.skip = 0
    /** @type {number[]} */
    this.open = []
    /** @type {string | undefined} */
    this.error = undefined
  }

  /** @param {Buffer} chunk */
  push(chunk) {
    let at = 0
    while (at < chunk.length) {
      if (this.skip > 0) {
        const step = Math.min(this.skip, chunk.length - at)
        this.skip -= step
        at += step
        if (this.skip === 0) this.ended()
        continue
      }
      const end = chunk.indexOf(10, at)
      this.line += chunk.toString('latin1', at, end === -1 ? chunk.length : end + 1)
      if (end === -1) return
      at = end + 1
      const { line } = this
      this.line = ''
      const count = Number(line.slice(1))
      if (line[0] === '-') this.error ??= line.slice(1).trim()
      if (line[0] === '$' && count >= 0) this.skip = count + 2
      else if (line[0] === '*' && count > 0) this.open.push(count)
      else this.ended()
    }
  }

  ended() {
    while (this.open.length > 0) {
      const left = Number(this.open.pop()) - 1
      if (left > 0) {
        this.open.push(left)
        return
      }
    }
    const { error } = this
    this.error = undefined
    this.onReply(error)
  }
}

/**
 * One logged-in connection. `expect(n, done)` calls back after n more replies; an error reply or a lost
 * connection rejects `failed`.
 */
export class Client {
  /** @param {Target} target */
  static async open({ port, password }) {
    const client = new Client(connect({ port, host: '127.0.0.1', noDelay: true }))
    if (password !== undefined) await client.call(['AUTH', password])
    return client
  }

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.socket = socket
    /** @type {{ left: number, done: () => void }[]} */
    this.waiting = []
    const counter = new ReplyCounter((error) => this.replied(error))
    socket.on('data', (chunk) => counter.push(chunk))
    /** @type {(reason: string) => void} */
    this.fail = () => {}
    /** @type {Promise<never>} */
    this.failed = new Promise((_, reject) => {
      this.fail = (reason) => reject(new Stop(`a contender answered: ${reason}`))
    })
    socket.on('error', (error) => this.fail(error.message))
    socket.on('close', () => this.fail('connection closed'))
    this.failed.catch(() => {})
  }

  /** @param {string | undefined} error */
  replied(error) {
    if (error !== undefined) this.fail(error)
    const first = this.waiting[0]
    if (first === undefined || --first.left > 0) return
    this.waiting.shift()
    first.done()
  }

  /** @param {number} replies @param {() => void} done */
  expect(replies, done) {
    this.waiting.push({ left: replies, done })
  }

  /** Sends bytes that bring `replies` replies. @param {Buffer} bytes @returns {Promise<void>} */
  send(bytes, replies = 1) {
    /** @type {Promise<void>} */
    const answered = new Promise((resolve) => {
      this.expect(replies, resolve)
      this.socket.write(bytes)
    })
    return Promise.race([answered, this.failed])
  }

  /** @param {readonly Arg[]} args */
  call(args) {
    return this.send(encode(args))
  }

  /**
   * Many requests, in pieces, so that neither side has to hold them all.
   * @param {readonly (readonly Arg[])[]} requests
   */
  async callAll(requests, piece = 500) {
    for (let at = 0; at < requests.length; at += piece) {
      const some = requests.slice(at, at + piece)
      await this.send(Buffer.concat(some.map(encode)), some.length)
    }
  }

  /** Closes with a reset, so that thousands of these leave no TIME_WAIT behind. */
  close() {
    this.socket.resetAndDestroy()
  }
}

/**
 * A connection to each target; a hundred at a time, since more would overrun the queue of a listener.
 * @template T, C
 * @param {readonly T[]} targets
 * @param {(target: T) => Promise<C>} open
 */
export const openAll = async (targets, open) => {
  /** @type {C[]} */
  const clients = []
  for (let at = 0; at < targets.length; at += 100) {
    clients.push(...(await Promise.all(targets.slice(at, at + 100).map((target) => open(target)))))
  }
  return clients
}

/** @param {readonly Target[]} targets */
export const openMany = (targets) => openAll(targets, Client.open)

/**
 * Keeps every connection busy for `seconds`: `next(connection)` gives the bytes of one turn, which brings
 * `replies` replies and counts as `commands`. Answers commands a second and the latency of turns in ms.
 * @param {readonly Target[]} targets
 * @param {{ seconds: number, next: (connection: number) => Buffer, replies: number, commands?: number }} work
 */
export const load = async (targets, { seconds, next, replies, commands = replies }) => {
  const clients = await openMany(targets)
  /** @type {number[]} */
  const latencies = []
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1_000
  /** @param {Client} client @param {number} index @returns {Promise<void>} */
  const drive = (client, index) =>
    new Promise((resolve) => {
      /** @type {number | undefined} */
      let sentAt
      const turn = () => {
        const now = performance.now()
        if (sentAt !== undefined) latencies.push(now - sentAt)
        if (now >= endsAt) return resolve()
        sentAt = now
        client.expect(replies, turn)
        client.socket.write(next(index))
      }
      turn()
    })
  try {
    await Promise.all(clients.map((client, index) => Promise.race([drive(client, index), client.failed])))
  } finally {
    for (const client of clients) client.close()
  }
  const elapsed = (performance.now() - startedAt) / 1_000
  latencies.sort((a, b) => a - b)
  const at = (/** @type {number} */ share) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? NaN
  return {
    rate: (latencies.length * commands) / elapsed,
    p50: at(0.5),
    p99: at(0.99),
    count: latencies.length * commands,
  }
}
