import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Identity } from '../../../auth/identity.ts'
import { type Line, STRANGERS } from '../../../fair-share/line.ts'
import type { Turns } from '../../../fair-share/turns.ts'
import { tokenOf, type Verifier } from '../requests/bearer-token.ts'

/** Requests of one connection that may wait for their answers: clients do not send more ahead. */
const MAX_PIPELINED = 16
/** What is done with a longer body takes a turn of its own. */
const SMALL_BODY_BYTES = 16 * 1024

interface Asker {
  readonly line: Line
  readonly identity: Identity | undefined
}

/**
 * REST requests take their turns with the commands of their automation: before anything is done for one, and
 * again when a long body has come.
 */
export class RequestTurns {
  private readonly turns: Turns
  private readonly verifier: Verifier
  private readonly askers = new WeakMap<IncomingMessage, Asker>()
  private readonly unanswered = new WeakMap<Socket, Set<ServerResponse>>()

  constructor(turns: Turns, verifier: Verifier) {
    this.turns = turns
    this.verifier = verifier
  }

  /** What the server calls for a request, before `handle`. */
  before(handle: RequestListener): RequestListener {
    const { turns } = this
    return (request, response) => {
      const { socket } = request
      const unanswered = this.unansweredOf(socket)
      if (unanswered.size >= MAX_PIPELINED) {
        cut(socket)
        return
      }
      unanswered.add(response)
      response.once('close', () => unanswered.delete(response))
      const line = this.askerOf(request).line
      if (turns.mayStart(line)) handle(request, response)
      else turns.addRequest(line, () => void (socket.destroyed || handle(request, response)))
    }
  }

  /** Who sends this request, when its token has been verified before. */
  identityOf(request: IncomingMessage): Identity | undefined {
    return this.askers.get(request)?.identity
  }

  /** A preHandler hook. */
  readonly onBody = ({ raw, body }: FastifyRequest, _reply: FastifyReply, done: () => void): void => {
    const line = this.askers.get(raw)?.line
    if (line === undefined || !(body instanceof Buffer) || body.length <= SMALL_BODY_BYTES) done()
    else if (this.turns.mayStart(line)) done()
    else this.turns.addRequest(line, done)
  }

  private unansweredOf(socket: Socket): Set<ServerResponse> {
    const known = this.unanswered.get(socket)
    if (known !== undefined) return known
    const unanswered = new Set<ServerResponse>()
    this.unanswered.set(socket, unanswered)
    // Node tells only the response whose turn it is that the socket has closed; others wait for that, too.
    socket.once('close', () => {
      for (const response of unanswered) response.emit('close')
    })
    return unanswered
  }

  private askerOf(request: IncomingMessage): Asker {
    const token = tokenOf(request.headers)
    const identity = token === undefined ? undefined : this.verifier.cached(token)
    const asker = { line: this.turns.lineOf(identity?.automationId ?? STRANGERS.rest), identity }
    this.askers.set(request, asker)
    return asker
  }
}

/**
 * Ends a connection with hundreds of requests. Node makes an error for each when the socket closes: they need
 * no stack, which would take ten times as long as all the rest.
 */
function cut(socket: Socket): void {
  if (socket.destroyed) return
  let limit = Error.stackTraceLimit
  socket.prependOnceListener('close', () => {
    limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
  })
  socket.once('close', () => {
    Error.stackTraceLimit = limit
  })
  socket.destroy()
}
