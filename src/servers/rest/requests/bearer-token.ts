import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import type { Identity, TokenVerifier } from '../../../auth/tokens.ts'
import type { Automation, Automations } from '../../../automation/automation.ts'
import { KvError } from '../../../errors/errors.ts'
import type { Gate } from '../../../gate/gate.ts'

/** Who asks, and whose data it is: both come from the token alone. */
export interface Caller {
  readonly identity: Identity
  readonly automation: Automation
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
    /** For the log: `ok` or the code of the error. */
    outcome: string
  }
  interface FastifyContextConfig {
    /** Refused to a token that may only read. */
    writes?: boolean
  }
}

export type Verifier = Pick<TokenVerifier, 'cached' | 'verify'>

/** RFC 6750 section 2.1; the scheme's case does not matter (RFC 9110 section 11.1). */
const BEARER = /^Bearer +([\w\-.~+/]+=*) *$/i

type Done = (error?: Error) => void

export const tokenOf = ({ authorization = '' }: IncomingHttpHeaders): string | undefined =>
  BEARER.exec(authorization)?.[1]

/**
 * An onRequest hook: it runs before a byte of the body is read. `known`: whose token was looked up already.
 */
export const authenticate =
  (
    verifier: Verifier,
    automations: Automations,
    gate: Gate,
    known: (request: IncomingMessage) => Identity | undefined,
  ) =>
  (request: FastifyRequest, _reply: unknown, done: Done): void => {
    const enter = (identity: Identity): void => {
      gate.enter(identity, Date.now())
      request.caller = { identity, automation: automations.get(identity.automationId) }
      gate.allowRight(identity, request.routeOptions.config.writes === true ? 'kv:write' : 'kv:read')
      if (gate.rates.take(identity.automationId) > 0) throw new KvError('rate_limited')
    }
    const identity = known(request.raw)
    if (identity === undefined) {
      const token = tokenOf(request.headers)
      if (token === undefined) {
        done(new KvError('unauthorized'))
        return
      }
      gate.logins
        .attempt(request.socket.remoteAddress, () => verifier.verify(token))
        .then(enter)
        .then(() => done(), done)
      return
    }
    try {
      enter(identity)
    } catch (error) {
      done(error as Error)
      return
    }
    done()
  }
