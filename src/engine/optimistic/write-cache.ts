import { Buffer } from 'node:buffer'
import type { Automation } from '../../automation/automation.ts'
import { idOf } from '../../lib/id.ts'
import { RecentMap } from '../../lib/recent-map.ts'
import { Cell } from '../plaintext/cell.ts'
import type { KeyState } from '../plaintext/database.ts'
import type { Need } from '../plaintext/extent.ts'
import { NotLoaded } from '../plaintext/not-loaded.ts'
import type { Snapshot } from '../plaintext/snapshot.ts'
import { StoredKey } from '../plaintext/stored-key.ts'
import { Unseen } from '../plaintext/values.ts'

/** Of all automations together, in bytes, estimated. */
const CACHE_SIZE = 16 * 1024 * 1024
/** A longer value costs more to seal than to fetch. */
const LONGEST = 1024
/** What an entry is counted as, besides its name and the longest value. */
const ENTRY_BYTES = 1024

/**
 * The strings that this process itself wrote last, as its commits left them: a counter that is incremented
 * again is computed from here, without being read first. It need not be right: the commit is guarded by the
 * index entry of each key, and tells when another has written meanwhile. Keys with a TTL are not kept, since
 * whether they have expired is a matter of Redis's clock.
 */
export class WriteCache {
  private readonly cache = new RecentMap<StoredKey>(
    CACHE_SIZE,
    (_key, entry) => ENTRY_BYTES + LONGEST + entry.length,
  )

  /** The keys, if all of them are known in full. */
  lookUp(automation: Automation, needs: readonly Need[]): Snapshot | undefined {
    const keys = new Map<string, StoredKey>()
    for (const { name, extent } of needs) {
      const id = idOf(name)
      const key = extent === 'all' ? this.cache.get(`${automation.id} ${id}`) : undefined
      if (key === undefined) return undefined
      keys.set(id, key)
    }
    return keys.size === 0 ? undefined : new CachedSnapshot(automation, keys)
  }

  /**
   * After a commit: how it left the keys that it changed. `before` is the automation's version until then;
   * `now` is Redis's clock at the commit, in milliseconds since the epoch.
   */
  noteAll({ automation, keys }: Snapshot, changed: readonly KeyState[], before: number, now: number): void {
    for (const state of changed) {
      const stored = keys.get(idOf(state.name))!
      this.note(automation, stored, state, before + state.changedBy + 1, now)
    }
  }

  /**
   * After a commit: how it left a key that was `before`. `now` is Redis's clock at the commit, in
   * milliseconds since the epoch.
   */
  note(
    automation: Automation,
    before: StoredKey,
    { name, value, expireAt, fresh }: KeyState,
    version: number,
    now: number,
  ): void {
    const entry = `${automation.id} ${idOf(name)}`
    const plain =
      value?.type === 'string' && !(value instanceof Unseen) && expireAt === 0 ? value.cell.known : undefined
    if (plain === undefined || plain.bytes.length > LONGEST) {
      this.cache.delete(entry)
      return
    }
    // In memory of its own: name and value are parts of what a client sent, and a slice of Buffer's pool
    // would keep 8 KiB alive.
    const own = Buffer.allocUnsafeSlow(name.length + plain.bytes.length)
    name.copy(own)
    plain.bytes.copy(own, name.length)
    const cell = Cell.of({ bytes: own.subarray(name.length), json: plain.json })
    const createdAt = fresh || !before.live ? now : before.createdAt
    const key = StoredKey.written(automation, own.subarray(0, name.length), cell, version, createdAt, now)
    this.cache.set(entry, key)
  }

  /** After a commit whose outcome for these keys is not known here. */
  forgetAll(automation: Automation, names: readonly Buffer[]): void {
    for (const name of names) this.cache.delete(`${automation.id} ${idOf(name)}`)
  }

  /**
   * After the link was lost: another Redis may answer on the next one, with another history under the same
   * versions.
   */
  clear(): void {
    this.cache.clear()
  }
}

/**
 * It belongs to no single moment: a job that asks for the time or the version is run again on what Redis has.
 */
class CachedSnapshot implements Snapshot {
  readonly automation: Automation
  readonly keys: ReadonlyMap<string, StoredKey>
  readonly complete = false
  readonly fromCache = true
  /** An automation that wants to be told of events has none of its keys here. */
  readonly events = ''

  constructor(automation: Automation, keys: ReadonlyMap<string, StoredKey>) {
    this.automation = automation
    this.keys = keys
  }

  get now(): number {
    throw new NotLoaded([])
  }

  get version(): string {
    throw new NotLoaded([])
  }

  get forgottenDeletion(): number {
    throw new NotLoaded([])
  }

  load(needs: readonly Need[]): void {
    throw new NotLoaded(needs)
  }
}
