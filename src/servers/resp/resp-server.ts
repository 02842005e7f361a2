import { createServer, type Server, type Socket } from 'node:net'
import { respText } from '../../errors/errors.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import type { ConnectionSettings } from './connection-settings.ts'
import { ReplyBudget } from './reply-budget.ts'

export interface TcpServerOptions extends ConnectionSettings {
  readonly maxConnections: number
  /**
   * When more connections than this have not logged in, the oldest of them gives way: a crowd of
   * unauthenticated peers cannot lock out a login.
   */
  readonly maxUnauthenticated: number
}

/** The RESP listener: accepts, counts, limits and closes connections. */
export class TcpServer {
  private readonly server: Server
  private readonly options: TcpServerOptions
  private readonly connectionOptions: ConnectionOptions
  private readonly connections = new Set<Connection>()
  /** Called when the last connection has gone. */
  private emptied: () => void = () => {}
  /** In the order of their coming. */
  private readonly unauthenticated = new Set<Connection>()

  constructor(options: TcpServerOptions) {
    this.options = options
    this.connectionOptions = {
      ...options,
      budget: new ReplyBudget(),
      onLogin: (connection) => void this.unauthenticated.delete(connection),
      onLogout: (connection) => this.addUnauthenticated(connection),
      onClose: (connection) => this.closed(connection),
    }
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.accept(socket))
  }

  /** Resolves with the port that it listens on; rejects with the listener's error (EADDRINUSE...). */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen({ port, host, backlog: 4_096 }, () => {
        this.server.removeListener('error', reject)
        const address = this.server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  }

  /**
   * Stops accepting, lets every connection answer what it has received, and cuts those that take longer than
   * `timeoutMs`.
   */
  async close(timeoutMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const connection of this.connections) connection.endGracefully()
    const deadline = setTimeout(() => {
      for (const connection of this.connections) connection.destroy()
    }, timeoutMs)
    await closed
    // The listener counts a socket as closed before the connection has heard of it, and then leaves its
    // channels.
    if (this.connections.size > 0) await new Promise<void>((resolve) => (this.emptied = resolve))
    clearTimeout(deadline)
  }

  private accept(socket: Socket): void {
    if (this.connections.size >= this.options.maxConnections) {
      socket.on('error', () => {})
      socket.end(`-${respText('too_many_clients')}\r\n`, () => socket.destroy())
      return
    }
    const connection = new Connection(socket, this.connectionOptions)
    this.connections.add(connection)
    this.addUnauthenticated(connection)
  }

  private closed(connection: Connection): void {
    this.connections.delete(connection)
    if (this.connections.size === 0) this.emptied()
    this.unauthenticated.delete(connection)
    connection.session.end()
  }

  private addUnauthenticated(connection: Connection): void {
    this.unauthenticated.add(connection)
    if (this.unauthenticated.size <= this.options.maxUnauthenticated) return
    const [oldest] = this.unauthenticated
    this.unauthenticated.delete(oldest!)
    oldest!.refuse(respText('too_many_logins'))
  }
}
