import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Some hundred and fifty of the shortest requests. */
const PIECE_BYTES = 4 * 1024

/**
 * Has what a socket reads at once, up to 64 KiB, parsed a piece at a time. Node's parser goes on to the end
 * of what it is given, also when its connection was cut by the first requests in it: anyone, without a token,
 * had it make some thousand more each time.
 */
export function parseInPieces(server: Server): void {
  // Node's own listener for this event has come before, and has its parser listen to the data.
  server.on('connection', (socket: Socket) => {
    const listeners = socket.listeners('data') as Array<(chunk: Buffer) => void>
    socket.removeAllListeners('data')
    socket.on('data', (chunk: Buffer) => {
      for (let from = 0; from < chunk.length && !socket.destroyed; from += PIECE_BYTES) {
        const piece = chunk.subarray(from, from + PIECE_BYTES)
        for (const listener of listeners) listener.call(socket, piece)
      }
    })
  })
}
