import { connect, type NetConnectOpts, type Socket } from 'node:net'

/** The end of the reply that starts at `at`, or -1 when it is not all there. Errors, simple values and bulks of RESP2 and RESP3. */
function endOfReply(bytes: Buffer, at: number): number {
  const lineEnd = bytes.indexOf('\r\n', at)
  if (lineEnd < 0) return -1
  const after = lineEnd + 2
  const type = String.fromCharCode(bytes[at]!)
  if (!'$=!*~>%'.includes(type)) return after
  const count = Number(bytes.toString('latin1', at + 1, lineEnd))
  if (count < 0) return after
  if ('$=!'.includes(type)) return bytes.length >= after + count + 2 ? after + count + 2 : -1
  let end = after
  for (let i = 0; i < (type === '%' ? 2 * count : count) && end >= 0; i++) end = endOfReply(bytes, end)
  return end
}

export const multibulk = (args: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat([
    Buffer.from(`*${args.length}\r\n`),
    ...args.flatMap((given) => {
      const arg = Buffer.from(given as string)
      return [Buffer.from(`$${arg.length}\r\n`), arg, Buffer.from('\r\n')]
    }),
  ])

const REPLY_TIMEOUT_MS = 10_000

/** A bare socket: request bytes go out as they are, reply bytes come back as they were. */
export class Peer {
  private readonly socket: Socket
  private received: Buffer = Buffer.alloc(0)
  private ended = false
  private wake: () => void = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk])
      this.wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.ended = true
      this.wake()
    })
  }

  static connect(options: NetConnectOpts): Promise<Peer> {
    return new Promise((resolve, reject) => {
      const socket = connect(options, () => resolve(new Peer(socket)))
      socket.once('error', reject)
    })
  }

  get closed(): boolean {
    return this.ended
  }

  /** Sends `count` requests as one write; their replies. A reply that never comes is the text `(no reply)`, a lost connection `(closed)`. */
  async exchange(bytes: Buffer, count: number): Promise<Buffer[]> {
    this.socket.write(bytes)
    const replies: Buffer[] = []
    const deadline = Date.now() + REPLY_TIMEOUT_MS
    while (replies.length < count) {
      const end = this.received.length === 0 ? -1 : endOfReply(this.received, 0)
      if (end > 0) {
        replies.push(this.received.subarray(0, end))
        this.received = this.received.subarray(end)
        continue
      }
      if (this.ended || Date.now() >= deadline) {
        replies.push(Buffer.from(this.ended ? '(closed)' : '(no reply)'))
        this.socket.destroy()
        this.ended = true
        continue
      }
      await this.more(deadline - Date.now())
    }
    return replies
  }

  async call(...args: readonly (string | Buffer)[]): Promise<Buffer> {
    return (await this.exchange(multibulk(args), 1))[0]!
  }

  close(): void {
    this.socket.destroy()
  }

  private more(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
