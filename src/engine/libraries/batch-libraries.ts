import type { Automation } from '../../automation/automation.ts'
import type { BackingReply } from '../../backing/backing.ts'
import { type KnownLibraries, MOST_BYTECODE, stampOf } from './known-libraries.ts'
import { type LibraryNeeds, type LibrarySet, mergeLibraryNeeds, packSet } from './library.ts'
import { functionsOf, type KnownFunction } from './library-state.ts'

/** Made once for each set. */
const indexes = new WeakMap<LibrarySet, ReadonlyMap<string, KnownFunction>>()

function functionsIn(set: LibrarySet): ReadonlyMap<string, KnownFunction> {
  const index = indexes.get(set) ?? functionsOf(set.libraries)
  indexes.set(set, index)
  return index
}

/** The libraries that go with jobs to another thread. */
export interface SentLibraries {
  readonly packed: Buffer
  /** It compiled one of them. */
  readonly compiled: (id: string, bytecode: Buffer) => void
}

/** What the jobs of one batch know of libraries; nothing is read when none of them calls a function. */
export class BatchLibraries {
  private readonly automation: Automation
  private readonly known: KnownLibraries
  /** Undefined: no job looks at them. */
  private readonly needs: LibraryNeeds | undefined
  private set: LibrarySet | undefined

  constructor(automation: Automation, known: KnownLibraries, needs: readonly (LibraryNeeds | undefined)[]) {
    this.automation = automation
    this.known = known
    this.needs = mergeLibraryNeeds(needs)
  }

  /** Whether the snapshot is to bring their stamp. */
  get areWanted(): boolean {
    return this.needs !== undefined
  }

  /** For a computation on this thread. */
  get current(): LibrarySet | undefined {
    this.set ??= this.areWanted ? this.known.remembered(this.automation) : undefined
    return this.set
  }

  /** They have to be read before anything else. */
  get areMissing(): boolean {
    return this.areWanted && this.current === undefined
  }

  /** Rejects with `unavailable`. */
  async load(): Promise<void> {
    this.set = await this.known.load(this.automation)
  }

  /** commit.lua answered that they are others now. */
  changed(flat: readonly BackingReply[]): void {
    this.set = this.known.learn(this.automation, flat)
  }

  /** Whether they are still those of a snapshot; if not, they are to be read anew. */
  hold(stamp: BackingReply | undefined): boolean {
    if (!this.areWanted || stampOf(stamp ?? null) === this.current?.stamp) return true
    this.known.outdate(this.automation)
    this.set = undefined
    return false
  }

  /** The batch is committed. */
  committed(): void {
    if (this.needs === 'all') this.known.outdate(this.automation)
  }

  /** Those that the jobs look at; undefined when they look at none. */
  send(): SentLibraries | undefined {
    const { current: set, needs } = this
    if (set === undefined || needs === undefined) return undefined
    const named =
      needs === 'all' ? set.libraries : needs.flatMap((name) => functionsIn(set).get(name)?.library ?? [])
    const libraries = [...new Set(named)]
    return {
      packed: packSet(set, libraries),
      compiled: (id, bytecode) => {
        const library = libraries.find((each) => each.id === id)
        if (library === undefined || bytecode.length > MOST_BYTECODE * library.code.length) return
        library.chunk.bytecode = bytecode
      },
    }
  }
}
