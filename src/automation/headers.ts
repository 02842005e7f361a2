import { Buffer } from 'node:buffer'
import { createHmac } from 'node:crypto'
import { decodeStrict } from '../lib/base64url.ts'
import { RecentMap } from '../lib/recent-map.ts'
import type { DerivedKeys } from './keyring.ts'
import type { Location } from './location.ts'
import type { OpenedEntry } from './opened-values.ts'

const LOC_BYTES = 12
/** Of all automations together, in bytes, estimated: the headers of some 50,000 keys. */
const CACHE_SIZE = 32 * 1024 * 1024
/** What an entry takes besides its texts. */
const ENTRY_BYTES = 400
/**
 * A longer location (a huge hash field) is worked out each time, so that it cannot push out hundreds of
 * others.
 */
const LONGEST_CACHED = 1024
/** Longer than any header of ours: kid has at most 32 characters. */
const LONGEST_HEADER = 256

/**
 * The protected headers of one location, base64url-encoded, as they stand in a sealed value and in its AAD.
 */
export class EncodedHeaders {
  readonly loc: string
  /** For bytes. */
  readonly bytes: Buffer
  /** The value at this location that was opened last. */
  recent: OpenedEntry | undefined
  readonly #kid: string
  #json: Buffer | undefined

  constructor(kid: string, loc: string) {
    this.loc = loc
    this.bytes = encode(`{"alg":"dir","enc":"A256GCM","kid":"${kid}","loc":"${loc}"}`)
    this.#kid = kid
  }

  /** For JSON documents; made when first asked for, since most locations hold only one of the two. */
  get json(): Buffer {
    this.#json ??= encode(
      `{"alg":"dir","enc":"A256GCM","kid":"${this.#kid}","cty":"json","loc":"${this.loc}"}`,
    )
    return this.#json
  }
}

export interface ParsedHeader {
  readonly kid: string
  readonly loc: string
  readonly json: boolean
}

/**
 * kid and loc have only characters that JSON writes as they are. Memory of its own: a slice of Buffer's pool
 * would keep 8 KiB alive.
 */
function encode(header: string): Buffer {
  const text = Buffer.from(header, 'latin1').toString('base64url')
  const encoded = Buffer.allocUnsafeSlow(text.length)
  encoded.write(text, 'latin1')
  return encoded
}

/** One for the process, so that its bound holds however many automations there are. */
const cache = new RecentMap<EncodedHeaders>(
  CACHE_SIZE,
  ({ bytes }, location) => ENTRY_BYTES + location.length + 2 * bytes.length,
)

let caches = 0

/** Makes and keeps the headers of one kid of one automation. */
export class HeaderCache {
  readonly keys: DerivedKeys
  readonly #prefix = `${++caches}:`

  constructor(keys: DerivedKeys) {
    this.keys = keys
  }

  at(location: Location): EncodedHeaders {
    const key = this.#prefix + location
    const known = cache.get(key)
    if (known !== undefined) return known
    const { kid, locator } = this.keys
    const loc = createHmac('sha256', locator)
      .update(location, 'latin1')
      .digest()
      .toString('base64url', 0, LOC_BYTES)
    const made = new EncodedHeaders(kid, loc)
    if (location.length <= LONGEST_CACHED) cache.set(key, made)
    return made
  }
}

const MEMBERS = new Set(['alg', 'enc', 'kid', 'cty', 'loc'])

/**
 * Reads a header whose members stand in another order than ours. Comparing with what JSON.stringify makes of
 * it refuses duplicate names (RFC 7515 section 4), white space and escapes. `undefined` for anything that is
 * not exactly one of our headers.
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
  if (alg !== 'dir' || enc !== 'A256GCM' || typeof kid !== 'string' || typeof loc !== 'string')
    return undefined
  if (cty !== 'json' && cty !== undefined) return undefined
  return { kid, loc, json: cty === 'json' }
}
