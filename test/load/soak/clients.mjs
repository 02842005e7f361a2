// A RESP and a REST client for the soak: replies as values, an error reply as a rejection.
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import RedisParser from 'redis-parser'
import { encode } from '../lib/client.mjs'

/** Nothing that the soak sends takes this long. */
const ANSWER_WITHIN_MS = 30_000

/** @typedef {any} Reply whose shape is that of its command */

/** @typedef {import('../../../bench/lib/client.mjs').Arg} Arg */

export class RespClient {
  /** @param {number} port @param {string} [token] */
  static async open(port, token) {
    const client = new RespClient(connect({ port, host: '127.0.0.1', noDelay: true }))
    await client.connected()
    if (token !== undefined) await client.call('AUTH', token)
    return client
  }

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.socket = socket
    this.closed = false
    /** @type {((reply: Reply | Error) => void)[]} */
    this.waiting = []
    /** @type {((message: Reply[]) => void) | undefined} */
    this.onMessage = undefined
    const settle = (/** @type {Reply | Error} */ reply) => this.settle(reply)
    const parser = new RedisParser({
      returnReply: settle,
      returnError: settle,
      returnFatalError: (error) => this.lost(error),
    })
    socket.on('data', (chunk) => parser.execute(chunk))
    socket.on('close', () => this.lost(new Error('closed')))
  }

  /** @returns {Promise<void>} */
  connected() {
    return new Promise((resolve, reject) => {
      this.socket.once('connect', resolve)
      this.socket.on('error', reject)
    })
  }

  /** @param {Reply | Error} reply */
  settle(reply) {
    // In RESP2 only a listener gets arrays that nobody asked for.
    if (this.onMessage !== undefined && Array.isArray(reply) && /^p?message$/.test(reply[0]))
      return this.onMessage(reply)
    this.waiting.shift()?.(reply)
  }

  /** @param {Error} error */
  lost(error) {
    this.closed = true
    for (const done of this.waiting.splice(0)) done(error)
  }

  /**
   * The replies to some commands that are sent together; an error reply is one of them.
   * @param {readonly (readonly Arg[])[]} commands
   * @returns {Promise<Reply[]>}
   */
  async pipeline(commands) {
    if (this.closed) throw new Error('closed')
    const replies = commands.map(
      (command) =>
        new Promise((resolve, reject) => {
          const timer = setTimeout(
            () => reject(new Error(`no answer to ${command[0]} within ${ANSWER_WITHIN_MS} ms`)),
            ANSWER_WITHIN_MS,
          )
          this.waiting.push((reply) => {
            clearTimeout(timer)
            resolve(reply)
          })
        }),
    )
    this.socket.write(Buffer.concat(commands.map(encode)))
    return Promise.all(replies)
  }

  /** @param {Arg[]} command @returns {Promise<Reply>} */
  async call(...command) {
    const [reply] = await this.pipeline([command])
    if (reply instanceof Error) throw new Error(`${command[0]}: ${reply.message}`)
    return reply
  }

  /** Sends and forgets. @param {Arg[]} command */
  send(...command) {
    this.socket.write(encode(command))
  }

  end() {
    this.socket.end()
  }

  abort() {
    this.socket.resetAndDestroy()
  }
}

export class RestClient {
  /** @param {number} port @param {string} token */
  constructor(port, token) {
    this.port = port
    this.token = token
    this.agent = new Agent({ keepAlive: true, maxSockets: 1 })
  }

  /** @param {string} method @param {string} path @param {string} [body] */
  options(method, path, body) {
    /** @type {Record<string, string | number>} */
    const headers = { authorization: `Bearer ${this.token}` }
    if (body !== undefined)
      Object.assign(headers, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      })
    return {
      port: this.port,
      host: '127.0.0.1',
      method,
      path: `/api/automation/v1/kv${path}`,
      headers,
      agent: this.agent,
    }
  }

  /**
   * Rejects when the status is none of `statuses`.
   * @param {string} method
   * @param {string} path
   * @param {unknown} [value]
   * @param {number[]} [statuses]
   * @returns {Promise<any>} the document that was answered
   */
  call(method, path, value, statuses = [200, 201]) {
    const body = value === undefined ? undefined : JSON.stringify(value)
    return new Promise((resolve, reject) => {
      const call = httpRequest(this.options(method, path, body), (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
        response.on('error', reject)
        response.on('end', () => {
          if (!statuses.includes(response.statusCode ?? 0))
            reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 200)}`))
          else resolve(JSON.parse(text))
        })
      })
      call.setTimeout(ANSWER_WITHIN_MS, () => call.destroy(new Error(`no answer to ${method} ${path}`)))
      call.on('error', reject)
      call.end(body)
    })
  }

  /**
   * Sends a part of a body, or does not wait for the answer, and hangs up.
   * @param {string} method
   * @param {string} path
   * @param {string} body
   * @param {number} sent
   * @returns {Promise<void>}
   */
  abort(method, path, body, sent) {
    return new Promise((resolve) => {
      const call = httpRequest({ ...this.options(method, path, body), agent: false })
      call.on('error', () => {})
      call.on('close', resolve)
      call.on('socket', (socket) =>
        socket.once('connect', () => setTimeout(() => socket.resetAndDestroy(), 2)),
      )
      if (sent === body.length) call.end(body)
      else call.write(body.slice(0, sent))
    })
  }

  close() {
    this.agent.destroy()
  }
}
