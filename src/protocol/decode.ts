import Parser from 'redis-parser'

/**
 * Turns whole requests, as the framer hands them over, into their arguments. Since they are whole and made of
 * bulks only, redis-parser keeps no state between calls, never joins chunks in its shared pool, and its `new
 * Array(n)` is backed by bytes that are there.
 *
 * The arguments are slices of `frames`, hence of the received chunk: anyone who keeps one longer than its
 * command (a MULTI queue, a blocked client) copies it, or a few bytes keep 64 KiB alive.
 */
export class RequestDecoder {
  private requests: Buffer[][] = []
  private readonly parser = new Parser({
    returnBuffers: true,
    returnReply: (reply: unknown) => {
      if (!Array.isArray(reply)) throw new Error('a request is not an array')
      this.requests.push(reply as Buffer[])
    },
    returnError: () => {
      throw new Error('an error reply among requests')
    },
    returnFatalError: () => {
      throw new Error('the framer let a malformed request through')
    },
  })

  /**
   * One array of arguments a request, in order. Throws if `frames` is not one or more whole requests: a fault
   * of ours, not of the peer.
   */
  decode(frames: Buffer): Buffer[][] {
    try {
      this.parser.execute(frames)
      // The parser drops its buffer exactly when nothing is left over; its typings call that field private.
      if ((this.parser as unknown as { buffer: Buffer | null }).buffer !== null)
        throw new Error('the framer cut a request')
      return this.requests
    } catch (error) {
      this.parser.reset()
      throw error
    } finally {
      this.requests = []
    }
  }
}
