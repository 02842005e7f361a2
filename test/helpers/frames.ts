import { connect, type Socket } from 'node:net'
import { endOfReply } from './raw-redis.ts'
import { request } from './wire.ts'

/** A client that keeps replies and messages apart, as the bytes that they were, in the order in which they came. Latin1 shows them. */
export class FrameClient {
  readonly socket: Socket
  private received = Buffer.alloc(0)
  private readonly arrived: string[] = []
  private waiting: Array<() => void> = []
  private isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk])
      this.cut()
      this.wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
      this.wake()
    })
  }

  /** To a port of 127.0.0.1, or to a Redis by its url as TestRedis has it. */
  static connect(to: number | string): Promise<FrameClient> {
    const local = (port: number): { host: string; port: number } => ({ host: '127.0.0.1', port })
    const options = typeof to === 'number' ? local(to) : to.startsWith('/') ? { path: to } : local(Number(new URL(to).port))
    return new Promise((resolve, reject) => {
      const socket = connect(options, () => resolve(new FrameClient(socket)))
      socket.once('error', reject)
    })
  }

  get closed(): boolean {
    return this.isClosed
  }

  /** How many came that have not been taken. */
  get pending(): number {
    return this.arrived.length
  }

  send(...args: ReadonlyArray<string | Buffer | number>): this {
    this.socket.write(request(...args))
    return this
  }

  /** The next `count`. Rejects when the connection closes before the last of them. */
  async frames(count: number): Promise<string[]> {
    while (this.arrived.length < count) {
      if (this.isClosed) {
        throw new Error(`closed after ${this.arrived.length} of ${count} frames: ${JSON.stringify(this.arrived.slice(0, 3))}`)
      }
      await this.more()
    }
    return this.arrived.splice(0, count)
  }

  /** All that have come. */
  taken(): string[] {
    return this.arrived.splice(0)
  }

  async frame(): Promise<string> {
    return (await this.frames(1))[0]!
  }

  /** Sends a command; the next frame. */
  call(...args: ReadonlyArray<string | Buffer | number>): Promise<string> {
    return this.send(...args).frame()
  }

  /** What was left when the server closed. */
  async untilClosed(): Promise<string[]> {
    while (!this.isClosed) await this.more()
    return this.arrived.splice(0)
  }

  destroy(): void {
    this.socket.destroy()
  }

  private cut(): void {
    let at = 0
    while (at < this.received.length) {
      const end = endOfReply(this.received, at)
      if (end < 0) break
      this.arrived.push(this.received.toString('latin1', at, end))
      at = end
    }
    this.received = this.received.subarray(at)
  }

  private more(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  private wake(): void {
    for (const waiter of this.waiting.splice(0)) waiter()
  }
}
