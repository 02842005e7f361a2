import type { LuaScript } from '../../lua-vm/script.ts'

export interface CacheLimits {
  readonly scriptsPerAutomation: number
  readonly bytesPerAutomation: number
  readonly bytes: number
}

/**
 * Room for the scripts of a program and its libraries; what falls out is met with NOSCRIPT, after which every
 * client sends the source.
 */
const LIMITS: CacheLimits = {
  scriptsPerAutomation: 1_000,
  bytesPerAutomation: 4 * 1024 * 1024,
  bytes: 256 * 1024 * 1024,
}
/** What an entry takes besides its bytes, roughly. */
const ENTRY_BYTES = 512

interface Shelf {
  readonly scripts: Map<string, LuaScript>
  bytes: number
}

/**
 * The scripts that this process knows, each automation's apart from the others': what one loads, another
 * neither finds nor pushes out, until all of them together reach the last limit; then the automation that ran
 * none for longest loses its own. The order of a Map is the order of use.
 */
export class ScriptCache {
  private readonly limits: CacheLimits
  private readonly shelves = new Map<string, Shelf>()
  private bytes = 0

  constructor(limits: CacheLimits = LIMITS) {
    this.limits = limits
  }

  get(automationId: string, sha1: string): LuaScript | undefined {
    const shelf = this.shelves.get(automationId)
    const script = shelf?.scripts.get(sha1)
    if (shelf === undefined || script === undefined) return undefined
    touch(shelf.scripts, sha1, script)
    touch(this.shelves, automationId, shelf)
    return script
  }

  has(automationId: string, sha1: string): boolean {
    return this.shelves.get(automationId)?.scripts.has(sha1) ?? false
  }

  /** Keeps a compiled script. */
  add(automationId: string, script: LuaScript): void {
    const shelf = this.shelves.get(automationId) ?? { scripts: new Map<string, LuaScript>(), bytes: 0 }
    touch(this.shelves, automationId, shelf)
    this.drop(shelf, script.sha1)
    shelf.scripts.set(script.sha1, script)
    this.count(shelf, sizeOf(script))
    const { scriptsPerAutomation, bytesPerAutomation, bytes } = this.limits
    for (const sha1 of shelf.scripts.keys()) {
      if (shelf.scripts.size <= scriptsPerAutomation && shelf.bytes <= bytesPerAutomation) break
      this.drop(shelf, sha1)
    }
    for (const oldest of this.shelves.keys()) {
      if (this.bytes <= bytes || oldest === automationId) break
      this.flush(oldest)
    }
  }

  flush(automationId: string): void {
    this.bytes -= this.shelves.get(automationId)?.bytes ?? 0
    this.shelves.delete(automationId)
  }

  private drop(shelf: Shelf, sha1: string): void {
    const script = shelf.scripts.get(sha1)
    if (script === undefined) return
    shelf.scripts.delete(sha1)
    this.count(shelf, -sizeOf(script))
  }

  private count(shelf: Shelf, bytes: number): void {
    shelf.bytes += bytes
    this.bytes += bytes
  }
}

const sizeOf = ({ body, bytecode }: LuaScript): number => body.length + (bytecode?.length ?? 0) + ENTRY_BYTES

function touch<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
}
