import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import { createLocalJWKSet, createRemoteJWKSet } from 'jose'
import { mayServeKeySet } from '../lib/key-set-url.ts'

/**
 * A key set from a file (read once, now) or from an https URL (fetched when first needed and again for a kid
 * that it lacks, at most every 30 s), or from an http URL of this machine.
 */
export const loadJwks = (source: string): JWTVerifyGetKey => {
  if (/^https?:\/\//i.test(source)) {
    const url = new URL(source)
    if (!mayServeKeySet(url)) throw new Error('the JWKS URL must be https')
    return createRemoteJWKSet(url)
  }
  const path = source.startsWith('file:') ? fileURLToPath(source) : source
  let keys: JSONWebKeySet
  try {
    keys = JSON.parse(readFileSync(path, 'utf8')) as JSONWebKeySet
  } catch (error) {
    const reason =
      error instanceof SyntaxError
        ? 'it is not JSON'
        : ((error as NodeJS.ErrnoException).code ?? 'it is unreadable')
    throw new Error(`cannot read the JWKS file ${path}: ${reason}`)
  }
  try {
    return createLocalJWKSet(keys)
  } catch {
    throw new Error(`${path} is not a JSON Web Key Set: it needs an array "keys" (RFC 7517 section 5)`)
  }
}
