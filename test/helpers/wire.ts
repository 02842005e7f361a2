import { connect, type Socket } from 'node:net'
import RedisParser from 'redis-parser'

export type WireReply = Buffer | number | null | Error | WireReply[]

/** One request as a multibulk. */
export function request(...args: readonly (string | Buffer | number)[]): Buffer {
  const parts = args.flatMap((arg) => {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg))
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]
  })
  return Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts])
}

/** A RESP2 client that adds nothing of its own: one reply for each that arrives, binary-safe, errors as values. */
export class WireClient {
  readonly socket: Socket
  private readonly arrived: WireReply[] = []
  private waiting: Array<() => void> = []
  private isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    const parser = new RedisParser({
      returnBuffers: true,
      returnReply: (reply: WireReply) => void this.arrived.push(reply),
      returnError: (error: Error) => void this.arrived.push(error),
    })
    socket.on('data', (chunk: Buffer) => {
      parser.execute(chunk)
      this.wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
      this.wake()
    })
  }

  static connect(port: number, options: { allowHalfOpen?: boolean } = {}): Promise<WireClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', ...options }, () => resolve(new WireClient(socket)))
      socket.once('error', reject)
    })
  }

  get closed(): boolean {
    return this.isClosed
  }

  send(bytes: string | Buffer): this {
    this.socket.write(bytes)
    return this
  }

  /** The next `count` replies. Rejects when the connection closes before the last of them. */
  async replies(count: number): Promise<WireReply[]> {
    while (this.arrived.length < count) {
      if (this.isClosed)
        throw new Error(`closed after ${this.arrived.length} of ${count} replies: ${this.arrived.slice(0, 3).map(show).join(', ')}`)
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    }
    return this.arrived.splice(0, count)
  }

  async reply(): Promise<WireReply> {
    return (await this.replies(1))[0]!
  }

  /** Sends one command; its reply. */
  async call(...args: readonly (string | Buffer | number)[]): Promise<WireReply> {
    this.send(request(...args))
    return this.reply()
  }

  /** As `call`, with the reply in the form that `show` gives it. */
  async text(...args: readonly (string | Buffer | number)[]): Promise<string> {
    return show(await this.call(...args))
  }

  /** What was left to read when the server closed. */
  async untilClosed(): Promise<WireReply[]> {
    while (!this.isClosed) await new Promise<void>((resolve) => this.waiting.push(resolve))
    return this.arrived.splice(0)
  }

  destroy(): void {
    this.socket.destroy()
  }

  private wake(): void {
    for (const waiter of this.waiting.splice(0)) waiter()
  }
}

/** A reply as text: `-ERR ...` for an error, `(nil)` for null, `[a, b]` for an array. */
export function show(reply: WireReply): string {
  if (reply === null) return '(nil)'
  if (reply instanceof Error) return `-${reply.message}`
  if (Array.isArray(reply)) return `[${reply.map(show).join(', ')}]`
  return reply.toString()
}

/** Waits for a condition of the outside world that nothing announces. */
export async function eventually(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
