import type { LuaFunction } from '../../lua-vm/libraries/function-library.ts'
import {
  checkLimits,
  type FunctionLibrary,
  type LibrarySet,
  newLibrary,
  type StoredLibrary,
} from './library.ts'

export interface KnownFunction {
  readonly library: StoredLibrary
  readonly info: LuaFunction
}

type Libraries = ReadonlyMap<string, StoredLibrary>

/**
 * The libraries of an automation within a computation. As with keys, what the current job changed can be
 * taken back, and what all of them changed is a part of the commit.
 */
export class LibraryState {
  private readonly find: () => LibrarySet
  private found: LibrarySet | undefined
  /** Those that were found, by name. */
  private loaded: Libraries | undefined
  /** Undefined as long as no job has changed anything. */
  private edited: Libraries | undefined
  private before: Libraries | undefined
  private isFlushed = false
  private wasFlushed = false
  private index: { readonly of: Libraries; readonly functions: Map<string, KnownFunction> } | undefined

  /** `find` throws when they are not known. */
  constructor(find: () => LibrarySet) {
    this.find = find
  }

  /** The stamp of those that were looked at, if any job looked: the commit holds only if it is still so. */
  get stamp(): string | undefined {
    return this.found?.stamp
  }

  beginJob(): void {
    this.before = this.edited
    this.wasFlushed = this.isFlushed
  }

  rollback(): void {
    this.edited = this.before
    this.isFlushed = this.wasFlushed
  }

  /** Runs a part of the current job; what it changed is taken back when it throws. */
  attempt<T>(work: () => T): T {
    const { edited, isFlushed } = this
    try {
      return work()
    } catch (error) {
      this.edited = edited
      this.isFlushed = isFlushed
      throw error
    }
  }

  /** Whether the current job changed anything. */
  get changed(): boolean {
    return this.edited !== this.before
  }

  /** In the order of their names. Throws `unreadable` when one is damaged. */
  all(): StoredLibrary[] {
    return [...this.current().values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get(name: string): StoredLibrary | undefined {
    return this.current().get(name)
  }

  /** Names of functions are looked up without regard to case, as in Redis. */
  functionNamed(name: string): KnownFunction | undefined {
    const of = this.current()
    if (this.index?.of !== of) this.index = { of, functions: functionsOf(of.values()) }
    return this.index.functions.get(name.toLowerCase())
  }

  /** Replaces those of the same names. Throws `quota_exceeded`. */
  put(...libraries: readonly FunctionLibrary[]): void {
    const next = new Map(this.current())
    for (const library of libraries) next.set(library.name, newLibrary(library))
    checkLimits([...next.values()])
    this.edited = next
  }

  delete(name: string): boolean {
    const next = new Map(this.current())
    if (!next.delete(name)) return false
    this.edited = next
    return true
  }

  /** Also of what is damaged. */
  clear(): void {
    const { libraries, damaged } = this.known()
    if (this.edited === undefined && libraries.length === 0 && damaged === undefined) return
    this.edited = new Map()
    this.isFlushed = true
  }

  /** Fields that go, and libraries that come. */
  changes(): { readonly removed: readonly string[]; readonly added: readonly StoredLibrary[] } {
    if (this.edited === undefined) return { removed: [], added: [] }
    const { libraries, damaged } = this.known()
    const kept = new Set([...this.edited.values()].map(({ id }) => id))
    const known = new Set(libraries.map(({ id }) => id))
    return {
      removed: [...known, ...((this.isFlushed ? damaged?.ids : undefined) ?? [])].filter(
        (id) => !kept.has(id),
      ),
      added: [...this.edited.values()].filter(({ id }) => !known.has(id)),
    }
  }

  private known(): LibrarySet {
    this.found ??= this.find()
    return this.found
  }

  private current(): Libraries {
    const { libraries, damaged } = this.known()
    if (damaged !== undefined && !this.isFlushed) throw damaged.reason
    if (this.edited !== undefined) return this.edited
    this.loaded ??= new Map(libraries.map((library) => [library.name, library]))
    return this.loaded
  }
}

/** By name in small letters; of those of one library that differ in case only the first, as in Redis. */
export function functionsOf(libraries: Iterable<StoredLibrary>): Map<string, KnownFunction> {
  const functions = new Map<string, KnownFunction>()
  for (const library of libraries) {
    for (const info of library.functions) {
      const id = info.name.toLowerCase()
      if (!functions.has(id)) functions.set(id, { library, info })
    }
  }
  return functions
}
