import { Buffer } from 'node:buffer'
import type { KeyObject } from 'node:crypto'
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { KvError } from '../errors/errors.ts'
import { decodeStrict, encodedLength, encodeInto } from '../lib/base64url.ts'
import type { EncodedHeaders } from './headers.ts'
import { HeaderCache, parseHeader } from './headers.ts'
import type { AutomationKeys } from './keyring.ts'
import type { Location } from './location.ts'
import { locations } from './location.ts'
import { freshNonce, NONCE_BYTES } from './nonces.ts'
import type { Opened } from './opened.ts'
import { elementOpenedBefore, keepOpened, keepOpenedElement, openedBefore } from './opened-values.ts'
import { Names } from './sealed-names.ts'

const CIPHER = 'aes-256-gcm'
const DOT = 0x2e
/** 96 bits of nonce, 128 bits of tag: the places of the dots fix both lengths. */
const IV_CHARS = 16
const TAG_CHARS = 22
/** The two dots around the empty encrypted key, the nonce, and the dot after it. */
const BEFORE_TEXT = 2 + IV_CHARS + 1
const AFTER_TEXT = 1 + TAG_CHARS
const ELEMENT_BYTES = 16

/**
 * Compact serialization (RFC 7516 section 3.1) with direct encryption: header, no encrypted key, nonce,
 * ciphertext, tag.
 */
const encrypt = (key: KeyObject, header: Buffer, iv: Buffer, plaintext: Buffer): Buffer => {
  const cipher = createCipheriv(CIPHER, key, iv)
  cipher.setAAD(header)
  const text = cipher.update(plaintext)
  cipher.final()
  const out = Buffer.allocUnsafe(header.length + BEFORE_TEXT + encodedLength(text.length) + AFTER_TEXT)
  out.set(header)
  let at = header.length
  out[at++] = DOT
  out[at++] = DOT
  at = encodeInto(iv, out, at)
  out[at++] = DOT
  at = encodeInto(text, out, at)
  out[at++] = DOT
  encodeInto(cipher.getAuthTag(), out, at)
  return out
}

/**
 * `undefined` for a wrong structure, a text that is not canonical, a tag of another length or a wrong tag.
 */
const decrypt = (key: KeyObject, header: Buffer, sealed: Buffer): Buffer | undefined => {
  const textFrom = header.length + BEFORE_TEXT
  const textTo = sealed.length - AFTER_TEXT
  if (textTo < textFrom || sealed[header.length] !== DOT || sealed[header.length + 1] !== DOT)
    return undefined
  if (sealed[textFrom - 1] !== DOT || sealed[textTo] !== DOT) return undefined
  const iv = decodeStrict(sealed, header.length + 2, textFrom - 1)
  const text = decodeStrict(sealed, textFrom, textTo)
  const tag = decodeStrict(sealed, textTo + 1, sealed.length)
  if (iv === undefined || text === undefined || tag === undefined) return undefined
  const decipher = createDecipheriv(CIPHER, key, iv)
  decipher.setAAD(header)
  decipher.setAuthTag(tag)
  const bytes = decipher.update(text)
  try {
    decipher.final()
  } catch {
    return undefined
  }
  return bytes
}

const startsWith = (sealed: Buffer, header: Buffer): boolean =>
  sealed[header.length] === DOT && sealed.compare(header, 0, header.length, 0, header.length) === 0

/**
 * One text for every fault (no oracle). `cause` names the key id for the log, once the header shows that it
 * is one of ours.
 */
const unreadable = (kid?: string): KvError => {
  const error = new KvError('unreadable')
  if (kid !== undefined) error.cause = { kid }
  return error
}

/** Lists and streams. */
const holdsMany = (location: Location): boolean => location[0] === 'e' || location[0] === 'v'

/** Strings and the values of hash fields: names are remembered otherwise. */
const holdsOneValue = (location: Location): boolean => location[0] === 's' || location[0] === 'h'

/**
 * Seals and opens everything that one automation stores, as compact JWE in ASCII (RFC 7516; A256GCM of RFC
 * 7518 section 5.3). It keeps headers: make one for each automation and keep it.
 */
export class Sealer {
  readonly keys: AutomationKeys
  /** One for each kid; the first seals. */
  readonly #headers: readonly HeaderCache[]
  readonly #sealing: HeaderCache
  readonly #members: Names
  readonly #fields: Names

  constructor(keys: AutomationKeys) {
    this.keys = keys
    this.#headers = keys.all.map((derived) => new HeaderCache(derived))
    this.#sealing = this.#headers[0] as HeaderCache
    this.#members = this.#names(locations.member())
    this.#fields = this.#names(locations.fieldName())
  }

  /** `json` marks a JSON document; anything else is bytes. */
  seal(location: Location, plaintext: Buffer, json: boolean): Buffer {
    const headers = this.#sealing.at(location)
    return encrypt(this.#sealing.keys.content, json ? headers.json : headers.bytes, freshNonce(), plaintext)
  }

  /** Throws KvError('unreadable') for whatever this automation did not seal at this location. */
  open(location: Location, sealed: Buffer): Opened {
    for (const cache of this.#headers) {
      const headers = cache.at(location)
      const known = openedBefore(headers, sealed)
      if (known !== undefined) return known
      const json = !startsWith(sealed, headers.bytes)
      if (json && !startsWith(sealed, headers.json)) continue
      const header = json ? headers.json : headers.bytes
      if (holdsMany(location)) return this.#openElement(cache, header, sealed, json)
      const opened = this.#open(cache, header, sealed, json)
      if (holdsOneValue(location)) keepOpened(headers, sealed, opened)
      return opened
    }
    const header = sealed.subarray(0, Math.max(0, sealed.indexOf(DOT)))
    const parsed = parseHeader(header)
    const cache = this.#headers.find(({ keys }) => keys.kid === parsed?.kid)
    if (parsed === undefined || cache === undefined) throw unreadable()
    if (cache.at(location).loc !== parsed.loc) throw unreadable(parsed.kid)
    return this.#open(cache, header, sealed, parsed.json)
  }

  /** The header stands for the location, so that what was opened of these bytes was opened for it. */
  #openElement(cache: HeaderCache, header: Buffer, sealed: Buffer, json: boolean): Opened {
    const from = header.length + 2
    const nonce = sealed.toString('latin1', from, from + IV_CHARS)
    const known = elementOpenedBefore(nonce, sealed)
    if (known !== undefined) return known
    const opened = this.#open(cache, header, sealed, json)
    keepOpenedElement(nonce, sealed, opened)
    return opened
  }

  #open({ keys }: HeaderCache, header: Buffer, sealed: Buffer, json: boolean): Opened {
    const bytes = decrypt(keys.content, header, sealed)
    if (bytes === undefined) throw unreadable(keys.kid)
    return { bytes, json }
  }

  /** A set or sorted set member: equal bytes give equal sealed bytes, as long as the first kid stays. */
  sealMember(bytes: Buffer): Buffer {
    return this.#members.seal(bytes)
  }

  openMember(sealed: Buffer): Buffer {
    return this.#members.open(sealed)
  }

  /** A hash field name: equal bytes give equal sealed bytes, as long as the first kid stays. */
  sealField(bytes: Buffer): Buffer {
    return this.#fields.seal(bytes)
  }

  openField(sealed: Buffer): Buffer {
    return this.#fields.open(sealed)
  }

  #names(kind: Location): Names {
    const synthetic = new Synthetic(this.#sealing, kind)
    return new Names(
      (bytes) => synthetic.seal(bytes),
      (sealed) => {
        const { bytes, json } = this.open(kind, sealed)
        if (json) throw unreadable(this.keys.sealing.kid)
        return bytes
      },
    )
  }

  /**
   * Stands for a HyperLogLog element: 16 bytes that cannot be guessed back from the element without the key.
   */
  hashElement(bytes: Buffer): Buffer {
    return createHmac('sha256', this.keys.sealing.element).update(bytes).digest().subarray(0, ELEMENT_BYTES)
  }
}

/**
 * Seals equal bytes equally: the nonce is a keyed hash of the kind and the plaintext, as in SIV (RFC 5297),
 * so a nonce returns only with its own plaintext and header.
 */
class Synthetic {
  readonly #cache: HeaderCache
  readonly #kind: Location
  readonly #headers: EncodedHeaders

  constructor(cache: HeaderCache, kind: Location) {
    this.#cache = cache
    this.#kind = kind
    this.#headers = cache.at(kind)
  }

  seal(bytes: Buffer): Buffer {
    const { content, member } = this.#cache.keys
    const nonce = createHmac('sha256', member)
      .update(this.#kind, 'latin1')
      .update(bytes)
      .digest()
      .subarray(0, NONCE_BYTES)
    return encrypt(content, this.#headers.bytes, nonce, bytes)
  }
}
