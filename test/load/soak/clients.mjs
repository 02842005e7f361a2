// A RESP and a REST client for the soak: replies as values, an error reply as a rejection.
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import RedisParser from 'redis-parser'
import { encode } from '../lib/client.mjs'

/** Nothing that the soak sends takes this long. */
const ANSWER_WITHIN_MS = 30_000

export class RespClient {
  static async open(port, token) {
    const client = new RespClient()
    await client.connect(port)
    if (token !== undefined) await client.call('AUTH', token)
    return client
  }

  connect(port) {
    return new Promise((resolve, reject) => {
      this.waiting = []
      this.messages = []
      this.onMessage = undefined
      const settle = (reply) => this.settle(reply)
      const parser = new RedisParser({ returnReply: settle, returnError: settle, returnFatalError: (error) => this.lost(error) })
      this.socket = connect({ port, host: '127.0.0.1', noDelay: true }, resolve)
      this.socket.on('data', (chunk) => parser.execute(chunk))
      this.socket.on('error', reject)
      this.socket.on('close', () => this.lost(new Error('closed')))
    })
  }

  settle(reply) {
    // In RESP2 only a listener gets arrays that nobody asked for.
    if (this.onMessage !== undefined && Array.isArray(reply) && /^p?message$/.test(reply[0])) return this.onMessage(reply)
    this.waiting.shift()?.(reply)
  }

  lost(error) {
    this.closed = true
    for (const done of this.waiting.splice(0)) done(error)
  }

  /** The replies to some commands that are sent together; an error reply is one of them. */
  async pipeline(commands) {
    if (this.closed) throw new Error('closed')
    const replies = commands.map(
      (command) =>
        new Promise((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`no answer to ${command[0]} within ${ANSWER_WITHIN_MS} ms`)), ANSWER_WITHIN_MS)
          this.waiting.push((reply) => {
            clearTimeout(timer)
            resolve(reply)
          })
        }),
    )
    this.socket.write(Buffer.concat(commands.map(encode)))
    return Promise.all(replies)
  }

  async call(...command) {
    const [reply] = await this.pipeline([command])
    if (reply instanceof Error) throw new Error(`${command[0]}: ${reply.message}`)
    return reply
  }

  /** Sends and forgets. */
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
  constructor(port, token) {
    this.port = port
    this.token = token
    this.agent = new Agent({ keepAlive: true, maxSockets: 1 })
  }

  options(method, path, body) {
    const headers = { authorization: `Bearer ${this.token}` }
    if (body !== undefined) Object.assign(headers, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    return { port: this.port, host: '127.0.0.1', method, path: `/api/automation/v1/kv${path}`, headers, agent: this.agent }
  }

  /** Rejects when the status is none of `statuses`. */
  call(method, path, value, statuses = [200, 201]) {
    const body = value === undefined ? undefined : JSON.stringify(value)
    return new Promise((resolve, reject) => {
      const call = httpRequest(this.options(method, path, body), (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
        response.on('error', reject)
        response.on('end', () => {
          if (!statuses.includes(response.statusCode)) reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 200)}`))
          else resolve(JSON.parse(text))
        })
      })
      call.setTimeout(ANSWER_WITHIN_MS, () => call.destroy(new Error(`no answer to ${method} ${path}`)))
      call.on('error', reject)
      call.end(body)
    })
  }

  /** Sends a part of a body, or does not wait for the answer, and hangs up. */
  abort(method, path, body, sent) {
    return new Promise((resolve) => {
      const call = httpRequest({ ...this.options(method, path, body), agent: false })
      call.on('error', () => {})
      call.on('close', resolve)
      call.on('socket', (socket) => socket.once('connect', () => setTimeout(() => socket.resetAndDestroy(), 2)))
      if (sent === body.length) call.end(body)
      else call.write(body.slice(0, sent))
    })
  }

  close() {
    this.agent.destroy()
  }
}
