import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { decodeReply, endOfReply, type RespReply, show } from './resp-reply.ts'

export { Push, type RespReply, show } from './resp-reply.ts'

export type RespArgument = string | Buffer | number

/** One request as a multibulk. */
export function request(...args: readonly RespArgument[]): Buffer {
  const parts = args.flatMap((arg) => {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg))
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]
  })
  return Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts])
}

/** A port of 127.0.0.1, or a Redis by its url or the path of its socket, as TestRedis has it. */
export type Address = number | string

const optionsOf = (to: Address): NetConnectOpts => {
  if (typeof to === 'number') return { host: '127.0.0.1', port: to }
  return to.startsWith('/') ? { path: to } : { host: new URL(to).hostname, port: Number(new URL(to).port) }
}

/** Someone who waits for bytes: takes them if they are there, and says whether the waiting is over. */
type Taker = () => boolean

/**
 * A Redis client that adds nothing of its own. Bytes go out as they are given, so a request may be cut,
 * malformed or one of many; what comes in can be taken as replies (values), as frames (the bytes of a reply
 * or push, as latin1) or up to some text. Who asked first is served first. All that waits rejects when the
 * connection ends before there is enough.
 */
export class RespClient {
  readonly socket: Socket
  /** What came and was not taken: the bytes from `start` to `end` of `buffer`. */
  private buffer = Buffer.alloc(0)
  private start = 0
  private end = 0
  /** Where in `buffer` the whole frames end that are known. */
  private frameEnds: number[] = []
  private takers: Taker[] = []
  private ended = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.append(chunk)
      this.serve()
    })
    // An error is followed by the close, which whoever waits is told of.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.ended = true
      this.serve()
    })
  }

  static connect(
    to: Address,
    options: { allowHalfOpen?: boolean; localAddress?: string } = {},
  ): Promise<RespClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...optionsOf(to), ...options }, () => {
        socket.off('error', reject)
        resolve(new RespClient(socket))
      })
      socket.once('error', reject)
    })
  }

  get closed(): boolean {
    return this.ended
  }

  /** How many whole frames came that have not been taken. */
  get pending(): number {
    this.cut()
    return this.frameEnds.length
  }

  /** Any bytes: several requests, or a part of one. */
  write(bytes: string | Buffer): this {
    this.socket.write(bytes)
    return this
  }

  /** One request. */
  send(...args: readonly RespArgument[]): this {
    return this.write(request(...args))
  }

  /** The next `count` frames. */
  frames(count: number): Promise<string[]> {
    return this.taken(count, (bytes) => bytes.toString('latin1'))
  }

  async frame(): Promise<string> {
    return (await this.frames(1))[0]!
  }

  /** The next `count` frames as their bytes. */
  frameBytes(count: number): Promise<Buffer[]> {
    return this.taken(count, (bytes) => bytes)
  }

  /** The next `count` replies; pushes are among them. */
  replies(count: number): Promise<RespReply[]> {
    return this.taken(count, decodeReply)
  }

  async reply(): Promise<RespReply> {
    return (await this.replies(1))[0]!
  }

  /** Sends one request; its reply. */
  call(...args: readonly RespArgument[]): Promise<RespReply> {
    return this.send(...args).reply()
  }

  /** As `call`, with the reply in the form that `show` gives it. */
  async text(...args: readonly RespArgument[]): Promise<string> {
    return show(await this.call(...args))
  }

  /** As `call`, with the reply as its frame. */
  raw(...args: readonly RespArgument[]): Promise<string> {
    return this.send(...args).frame()
  }

  /** Sends `count` requests as they were encoded; their replies. */
  pipeline(bytes: string | Buffer, count: number): Promise<RespReply[]> {
    return this.write(bytes).replies(count)
  }

  /** All bytes up to `text` and with it, as latin1. */
  until(text: string): Promise<string> {
    return this.wait(
      () => {
        const at = this.buffer.subarray(0, this.end).indexOf(text, this.start)
        return at < 0 ? undefined : this.take(at + Buffer.byteLength(text)).toString('latin1')
      },
      () => `before ${JSON.stringify(text)}`,
    )
  }

  /** The frames that have come. */
  framesSoFar(): string[] {
    this.cut()
    return this.cutOff(this.frameEnds.length).map((bytes) => bytes.toString('latin1'))
  }

  /** The frames that were left when the connection closed. */
  async framesUntilClosed(): Promise<string[]> {
    await this.untilClosed()
    return this.framesSoFar()
  }

  /** The replies that were left when the connection closed. */
  async repliesUntilClosed(): Promise<RespReply[]> {
    await this.untilClosed()
    this.cut()
    return this.cutOff(this.frameEnds.length).map(decodeReply)
  }

  /** Waits until the connection is closed. */
  async untilClosed(): Promise<void> {
    if (!this.ended) await new Promise((resolve) => this.socket.once('close', resolve))
  }

  destroy(): void {
    this.socket.destroy()
  }

  private taken<T>(count: number, as: (bytes: Buffer) => T): Promise<T[]> {
    return this.wait(
      () => {
        this.cut()
        return this.frameEnds.length < count ? undefined : this.cutOff(count).map(as)
      },
      () => `after ${this.pending} of ${count} replies`,
    )
  }

  /**
   * What `attempt` answers as soon as that is something; `where` says at which point the connection ended
   * before.
   */
  private wait<T>(attempt: () => T | undefined, where: () => string): Promise<T> {
    return new Promise((resolve, reject) => {
      this.takers.push(() => {
        try {
          const result = attempt()
          if (result !== undefined) resolve(result)
          else if (!this.ended) return false
          else reject(new Error(`closed ${where()}; received ${JSON.stringify(this.shown())}`))
        } catch (error) {
          reject(error as Error)
        }
        return true
      })
      if (this.takers.length === 1) this.serve()
    })
  }

  private serve(): void {
    while (this.takers.length > 0 && this.takers[0]!()) this.takers.shift()
  }

  private shown(): string {
    return this.buffer.toString('latin1', this.start, Math.min(this.end, this.start + 300))
  }

  /** Notes the ends of the frames that are whole. */
  private cut(): void {
    const bytes = this.buffer.subarray(0, this.end)
    for (let at = this.frameEnds.at(-1) ?? this.start; at < this.end; ) {
      at = endOfReply(bytes, at)
      if (at < 0) return
      this.frameEnds.push(at)
    }
  }

  private cutOff(count: number): Buffer[] {
    const ends = this.frameEnds.splice(0, count)
    return ends.map((end) => this.takeTo(end))
  }

  /** Up to a place that need not be the end of a frame: what follows is cut anew. */
  private take(to: number): Buffer {
    this.frameEnds = []
    return this.takeTo(to)
  }

  /** A copy, as the buffer is written to again. */
  private takeTo(to: number): Buffer {
    const bytes = Buffer.from(this.buffer.subarray(this.start, to))
    this.start = to
    return bytes
  }

  private append(chunk: Buffer): void {
    const held = this.end - this.start
    if (this.end + chunk.length > this.buffer.length) {
      const larger =
        held + chunk.length > this.buffer.length / 2 ? Buffer.alloc(2 * (held + chunk.length)) : this.buffer
      this.buffer.copy(larger, 0, this.start, this.end)
      this.frameEnds = this.frameEnds.map((end) => end - this.start)
      this.buffer = larger
      this.start = 0
      this.end = held
    }
    chunk.copy(this.buffer, this.end)
    this.end += chunk.length
  }
}
