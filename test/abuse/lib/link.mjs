// The neighbour's connection.
import { connect } from 'node:net'
import { encode } from '../../../bench/lib/client.mjs'

/** One connection on which one request at a time waits for one reply. */
export class Link {
  /** @param {import('./neighbour-process.mjs').Target} target */
  constructor(target) {
    this.target = target
    this.text = ''
    this.ready = false
    /** @type {((reply: string) => void) | undefined} */
    this.waiting = undefined
    /** @type {import('node:net').Socket | undefined} */
    this.socket = undefined
  }

  /** Connects and logs in. @returns {Promise<void>} */
  async open() {
    const socket = connect({ port: this.target.doors.port, host: '127.0.0.1', noDelay: true })
    this.socket = socket
    this.text = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      this.text += chunk
      this.look()
    })
    const lost = () => {
      this.ready = false
      this.waiting?.('lost')
    }
    socket.on('error', lost)
    socket.on('close', lost)
    const answer = await this.ask(encode(['AUTH', this.target.token]))
    if (answer !== '+OK') {
      socket.destroy()
      throw new Error(answer)
    }
    this.ready = true
  }

  /** One reply: a line, or a line and so many bytes. */
  look() {
    const end = this.text.indexOf('\r\n')
    if (end < 0 || this.waiting === undefined) return
    const size = this.text[0] === '$' ? Number(this.text.slice(1, end)) : -1
    const total = size < 0 ? end + 2 : end + 2 + size + 2
    if (this.text.length < total) return
    const reply = size < 0 ? this.text.slice(0, end) : `$${this.text.slice(end + 2, end + 2 + size)}`
    this.text = this.text.slice(total)
    this.waiting(reply)
  }

  /**
   * @param {Buffer} bytes
   * @returns {Promise<string>} the reply with its first character, or `lost`
   */
  ask(bytes) {
    return new Promise((resolve) => {
      this.waiting = (reply) => {
        this.waiting = undefined
        resolve(reply)
      }
      if (this.socket === undefined || this.socket.destroyed) return this.waiting('lost')
      this.socket.write(bytes)
    })
  }

  close() {
    this.socket?.resetAndDestroy()
  }
}
