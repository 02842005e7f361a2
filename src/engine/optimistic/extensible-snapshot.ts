import type { Automation } from '../../automation/automation.ts'
import type { BackingReply } from '../../backing/backing.ts'
import { idOf } from '../../lib/id.ts'
import { mergeNeeds, type Need } from '../plaintext/extent.ts'
import { NotLoaded } from '../plaintext/not-loaded.ts'
import { HEAD_LENGTH, headOf, LoadedSnapshot } from '../plaintext/snapshot.ts'
import { StoredKey } from '../plaintext/stored-key.ts'

/** Waits for what snapshot.lua answers. Throws NotLoaded to have the computation run again, or ReadFailed. */
export type ReadNow = (needs: readonly Need[]) => readonly BackingReply[]

/**
 * A snapshot that grows while a computation looks at further keys. These are read later than the others, so
 * they need not fit: whoever uses what was computed checks the guards of all keys, unless `isOneMoment`.
 */
export class ExtensibleSnapshot extends LoadedSnapshot {
  private readonly readNow: ReadNow
  private versionsAgree = true
  /** How often more was read. */
  reads = 0

  constructor(
    automation: Automation,
    needs: readonly Need[],
    reply: readonly BackingReply[],
    complete: boolean,
    readNow: ReadNow,
  ) {
    super(automation, needs, reply, complete)
    this.readNow = readNow
  }

  /** All that was read, in the order of `keys`. */
  get needs(): Need[] {
    return Array.from(this.stored.values(), ({ name, extent }) => ({ name, extent }))
  }

  /**
   * Whether the keys were so at one moment: no write came between two reads, and nothing can have expired
   * there.
   */
  get isOneMoment(): boolean {
    if (this.reads === 0) return true
    return (
      this.versionsAgree && ![...this.stored.values()].some(({ live, expireAt }) => live && expireAt !== 0)
    )
  }

  override load(needs: readonly Need[]): void {
    const known = needs.flatMap(({ name }): Need[] => {
      const stored = this.stored.get(idOf(name))
      return stored === undefined ? [] : [{ name, extent: stored.extent }]
    })
    const wanted = mergeNeeds([...known, ...needs])
    const reply = this.readNow(wanted)
    this.reads++
    if (headOf(reply).version !== this.version) this.versionsAgree = false
    for (const [i, need] of wanted.entries()) {
      const id = idOf(need.name)
      const key = new StoredKey(this.automation, need, reply[HEAD_LENGTH + i]!, this.now)
      const before = this.stored.get(id)
      // It changed between two looks at it, so what was computed so far is of no use.
      if (before !== undefined && before.guard !== key.guard) throw new NotLoaded([])
      if (before !== undefined) key.keepCells(before)
      this.stored.set(id, key)
    }
  }

  /**
   * What the computation is run again with after it threw NotLoaded for `missing`. When that is more of a key
   * of which it has a part, it gets all of every such key: it might miss the next one as well.
   */
  needsWith(missing: readonly Need[]): Need[] {
    const isWidened = missing.some(({ name }) => this.stored.has(idOf(name)))
    const known = this.needs.map(
      (need): Need =>
        isWidened && need.extent !== 'all' && need.extent !== 'meta' ? { ...need, extent: 'all' } : need,
    )
    return mergeNeeds([...known, ...missing])
  }
}
