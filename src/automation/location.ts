import { Buffer } from 'node:buffer'

declare const location: unique symbol

/**
 * Where a sealed value belongs: a letter for the kind, then the user's names as netstrings (`s3:foo,`), one
 * latin1 character a byte. The lengths make it unambiguous (https://cr.yp.to/proto/netstrings.txt). It holds
 * names in the clear: `loc` is its keyed hash.
 */
export type Location = string & { readonly [location]: true }

/** Bytes, or text that stands for its UTF-8 bytes. */
export type Name = Buffer | string

const netstring = (name: Name): string => {
  const bytes = typeof name === 'string' ? Buffer.from(name) : name
  return `${bytes.length}:${bytes.toString('latin1')},`
}

const at = (text: string): Location => text as Location

const MEMBER = at('m')
const FIELD_NAME = at('f')

export const locations = {
  string: (key: Name): Location => at(`s${netstring(key)}`),
  /** An element of a list. */
  element: (key: Name): Location => at(`e${netstring(key)}`),
  hashValue: (key: Name, field: Name): Location => at(`h${netstring(key)}${netstring(field)}`),
  /**
   * A member of a set or sorted set. No key in it: equal members of one automation stay equal across keys
   * (SINTER, SMOVE).
   */
  member: (): Location => MEMBER,
  /** The name of a hash field. */
  fieldName: (): Location => FIELD_NAME,
  streamValue: (key: Name): Location => at(`v${netstring(key)}`),
  /** A pub/sub message. */
  message: (channel: Name): Location => at(`p${netstring(channel)}`),
  /**
   * The outcome of a request that is kept for a retry: nothing is sealed for it, its name in the backing
   * Redis is made from it.
   */
  idempotencyKey: (run: Name, key: Name): Location => at(`a${netstring(run)}${netstring(key)}`),
  /** A library of functions. */
  library: (id: Name): Location => at(`l${netstring(id)}`),
  /** Anything else that is kept sealed, such as who listens, and outcomes kept for a retry. */
  record: (name: Name): Location => at(`r${netstring(name)}`),
} as const
