import type { Automation } from '../../automation/automation.ts'
import type { Backing, BackingReply } from '../../backing/backing.ts'
import { KvError } from '../../errors/errors.ts'
import { RecentMap } from '../../lib/recent-map.ts'
import { type LibrarySet, openLibrary, type StoredLibrary, sizeOfLibrary } from './library.ts'

interface Known {
  readonly set: LibrarySet
  /** This process has changed them since. */
  isOld: boolean
}

/** What is remembered of all automations together, in bytes. */
const MEMORY = 64 * 1024 * 1024
const ENTRY_BYTES = 512
/** Bytecode is kept up to so many times the size of its source. */
export const MOST_BYTECODE = 4

/**
 * The libraries of automations as this process read them last. Anyone who uses them has their stamp compared
 * in the same step that reads or writes the keys (snapshot.lua, commit.lua), so they are read again only when
 * they have changed.
 */
export class KnownLibraries {
  private readonly backing: Backing
  private readonly known = new RecentMap<Known>(MEMORY, ({ set }) =>
    set.libraries.reduce((sum, each) => sum + (1 + MOST_BYTECODE) * sizeOfLibrary(each), ENTRY_BYTES),
  )

  constructor(backing: Backing) {
    this.backing = backing
    backing.onLoss(() => this.known.clear())
  }

  remembered({ id }: Automation): LibrarySet | undefined {
    const known = this.known.get(id)
    return known?.isOld === false ? known.set : undefined
  }

  /** Reads them. Rejects with `unavailable`. */
  async load(automation: Automation): Promise<LibrarySet> {
    const flat = await this.backing.call(automation, ['HGETALL', automation.librariesKey])
    return this.learn(automation, flat as Buffer[])
  }

  /** As they are now. Rejects with `unavailable`. */
  async now(automation: Automation): Promise<LibrarySet> {
    const known = this.remembered(automation)
    if (known === undefined) return this.load(automation)
    const stamp = await this.backing.call(automation, ['HGET', automation.librariesKey, 's'])
    return stampOf(stamp) === known.stamp ? known : this.load(automation)
  }

  /** `flat`: what HGETALL answers. */
  learn(automation: Automation, flat: readonly BackingReply[]): LibrarySet {
    const before = new Map(this.known.get(automation.id)?.set.libraries.map((each) => [each.id, each]))
    const libraries: StoredLibrary[] = []
    const damaged: string[] = []
    let stamp = ''
    let reason: KvError | undefined
    for (let i = 0; i < flat.length; i += 2) {
      const field = (flat[i] as Buffer).toString('latin1')
      const value = flat[i + 1] as Buffer
      if (field === 's') stamp = stampOf(value)
      if (field === 's' || field === 'c') continue
      try {
        // What stands under an id never changes.
        libraries.push(before.get(field) ?? openLibrary(automation, field, value))
      } catch (error) {
        if (!(error instanceof KvError)) throw error
        damaged.push(field)
        reason ??= error
      }
    }
    const set: LibrarySet = {
      stamp,
      libraries,
      damaged: reason === undefined ? undefined : { ids: damaged, reason },
    }
    // Its size may be another now.
    this.known.delete(automation.id)
    this.known.set(automation.id, { set, isOld: false })
    return set
  }

  /** This process has changed them. */
  outdate({ id }: Automation): void {
    const known = this.known.get(id)
    if (known !== undefined) known.isOld = true
  }
}

/** Of HGET, or of what a script answers for it. */
export const stampOf = (reply: BackingReply): string => (reply === null ? '' : String(reply))
