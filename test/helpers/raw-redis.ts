import { connect, type Socket } from 'node:net'

/** The end of the reply that starts at `at`, or -1 when it is not all there. */
export function endOfReply(bytes: Buffer, at: number): number {
  const lineEnd = bytes.indexOf('\r\n', at)
  if (lineEnd < 0) return -1
  const after = lineEnd + 2
  const type = String.fromCharCode(bytes[at]!)
  if (!'$=*~>%'.includes(type)) return after
  const count = Number(bytes.toString('latin1', at + 1, lineEnd))
  if (count < 0) return after
  if (type === '$' || type === '=') return bytes.length >= after + count + 2 ? after + count + 2 : -1
  let end = after
  for (let i = 0; i < (type === '%' ? 2 * count : count) && end >= 0; i++) end = endOfReply(bytes, end)
  return end
}

/** A connection to a real Redis whose replies are kept as the bytes that they were. */
export class RawRedis {
  private readonly socket: Socket
  private received = Buffer.alloc(0)
  private blockedClients: Array<(reply: Buffer) => void> = []

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk])
      for (let end = this.end(); end > 0; end = this.end()) {
        const reply = this.received.subarray(0, end)
        this.received = this.received.subarray(end)
        this.blockedClients.shift()?.(reply)
      }
    })
  }

  /** `url` as TestRedis has it. */
  static connect(url: string): Promise<RawRedis> {
    const options = url.startsWith('/') ? { path: url } : { host: new URL(url).hostname, port: Number(new URL(url).port) }
    return new Promise((resolve, reject) => {
      const socket = connect(options, () => resolve(new RawRedis(socket)))
      socket.once('error', reject)
    })
  }

  send(args: readonly (string | Buffer)[]): Promise<Buffer> {
    const parts = args.flatMap((given) => {
      const arg = Buffer.from(given as string)
      return [Buffer.from(`$${arg.length}\r\n`), arg, Buffer.from('\r\n')]
    })
    this.socket.write(Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts]))
    return new Promise((resolve) => this.blockedClients.push(resolve))
  }

  close(): void {
    this.socket.destroy()
  }

  private end(): number {
    return this.received.length === 0 ? -1 : endOfReply(this.received, 0)
  }
}

/** A reply cut into the wire forms of its elements, for comparing what comes in no order: bulk strings whole, collections as lists. */
export type WireTree = string | WireTree[]

export function wireTree(bytes: Buffer): WireTree {
  let at = 0
  const read = (): WireTree => {
    const start = at
    const type = String.fromCharCode(bytes[at]!)
    const lineEnd = bytes.indexOf('\r\n', at)
    const count = Number(bytes.toString('latin1', at + 1, lineEnd))
    if ('*~>%'.includes(type) && count >= 0) {
      at = lineEnd + 2
      return [type, ...Array.from({ length: type === '%' ? 2 * count : count }, read)]
    }
    at = endOfReply(bytes, at)
    return bytes.toString('latin1', start, at)
  }
  return read()
}
