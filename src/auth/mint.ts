import { Buffer } from 'node:buffer'
import { createSecretKey } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose'
import { KvError } from '../errors/errors.ts'
import { accessOf, identityOf, isAutomationId } from './identity.ts'
import type { TokenVerifier } from './tokens.ts'

export { parseDuration } from './duration.ts'

export interface MintOptions {
  readonly secret: Uint8Array | string
  readonly automationId: string
  readonly runId?: string | undefined
  readonly ttlSeconds: number
  /** `kv:read`, `kv:write` or `kv`, separated by spaces; unset: read and write. */
  readonly scope?: string | undefined
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined
}

/** A token as the dispatcher mints it: HS256, `typ` JWT, whole seconds. */
export const mintToken = async (options: MintOptions): Promise<string> => {
  const { secret, automationId, runId, ttlSeconds, scope, issuer, audience, now = Date.now } = options
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  if (bytes.length === 0) throw new Error('the token secret is empty')
  if (!isAutomationId(automationId))
    throw new Error('invalid automation id: use 1 to 64 characters of A-Z a-z 0-9 _ -')
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1)
    throw new Error('invalid lifetime: it must be a whole number of seconds, 1 or more')
  if (accessOf(scope) === undefined) throw new Error('invalid scope: it must name kv, kv:read or kv:write')
  const iat = Math.floor(now() / 1000)
  const claims = {
    automation_id: automationId,
    ...(runId === undefined ? {} : { run_id: runId }),
    ...(scope === undefined ? {} : { scope }),
    ...(issuer === undefined ? {} : { iss: issuer }),
    ...(audience === undefined ? {} : { aud: audience }),
    iat,
    exp: iat + ttlSeconds,
  }
  if (typeof identityOf(claims) === 'string') throw new Error('invalid run id: use at most 256 characters')
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(createSecretKey(bytes))
}

export interface TokenReport {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** `unverified`: no verifier was given, so only the claims were looked at. */
  readonly status: 'valid' | 'expired' | 'refused' | 'unverified'
  /** Why it was refused, or which claim would be. */
  readonly reason: string | undefined
  readonly expiresAt: Date | undefined
}

/**
 * What a token says and whether it holds. The report has neither the token nor its signature. Throws when it
 * is no JWT at all.
 */
export const inspectToken = async (token: string, verifier?: TokenVerifier): Promise<TokenReport> => {
  let header: Record<string, unknown>
  let claims: Record<string, unknown>
  try {
    header = { ...decodeProtectedHeader(token) }
    claims = decodeJwt(token)
  } catch {
    throw new Error('not a JWT: three base64url parts with dots between them are expected')
  }
  const exp = typeof claims.exp === 'number' ? new Date(claims.exp * 1000) : undefined
  const expiresAt = exp === undefined || Number.isNaN(exp.getTime()) ? undefined : exp
  const report = (status: TokenReport['status'], reason?: string): TokenReport => ({
    header,
    claims,
    status,
    reason,
    expiresAt,
  })
  if (verifier === undefined) {
    const identity = identityOf(claims)
    return report('unverified', typeof identity === 'string' ? `claim ${identity}` : undefined)
  }
  try {
    await verifier.verify(token)
    return report('valid')
  } catch (error) {
    if (!(error instanceof KvError)) throw error
    return report(
      error.code === 'token_expired' ? 'expired' : 'refused',
      typeof error.cause === 'string' ? error.cause : undefined,
    )
  }
}
