import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { KvError } from '../../../errors/errors.ts'
import { errorBody } from '../answers/error-answers.ts'

export interface ConnectionBounds {
  /** Open sockets. */
  readonly max: number
  /** From the head of a request to the last byte of its answer, in ms. */
  readonly exchangeMs: number
}

/**
 * Bounds the sockets of the listener. When there are too many, the one gives way that has waited for longest
 * without a request under way: first those that have never sent a whole head, then those between two
 * requests. When all are busy the new one is refused. An exchange that takes too long is cut.
 * Returns what ends the looking after exchanges.
 */
export function boundConnections(server: Server, { max, exchangeMs }: ConnectionBounds): () => void {
  const open = new Set<Socket>()
  /** In the order of their coming, and of their last answer. */
  const fresh = new Set<Socket>()
  const idle = new Set<Socket>()
  /** In the order of their beginning. */
  const exchanges = new Map<ServerResponse, number>()

  const forget = (socket: Socket): void => {
    for (const set of [open, fresh, idle]) set.delete(socket)
  }
  const giveWay = (): boolean => {
    const [oldest] = fresh.size > 0 ? fresh : idle
    if (oldest === undefined) return false
    forget(oldest)
    oldest.destroy()
    return true
  }
  server.on('connection', (socket: Socket) => {
    if (open.size >= max && !giveWay()) {
      refuse(socket)
      return
    }
    open.add(socket)
    fresh.add(socket)
    socket.once('close', () => forget(socket))
  })
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    // Cut already, with many requests sent ahead.
    if (socket.destroyed) return
    fresh.delete(socket)
    idle.delete(socket)
    exchanges.set(response, performance.now())
    response.once('close', () => {
      exchanges.delete(response)
      if (open.has(socket)) idle.add(socket)
    })
  })
  const sweep = setInterval(
    () => {
      const latest = performance.now() - exchangeMs
      for (const [response, begun] of exchanges) {
        if (begun > latest) return
        response.destroy()
      }
    },
    Math.min(1_000, exchangeMs / 4),
  )
  sweep.unref()
  return () => clearInterval(sweep)
}

function refuse(socket: Socket): void {
  const body = errorBody(new KvError('too_many_readers'))
  socket.on('error', () => {})
  const head = 'HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json; charset=utf-8\r\n'
  const rest = `retry-after: 1\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  socket.end(head + rest, () => socket.destroy())
}
