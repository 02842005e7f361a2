import type { FastifyReply, FastifyRequest } from 'fastify'
import { KvError } from '../../../errors/errors.ts'

export interface RequestLimits {
  /** Requests of one automation under way, until their answers were read. */
  readonly maxRequests: number
  /** Bytes of bodies and answers of one automation. */
  readonly maxBytes: number
  /** The same of all automations. */
  readonly maxBytesOfAll: number
}

/** Requests of one automation that may wait; more are refused. */
const MAX_WAITING = 256
/** The first request of an automation with a body up to this is never kept waiting by others. */
const SMALL_BYTES = 64 * 1024
/** Some ten small answers after a large one, it is forgotten. */
const ANSWER_DECAY = 0.8

interface Ticket {
  readonly share: Share
  /** What is held, or may be, of body and answer. */
  bytes: number
  readonly start: () => void
}

/** What one automation has under way. */
interface Share {
  running: number
  bytes: number
  /** Size of its largest recent answer: what one that is not known yet is counted as. */
  answerBytes: number
  /** In the order of their coming. */
  readonly waiting: Set<Ticket>
}

type Done = (error?: Error) => void

/**
 * What REST requests may hold: the body that comes in, and the answer until it was read. A request that would
 * go beyond it waits, and its body is not read meanwhile. One request of an automation may always be under
 * way, as far as all together have room.
 */
export class RequestLimit {
  private readonly limits: RequestLimits
  private readonly shares = new Map<string, Share>()
  /** Those with requests that wait; the one that was served last comes last. */
  private readonly queue = new Set<Share>()
  private readonly tickets = new WeakMap<FastifyRequest, Ticket>()
  private bytes = 0

  constructor(limits: RequestLimits) {
    this.limits = limits
  }

  /** An onRequest hook, of a caller who is known. Throws `too_many_requests`. */
  readonly onRequest = (request: FastifyRequest, reply: FastifyReply, done: Done): void => {
    const { id } = request.caller.automation
    const share = this.shares.get(id) ?? { running: 0, bytes: 0, answerBytes: 0, waiting: new Set() }
    this.shares.set(id, share)
    const ticket: Ticket = { share, bytes: bodyBytesOf(request) + share.answerBytes, start: () => done() }
    this.tickets.set(request, ticket)
    if (share.waiting.size === 0 && this.fits(ticket)) {
      reply.raw.once('close', () => this.end(ticket, id))
      this.begin(ticket)
      return
    }
    if (share.waiting.size >= MAX_WAITING) {
      done(new KvError('too_many_requests'))
      return
    }
    reply.raw.once('close', () => this.end(ticket, id))
    share.waiting.add(ticket)
    this.queue.add(share)
  }

  /** An onSend hook: the body has been used, and the size of the answer is known. */
  readonly onSend = (
    request: FastifyRequest,
    _reply: FastifyReply,
    payload: unknown,
    done: (error: null, payload: unknown) => void,
  ): void => {
    const ticket = this.tickets.get(request)
    if (ticket !== undefined && typeof payload === 'string') {
      const { share } = ticket
      share.answerBytes = Math.max(payload.length, Math.floor(share.answerBytes * ANSWER_DECAY))
      this.charge(ticket, payload.length - ticket.bytes)
      ticket.bytes = payload.length
    }
    done(null, payload)
  }

  private fits({ share, bytes }: Ticket): boolean {
    const { maxRequests, maxBytes, maxBytesOfAll } = this.limits
    if (share.running >= maxRequests) return false
    if (share.running > 0 && share.bytes + bytes > maxBytes) return false
    return this.bytes + bytes <= maxBytesOfAll || (share.running === 0 && bytes <= SMALL_BYTES)
  }

  private begin(ticket: Ticket): void {
    ticket.share.running++
    this.charge(ticket, ticket.bytes)
    ticket.start()
  }

  /** The answer was sent and read, or the client has gone. */
  private end(ticket: Ticket, id: string): void {
    const { share } = ticket
    if (!share.waiting.delete(ticket)) {
      share.running--
      this.charge(ticket, -ticket.bytes)
    }
    if (share.waiting.size === 0) this.queue.delete(share)
    if (share.running === 0 && share.waiting.size === 0) this.shares.delete(id)
    if (this.queue.size > 0) this.startWaiting()
  }

  private charge({ share }: Ticket, bytes: number): void {
    share.bytes += bytes
    this.bytes += bytes
  }

  /** Each automation in turn, one request at a time. */
  private startWaiting(): void {
    for (const share of [...this.queue]) {
      const [next] = share.waiting
      if (next === undefined || !this.fits(next)) continue
      share.waiting.delete(next)
      this.queue.delete(share)
      if (share.waiting.size > 0) this.queue.add(share)
      this.begin(next)
    }
  }
}

/** What the body may take: what its sender says, or the most that the endpoint takes. */
function bodyBytesOf({ headers, routeOptions: { bodyLimit = 0 } }: FastifyRequest): number {
  if (headers['transfer-encoding'] !== undefined) return bodyLimit
  // A longer one is refused before it is read.
  return Math.min(Number(headers['content-length'] ?? 0) || 0, bodyLimit)
}
