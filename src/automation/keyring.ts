import { Buffer } from 'node:buffer'
import type { KeyObject } from 'node:crypto'
import { createSecretKey, hkdfSync } from 'node:crypto'

const KEY_BYTES = 32
const KID = /^[A-Za-z0-9_-]{1,32}$/
const AUTOMATION_ID = /^[A-Za-z0-9_-]{1,64}$/

/** The kid of the one root that is derived from the secret when no root keys are configured. */
const SECRET_KID = 's1'

export const isAutomationId = (id: unknown): id is string => typeof id === 'string' && AUTOMATION_ID.test(id)

export interface RootKey {
  readonly kid: string
  /** A KeyObject prints as nothing, so a root cannot slip into a log or an error. */
  readonly root: KeyObject
}

/** HKDF-SHA-256 (RFC 5869) with an empty salt: the roots are strong keys already. */
const derive = (root: KeyObject, info: string): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync('sha256', root, Buffer.alloc(0), info, KEY_BYTES)))

/** What one root key gives to one automation: a key for each purpose, so that no two uses share one. */
export class DerivedKeys {
  readonly kid: string
  /** A256GCM content encryption key. */
  readonly content: KeyObject
  /** HMAC key of the synthetic nonces of members and field names. */
  readonly member: KeyObject
  /** HMAC key of `loc`. */
  readonly locator: KeyObject
  /** HMAC key of HyperLogLog elements. */
  readonly element: KeyObject

  constructor({ kid, root }: RootKey, automationId: string) {
    const purpose = (name: string): KeyObject => derive(root, `automation-kv/v1/${name}/${automationId}`)
    this.kid = kid
    this.content = purpose('content')
    this.member = purpose('member')
    this.locator = purpose('locator')
    this.element = purpose('element')
  }

  /** The raw content key, for another JOSE library. */
  get contentBytes(): Buffer {
    return this.content.export()
  }
}

export interface AutomationKeys {
  readonly automationId: string
  /** The keys of the first kid: it seals. */
  readonly sealing: DerivedKeys
  /** The keys of every kid, the sealing one first: all open. */
  readonly all: readonly DerivedKeys[]
}

/** The root that is used when `AUTOMATION_KV_ENCRYPTION_KEYS` is unset. */
export const rootFromSecret = (secret: Uint8Array | string): RootKey => {
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  if (bytes.length === 0) throw new Error('AUTOMATION_KV_SECRET is empty')
  return { kid: SECRET_KID, root: derive(createSecretKey(bytes), 'automation-kv/v1/root') }
}

/**
 * Reads `kid:base64url[,kid:base64url...]`. The messages name an entry by its number only: in a mistyped
 * entry any part may be the key.
 */
export const parseEncryptionKeys = (text: string): RootKey[] => {
  const roots: RootKey[] = []
  for (const [i, entry] of text.split(',').entries()) {
    const fail = (what: string): never => {
      throw new Error(`entry ${i + 1} ${what}`)
    }
    const colon = entry.indexOf(':')
    if (entry.trim() === '') fail('is empty; write kid:base64url[,kid:base64url...]')
    if (colon < 0) fail('has no kid; write kid:base64url')
    const kid = entry.slice(0, colon).trim()
    const encoded = entry.slice(colon + 1).trim()
    if (!KID.test(kid)) fail('has a bad kid; use 1 to 32 characters of A-Z a-z 0-9 _ -')
    const same = roots.findIndex((other) => other.kid === kid)
    if (same >= 0) fail(`has the same kid as entry ${same + 1}`)
    const bytes = Buffer.from(encoded, 'base64url')
    if (bytes.toString('base64url') !== encoded)
      fail('has a key that is not base64url (no padding, - and _ instead of + and /)')
    if (bytes.length < KEY_BYTES) fail(`has a key of ${bytes.length} bytes; at least ${KEY_BYTES} are needed`)
    roots.push({ kid, root: createSecretKey(bytes) })
  }
  return roots
}

export interface RootSettings {
  readonly encryptionKeys?: readonly RootKey[] | undefined
  readonly secret: Uint8Array | string
}

/** The configured roots, else the one that the secret gives. */
export const rootsOf = ({ encryptionKeys, secret }: RootSettings): readonly RootKey[] =>
  encryptionKeys ?? [rootFromSecret(secret)]

/**
 * The root keys, the first of which seals. Changing the first kid makes equal members sealed before and after
 * it unequal.
 */
export class Keyring {
  readonly #roots: readonly RootKey[]

  constructor(roots: readonly RootKey[]) {
    if (roots.length === 0) throw new Error('a keyring needs at least one root key')
    if (new Set(roots.map((root) => root.kid)).size !== roots.length)
      throw new Error('two root keys have the same kid')
    this.#roots = roots
  }

  static fromSettings(settings: RootSettings): Keyring {
    return new Keyring(rootsOf(settings))
  }

  get kids(): readonly string[] {
    return this.#roots.map((root) => root.kid)
  }

  /**
   * Derives afresh on each call (some 100 us a root): keep the result, or the Sealer made from it, in a
   * cache.
   */
  automation(automationId: string): AutomationKeys {
    if (!isAutomationId(automationId)) throw new Error('invalid automation id')
    const all = this.#roots.map((root) => new DerivedKeys(root, automationId))
    return { automationId, sealing: all[0] as DerivedKeys, all }
  }
}
