import type { Automation } from '../../../automation/automation.ts'
import { KvError } from '../../../errors/errors.ts'
import type { Gate } from '../../../gate/gate.ts'
import type { AsyncStore } from './async-store.ts'

export interface Listing {
  readonly keys: readonly string[]
  /** The name after which the next page begins; undefined at the end. */
  readonly last: Buffer | undefined
  /**
   * Keys that fit the prefix and that REST cannot name: not UTF-8, too long, or with characters that it
   * refuses.
   */
  readonly omitted: number
}

export interface ListingOptions {
  readonly prefix: Buffer
  readonly after: Buffer | undefined
  readonly limit: number
  readonly gate: Gate
}

/** The automation's keys in the order of their bytes. */
export async function listKeys(
  store: AsyncStore,
  automation: Automation,
  { prefix, after, limit, gate }: ListingOptions,
): Promise<Listing> {
  const live = await store.liveKeys(automation)
  const names = live.map(({ name }) => name).filter((name) => name.subarray(0, prefix.length).equals(prefix))
  names.sort(Buffer.compare)
  const addressable = names.flatMap((name) => gate.keyOfName(name) ?? [])
  const rest =
    after === undefined ? addressable : addressable.filter(({ name }) => Buffer.compare(name, after) > 0)
  const page = rest.slice(0, limit)
  return {
    keys: page.map(({ text }) => text),
    last: page.length < rest.length ? page.at(-1)!.name : undefined,
    omitted: names.length - addressable.length,
  }
}

export const cursorOf = (name: Buffer): string => name.toString('base64url')

/** Throws `invalid_request` for a text that `cursorOf` never made. */
export function parseListCursor(cursor: string): Buffer {
  const name = Buffer.from(cursor, 'base64url')
  if (name.length === 0 || name.toString('base64url') !== cursor) {
    throw new KvError('invalid_request', 'cursor is not valid')
  }
  return name
}
