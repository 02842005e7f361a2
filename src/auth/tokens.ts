import { Buffer } from 'node:buffer'
import type { KeyObject } from 'node:crypto'
import { createSecretKey, hash } from 'node:crypto'
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose'
import { decodeProtectedHeader, errors, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import { KvError } from '../errors/errors.ts'
import type { Identity } from './identity.ts'
import { identityOf } from './identity.ts'
import { loadJwks } from './jwks.ts'

export type { Identity }

const CACHED_TOKENS = 10_000
/** A header line or a RESP argument before login is no longer either. */
const LONGEST_TOKEN = 16 * 1024
const SHARED_SECRET = 'HS256'
const KEY_SET = ['RS256', 'ES256', 'EdDSA']

export interface TokenVerifierOptions {
  readonly secret: Uint8Array | string
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
  /** A file or an https URL with the public keys of RS256, ES256 and EdDSA tokens. */
  readonly jwks?: string | undefined
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined
}

/**
 * `reason` (never a part of the token) becomes `cause`, for the log at debug level; the peer sees one text
 * for every fault but a token that has expired.
 */
const refuse = (code: 'wrongpass' | 'token_expired', reason: string): KvError => {
  const error = new KvError(code)
  error.cause = reason
  return error
}

/**
 * jose's codes and claim names hold nothing of the token; its errors do (`payload`), so they are not passed
 * on.
 */
const refusal = (error: unknown): KvError => {
  if (error instanceof KvError) return error
  if (error instanceof errors.JWTExpired) return refuse('token_expired', 'exp')
  if (error instanceof errors.JWTClaimValidationFailed) return refuse('wrongpass', `claim ${error.claim}`)
  return refuse('wrongpass', error instanceof errors.JOSEError ? error.code : 'not verifiable')
}

/**
 * Verifies tokens, and remembers those that it verified by their SHA-256 until they expire. The algorithm is
 * pinned by the key: HS256 goes to the shared secret and nothing else does, the asymmetric ones go to the
 * JWKS (RFC 8725 section 3.1).
 */
export class TokenVerifier {
  readonly #secret: KeyObject
  readonly #keySet: JWTVerifyGetKey | undefined
  readonly #options: JWTVerifyOptions
  readonly #now: () => number
  readonly #verified = new LRUCache<string, Identity>({ max: CACHED_TOKENS })
  readonly #pending = new Map<string, Promise<Identity>>()

  constructor(options: TokenVerifierOptions) {
    const { secret, issuer, audience, jwks, now } = options
    const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
    if (bytes.length === 0) throw new Error('the token secret is empty')
    this.#secret = createSecretKey(bytes)
    this.#keySet = jwks === undefined ? undefined : loadJwks(jwks)
    this.#options = {
      requiredClaims: ['exp'],
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    }
    this.#now = now ?? Date.now
  }

  /**
   * Rejects with KvError `token_expired`, or `wrongpass` for any other fault. Calls for one token at one time
   * share the work.
   */
  async verify(token: string | Buffer): Promise<Identity> {
    if (token.length > LONGEST_TOKEN) throw refuse('wrongpass', 'too long')
    const key = hashOf(token)
    const known = this.#cachedAt(key)
    if (known !== undefined) return known
    const pending = this.#pending.get(key)
    if (pending !== undefined) return pending
    const verification = this.#remember(key, token.toString('latin1')).finally(() =>
      this.#pending.delete(key),
    )
    this.#pending.set(key, verification)
    return verification
  }

  /** The identity of a token that was verified before and still lives; never waits. */
  cached(token: string | Buffer): Identity | undefined {
    return token.length > LONGEST_TOKEN ? undefined : this.#cachedAt(hashOf(token))
  }

  #cachedAt(key: string): Identity | undefined {
    const identity = this.#verified.get(key)
    if (identity === undefined || identity.expiresAt > this.#now()) return identity
    this.#verified.delete(key)
    return undefined
  }

  async #remember(key: string, token: string): Promise<Identity> {
    const identity = await this.#verify(token)
    this.#verified.set(key, identity)
    return identity
  }

  async #verify(token: string): Promise<Identity> {
    let claims: JWTPayload
    try {
      claims = await this.#signedClaims(token)
    } catch (error) {
      throw refusal(error)
    }
    const identity = identityOf(claims)
    if (typeof identity === 'string') throw refuse('wrongpass', `claim ${identity}`)
    // jose compares whole seconds; a float exp may lie within this one.
    if (identity.expiresAt <= this.#now()) throw refuse('token_expired', 'exp')
    return identity
  }

  async #signedClaims(token: string): Promise<JWTPayload> {
    const options = { ...this.#options, currentDate: new Date(this.#now()) }
    const { alg } = decodeProtectedHeader(token)
    if (this.#keySet !== undefined && alg !== SHARED_SECRET) {
      return (await jwtVerify(token, this.#keySet, { ...options, algorithms: KEY_SET })).payload
    }
    return (await jwtVerify(token, this.#secret, { ...options, algorithms: [SHARED_SECRET] })).payload
  }
}

const hashOf = (token: string | Buffer): string => hash('sha256', token, 'base64url')
