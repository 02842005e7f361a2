import type { Backing, BackingReply } from '../../backing/backing.ts'
import { idOf } from '../../lib/id.ts'
import type { TrackedAutomation } from './tracked-automation.ts'

/** Entries of the index that are looked at in one step. */
const SCAN_COUNT = 512

/** An entry of the index: see prelude.lua. */
const EXPIRES = /^\d+:\d+:\d+:([1-9]\d*)/

/** When the key of an index entry expires; 0: never, or there is none. Milliseconds since the epoch. */
export const expiresOf = (entry: BackingReply | undefined): number =>
  Number(entry instanceof Buffer ? (EXPIRES.exec(entry.toString('latin1'))?.[1] ?? 0) : 0)

/** Looks at all keys of the automation, and notes of those under prefixes when they expire. */
export async function learnExpiry(backing: Backing, tracked: TrackedAutomation): Promise<void> {
  const { automation, prefixes, expiring } = tracked
  let cursor = '0'
  do {
    const step = ['HSCAN', automation.indexKey, cursor, 'COUNT', SCAN_COUNT]
    const [next, flat] = (await backing.call(automation, step)) as [Buffer, Buffer[]]
    for (let i = 0; i < flat.length; i += 2) {
      const id = idOf(flat[i]!)
      const expires = expiresOf(flat[i + 1])
      // What was told of a change is as new, or will be replaced by what comes.
      if (expires > 0 && prefixes.match(id) && !expiring.has(id)) tracked.noteExpiry(id, expires)
    }
    cursor = String(next)
  } while (cursor !== '0')
}
