import type { Tenant } from '../core/tenant.ts'
import { KvError } from '../errors.ts'
import type { Door } from './door.ts'
import { keyOfName } from './keys.ts'

export interface Listing {
  readonly keys: readonly string[]
  /** The name after which the next page begins; undefined at the end. */
  readonly last: Buffer | undefined
  /** Keys that fit the prefix and that REST cannot name: not UTF-8, too long, or with characters that it refuses. */
  readonly omitted: number
}

export interface ListingOptions {
  readonly prefix: Buffer
  readonly after: Buffer | undefined
  readonly limit: number
  readonly maxKeyLength: number
}

/** The automation's keys in the order of their bytes, from its index. */
export async function listKeys(door: Door, tenant: Tenant, { prefix, after, limit, maxKeyLength }: ListingOptions): Promise<Listing> {
  // Sent together, so one round trip; expiry goes by the backing Redis's clock.
  const [time, flat] = (await Promise.all([door.read(['TIME']), door.read(['HGETALL', tenant.indexKey])])) as [[Buffer, Buffer], Buffer[]]
  const now = Number(time[0]) * 1_000 + Math.floor(Number(time[1]) / 1_000)
  const names: Buffer[] = []
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i]!
    if (name.subarray(0, prefix.length).equals(prefix) && isLive(flat[i + 1]!, now)) names.push(name)
  }
  names.sort(Buffer.compare)
  const addressable = names.flatMap((name) => keyOfName(name, maxKeyLength) ?? [])
  const rest = after === undefined ? addressable : addressable.filter(({ name }) => Buffer.compare(name, after) > 0)
  const page = rest.slice(0, limit)
  return {
    keys: page.map(({ text }) => text),
    last: page.length < rest.length ? page.at(-1)!.name : undefined,
    omitted: names.length - addressable.length,
  }
}

/** An entry is `created:updated:version:expires`, milliseconds, 0 without a TTL. */
function isLive(entry: Buffer, now: number): boolean {
  const expires = Number(entry.toString('latin1', entry.lastIndexOf(':') + 1))
  return expires === 0 || expires > now
}

export const cursorOf = (name: Buffer): string => name.toString('base64url')

/** Throws `invalid_request` for a text that `cursorOf` never made. */
export function parseCursor(cursor: string): Buffer {
  const name = Buffer.from(cursor, 'base64url')
  if (name.length === 0 || name.toString('base64url') !== cursor) throw new KvError('invalid_request', 'invalid_request: cursor is not valid')
  return name
}
