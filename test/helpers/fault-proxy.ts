import { connect, createServer, type Server, type Socket } from 'node:net'

/** What happens to bytes that arrive. */
type Mode = 'pass' | 'stall' | 'stall-replies' | 'reset-in-reply'

interface Link {
  readonly client: Socket
  readonly server: Socket
  /** Given up silently: nothing passes any more, and nobody is told. */
  dead: boolean
}

/**
 * A TCP relay on a free port of 127.0.0.1 that breaks on demand. What was held back by a stall arrives late,
 * even when the sender has given up meanwhile, as on a real network.
 */
export class FaultProxy {
  private readonly listener: Server
  private readonly links = new Set<Link>()
  private targetPort: number
  private mode: Mode = 'pass'
  private delayMs = 0
  private refusing = false

  private constructor(listener: Server, targetPort: number) {
    this.listener = listener
    this.targetPort = targetPort
    listener.on('connection', (client) => this.accept(client))
  }

  static start(targetPort: number): Promise<FaultProxy> {
    return new Promise((resolve, reject) => {
      const listener = createServer({ pauseOnConnect: true, noDelay: true })
      const proxy = new FaultProxy(listener, targetPort)
      listener.once('error', reject)
      listener.listen(0, '127.0.0.1', () => resolve(proxy))
    })
  }

  get port(): number {
    return (this.listener.address() as { port: number }).port
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** How many links there are. */
  get open(): number {
    return this.links.size
  }

  /** New links go to another port; those that are open stay. */
  retarget(port: number): void {
    this.targetPort = port
  }

  /** Resets every link; with `refuse` also every new one, until `restore`. */
  cut(refuse: boolean): void {
    this.refusing = refuse
    for (const { client, server } of this.links) {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
  }

  /** Nothing passes, but nothing is closed either; `replies`: requests still reach the server. */
  stall(what: 'both' | 'replies'): void {
    this.mode = what === 'both' ? 'stall' : 'stall-replies'
    for (const link of this.links) this.hold(link)
  }

  /** The links that are open die without a sign; new ones work. */
  blackhole(): void {
    for (const link of this.links) {
      link.dead = true
      this.hold(link)
    }
  }

  /** Everything takes so much longer, in each direction. */
  delay(ms: number): void {
    this.delayMs = ms
  }

  /** Of the next reply of each link only a part arrives, then the link is reset. */
  resetInReply(): void {
    this.mode = 'reset-in-reply'
  }

  restore(): void {
    this.mode = 'pass'
    this.delayMs = 0
    this.refusing = false
    for (const link of this.links) this.hold(link)
  }

  close(): Promise<void> {
    this.cut(true)
    return new Promise((resolve) => this.listener.close(() => resolve()))
  }

  private accept(client: Socket): void {
    client.on('error', () => client.destroy())
    if (this.refusing) {
      client.resetAndDestroy()
      return
    }
    const server = connect({ port: this.targetPort, host: '127.0.0.1', noDelay: true })
    const link: Link = { client, server, dead: false }
    this.links.add(link)
    server.on('error', () => server.destroy())
    client.on('data', (chunk: Buffer) => this.forward(chunk, server))
    server.on('data', (chunk: Buffer) => this.reply(link, chunk))
    client.on('end', () => this.later(() => server.end()))
    server.on('end', () => this.later(() => client.end()))
    client.on('close', () => this.later(() => this.end(link)))
    server.on('close', () => this.later(() => this.end(link)))
    this.hold(link)
  }

  private end(link: Link): void {
    // Neither side of a dead link hears of the end of the other.
    if (link.dead) return
    this.links.delete(link)
    link.client.destroy()
    link.server.destroy()
  }

  private reply({ client, server }: Link, chunk: Buffer): void {
    if (this.mode !== 'reset-in-reply') {
      this.forward(chunk, client)
      return
    }
    // What is written before a reset is lost with it, unless the peer has had the time to read it.
    client.write(chunk.subarray(0, Math.max(1, chunk.length >> 1)), () =>
      setImmediate(() => client.resetAndDestroy()),
    )
    server.resetAndDestroy()
  }

  private forward(chunk: Buffer, to: Socket): void {
    this.later(() => void (to.writable && to.write(chunk)))
  }

  private later(step: () => void): void {
    if (this.delayMs === 0) step()
    else setTimeout(step, this.delayMs)
  }

  private hold({ client, server, dead }: Link): void {
    const holds = (stalled: boolean, socket: Socket): void =>
      void (stalled || dead ? socket.pause() : socket.resume())
    holds(this.mode === 'stall', client)
    holds(this.mode === 'stall' || this.mode === 'stall-replies', server)
  }
}
