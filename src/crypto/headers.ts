import { Buffer } from 'node:buffer'
import { createHmac } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { decodeStrict } from './base64url.ts'
import type { DerivedKeys } from './keyring.ts'
import type { Location } from './location.ts'

const LOC_BYTES = 12
/** Of one cache, counted in characters of its locations and headers: the headers of some 200 keys. */
const CACHE_SIZE = 64 * 1024
/** A longer location (a huge hash field) is worked out each time, so that it cannot push out hundreds of others. */
const LONGEST_CACHED = 1024
/** Longer than any header of ours: kid has at most 32 characters. */
const LONGEST_HEADER = 256

/** The protected headers of one location, base64url-encoded, as they stand in a sealed value and in its AAD. */
export interface EncodedHeaders {
  readonly loc: string
  readonly bytes: Buffer
  readonly json: Buffer
}

export interface ParsedHeader {
  readonly kid: string
  readonly loc: string
  readonly json: boolean
}

const encode = (header: Record<string, string>): string => Buffer.from(JSON.stringify(header)).toString('base64url')

/** Makes and keeps the headers of one kid of one automation. */
export class HeaderCache {
  readonly keys: DerivedKeys
  readonly #cache = new LRUCache<Location, EncodedHeaders>({
    maxSize: CACHE_SIZE,
    sizeCalculation: ({ bytes, json }, location) => location.length + bytes.length + json.length,
  })

  constructor(keys: DerivedKeys) {
    this.keys = keys
  }

  at(location: Location): EncodedHeaders {
    const known = this.#cache.get(location)
    if (known !== undefined) return known
    const { kid, locator } = this.keys
    const loc = createHmac('sha256', locator).update(location, 'latin1').digest().toString('base64url', 0, LOC_BYTES)
    const common = { alg: 'dir', enc: 'A256GCM', kid }
    const forBytes = encode({ ...common, loc })
    const forJson = encode({ ...common, cty: 'json', loc })
    // Memory of its own: a slice of Buffer's shared pool would keep 8 KiB alive for each cached header.
    const both = Buffer.allocUnsafeSlow(forBytes.length + forJson.length)
    both.write(forBytes + forJson, 'latin1')
    const made = { loc, bytes: both.subarray(0, forBytes.length), json: both.subarray(forBytes.length) }
    if (location.length <= LONGEST_CACHED) this.#cache.set(location, made)
    return made
  }
}

const MEMBERS = new Set(['alg', 'enc', 'kid', 'cty', 'loc'])

/**
 * Reads a header whose members stand in another order than ours. Comparing with what JSON.stringify makes of it refuses duplicate
 * names (RFC 7515 section 4), white space and escapes. `undefined` for anything that is not exactly one of our headers.
 */
export const parseHeader = (encoded: Buffer): ParsedHeader | undefined => {
  if (encoded.length === 0 || encoded.length > LONGEST_HEADER) return undefined
  const source = decodeStrict(encoded, 0, encoded.length)?.toString('latin1')
  if (source === undefined) return undefined
  let header: unknown
  try {
    header = JSON.parse(source)
  } catch {
    return undefined
  }
  if (typeof header !== 'object' || header === null || JSON.stringify(header) !== source) return undefined
  if (!Object.keys(header).every((name) => MEMBERS.has(name))) return undefined
  const { alg, enc, kid, cty, loc } = header as Record<string, unknown>
  if (alg !== 'dir' || enc !== 'A256GCM' || typeof kid !== 'string' || typeof loc !== 'string') return undefined
  if (cty !== 'json' && cty !== undefined) return undefined
  return { kid, loc, json: cty === 'json' }
}
