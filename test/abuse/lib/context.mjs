// What an attack gets: connections to every server with tokens of its automation, until its time is over.
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as delay, setImmediate as immediate } from 'node:timers/promises'
import { encode, noCounters, noteError, Peer } from './peer.mjs'
import { mint } from './tokens.mjs'

/** @typedef {import('./types.mjs').Doors} Doors */
/** @typedef {import('./types.mjs').Scope} Scope */

const MIB = 1024 * 1024
const REST_BASE = '/api/automation/v1/kv'
/** A connection from each of these has ephemeral ports of its own. */
const ADDRESSES = process.platform === 'linux' ? 8 : 1

/**
 * @typedef {object} ContextOptions
 * @property {Doors[]} servers
 * @property {string} secret of the tokens
 * @property {string} automation
 * @property {Scope} scope
 * @property {AbortSignal} signal
 * @property {number} [scale] share of the full number of connections, keys, bytes: below 1 for short runs
 * @property {import('./types.mjs').Counters} [counters]
 */

/**
 * @typedef {object} OpenOptions
 * @property {boolean} [login]
 * @property {string} [automation] of the token
 * @property {string} [password] instead of a token
 * @property {number} [index] chooses server and own address
 */

export class Context {
  /** @param {ContextOptions} options */
  constructor({ servers, secret, automation, scope, signal, scale = 1, counters = noCounters() }) {
    this.servers = servers
    this.secret = secret
    this.automation = automation
    this.scope = scope
    this.signal = signal
    this.scale = scale
    this.counters = counters
    this.next = 0
    this.agents = servers.map(() => new Agent({ keepAlive: true, maxSockets: 64 }))
  }

  get running() {
    return !this.signal.aborted
  }

  /** Resolves at the end of the attack's time. */
  get over() {
    if (this.signal.aborted) return Promise.resolve()
    return /** @type {Promise<void>} */ (
      new Promise((resolve) => this.signal.addEventListener('abort', () => resolve(), { once: true }))
    )
  }

  /**
   * A number of connections, keys or bytes, at this scale.
   * @param {number} full
   */
  some(full) {
    return Math.max(1, Math.round(full * this.scale))
  }

  /** @param {number} ms */
  async pause(ms) {
    await delay(ms, undefined, { signal: this.signal }).catch(() => {})
  }

  /** @param {string} [automation] */
  token(automation = this.automation) {
    return mint(this.secret, automation, this.scope)
  }

  /** @param {number} index */
  server(index) {
    return /** @type {Doors} */ (this.servers[index % this.servers.length])
  }

  /**
   * One connection, by turns to each server.
   * @param {OpenOptions} [options]
   */
  open({ login = true, automation, password, index = this.next++ } = {}) {
    const logIn = login && this.scope !== 'none' ? { password: this.token(automation) } : {}
    return Peer.open({
      port: this.server(index).port,
      ...(password === undefined ? logIn : { password }),
      ...(ADDRESSES > 1
        ? { fromAddress: `127.0.0.${2 + (Math.floor(index / this.servers.length) % ADDRESSES)}` }
        : {}),
      counters: this.counters,
      signal: this.signal,
    })
  }

  /**
   * As many as the server lets in; `count` is at full scale.
   * @param {number} count
   * @param {OpenOptions} [options]
   * @returns {Promise<Peer[]>}
   */
  async openMany(count, options = {}) {
    const wanted = this.some(count)
    /** @type {Peer[]} */
    const peers = []
    for (let at = 0; at < wanted && this.running; at += 100) {
      const some = Array.from({ length: Math.min(100, wanted - at) }, () =>
        this.open(options).catch(() => undefined),
      )
      for (const peer of await Promise.all(some)) if (peer !== undefined) peers.push(peer)
    }
    if (peers.length === 0 && this.running) throw new Error('no connection was let in')
    return peers
  }

  /**
   * Each connection sends, waits for the replies, and sends again.
   * @param {Peer[]} peers
   * @param {Buffer | ((n: number) => Buffer)} request
   * @param {number} [replies]
   */
  async repeat(peers, request, replies = 1) {
    let n = 0
    const one = async (/** @type {Peer} */ peer) => {
      while (this.running && !peer.closed)
        await peer.send(typeof request === 'function' ? request(n++) : request, replies)
    }
    await Promise.allSettled(peers.map(one))
  }

  /**
   * Each connection sends without waiting for replies, as fast as the server takes it; with `reading` false
   * it does not read either.
   * @param {Peer[]} peers
   * @param {Buffer | ((n: number) => Buffer)} request
   * @param {{ reading?: boolean, most?: number }} [options] `most`: bytes a connection
   */
  async flood(peers, request, { reading = true, most = Infinity } = {}) {
    let n = 0
    const one = async (/** @type {Peer} */ peer) => {
      if (!reading) peer.stopReading()
      for (let sent = 0; this.running && !peer.closed && sent < most; ) {
        const bytes = typeof request === 'function' ? request(n++) : request
        sent += bytes.length
        await peer.push(bytes)
        // A kernel that takes all must not keep everything else in this process from its turn.
        await immediate()
      }
      // What was taken is worked on until the time is over.
      await Promise.race([this.over, peer.gone])
    }
    await Promise.all(peers.map(one))
  }

  /**
   * Many requests in pieces, for filling.
   * @param {Peer} peer
   * @param {Iterable<(string | number | Buffer)[]>} requests
   */
  async fill(peer, requests) {
    /** @type {Buffer[]} */
    let piece = []
    let bytes = 0
    for (const args of requests) {
      const encoded = encode(args)
      piece.push(encoded)
      bytes += encoded.length
      if (bytes < MIB && piece.length < 200) continue
      await peer.send(Buffer.concat(piece), piece.length)
      piece = []
      bytes = 0
    }
    if (piece.length > 0) await peer.send(Buffer.concat(piece), piece.length)
  }

  /**
   * A raw socket to the REST door.
   * @param {number} [index]
   */
  http(index = this.next++) {
    const socket = connect({ port: this.server(index).httpPort, host: '127.0.0.1', noDelay: true })
    socket.on('error', () => {})
    const gone = /** @type {Promise<void>} */ (
      new Promise((resolve) =>
        socket.once('close', () => {
          if (this.running) this.counters.lost++
          resolve()
        }),
      )
    )
    socket.once('connect', () => this.counters.opened++)
    this.signal.addEventListener('abort', () => socket.resetAndDestroy(), { once: true })
    return { socket, gone }
  }

  /**
   * Bytes of a REST request with the token.
   * @param {string} method
   * @param {string} path below the base path, or from `/api` on
   * @param {string | Buffer} [body]
   * @param {Record<string, string>} [headers]
   */
  restBytes(method, path, body, headers = {}) {
    const lines = [
      `${method} ${path.startsWith('/api') ? path : REST_BASE + path} HTTP/1.1`,
      'Host: localhost',
    ]
    if (this.scope !== 'none') lines.push(`Authorization: Bearer ${this.token()}`)
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
    if (body !== undefined)
      lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`)
    return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body ?? '')])
  }

  /**
   * One REST request; the answer is read and dropped. Answers the status, 0 without one.
   * @param {string} method
   * @param {string} path
   * @param {string | Buffer} [body]
   * @param {Record<string, string>} [headers]
   * @returns {Promise<number>}
   */
  rest(method, path, body, headers = {}) {
    const index = this.next++
    return new Promise((resolve) => {
      const request = httpRequest({
        host: '127.0.0.1',
        port: this.server(index).httpPort,
        method,
        path: path.startsWith('/api') ? path : REST_BASE + path,
        agent: this.agents[index % this.agents.length],
        headers: {
          ...(this.scope === 'none' ? {} : { authorization: `Bearer ${this.token()}` }),
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
        signal: this.signal,
      })
      this.counters.sent += body === undefined ? 0 : Buffer.byteLength(body)
      request.on('response', (response) => {
        const status = response.statusCode ?? 0
        let start = ''
        response.on('data', (chunk) => {
          this.counters.received += chunk.length
          if (status >= 400 && start.length < 200) start += String(chunk.subarray(0, 200))
        })
        response.on('error', () => resolve(0))
        response.on('end', () => {
          this.counters.replies++
          if (status >= 400) noteError(this.counters, `${status} ${start}`)
          resolve(status)
        })
      })
      request.on('error', () => resolve(0))
      request.end(body)
    })
  }

  /**
   * REST requests on `clients` at a time, until the time is over.
   * @param {number} clients at full scale
   * @param {(n: number) => Promise<number>} request
   */
  async repeatRest(clients, request) {
    let n = 0
    const one = async () => {
      while (this.running) {
        // The server is gone: do not spin.
        if ((await request(n++)) === 0) await this.pause(20)
      }
    }
    await Promise.all(Array.from({ length: this.some(clients) }, one))
  }

  close() {
    for (const agent of this.agents) agent.destroy()
  }
}
