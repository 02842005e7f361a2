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

/** An onRequest hook: it runs before a byte of the body is read. */
export const authenticate =
  (verifier: Verifier, automations: Automations, gate: Gate) =>
  (request: FastifyRequest, _reply: unknown, done: Done): void => {
    const enter = (identity: Identity): void => {
      gate.enter(identity)
      request.caller = { identity, automation: automations.get(identity.automationId) }
      gate.allowRight(identity, request.routeOptions.config.writes === true ? 'kv:write' : 'kv:read')
      if (gate.rates.take(identity.automationId) > 0) throw new KvError('rate_limited')
    }
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1]
    if (token === undefined) {
      done(new KvError('unauthorized'))
      return
    }
    const known = verifier.cached(token)
    if (known === undefined) {
      gate.logins
        .attempt(request.socket.remoteAddress, () => verifier.verify(token))
        .then(enter)
        .then(() => done(), done)
      return
    }
    try {
      enter(known)
    } catch (error) {
      done(error as Error)
      return
    }
    done()
  }
