import type { LuaApi } from './lua-api.ts'

/** A script was ended from outside: no `pcall` of its own can catch this. */
export class ScriptKilled extends Error {
  readonly reason: 'time' | 'memory' | 'stack' | 'user'
  /** Where its user ended it: `user_script:1`. */
  at: string | undefined
  constructor(reason: ScriptKilled['reason']) {
    super(`the script was ended: ${reason}`)
    this.reason = reason
  }
}

export interface Limits {
  /** Moment of `now`. */
  readonly deadline: number
  readonly memoryBytes: number
  /** In milliseconds. */
  readonly now: () => number
  /** Whether its user has asked for its end. */
  readonly isKilled?: (() => boolean) | undefined
}

/** With little memory in use no instruction takes long, and the clock is read at every so many looks. */
const SMALL_BYTES = 1024 * 1024
const LOOKS_PER_CLOCK = 32
const ALLOCATED_PER_CLOCK = 256 * 1024
/**
 * A step of `work` takes some hundred nanoseconds at most: so the clock is read within a millisecond or so.
 */
const STEPS_PER_CLOCK = 4096
const BLOCK = 8 * 1024
const ZEROS = Buffer.alloc(BLOCK)
/** No C function's frame is larger: below so many clean blocks the stack was not touched. */
const CLEAN_BLOCKS = 8
const NO_LIMITS: Limits = { deadline: Infinity, memoryBytes: Infinity, now: () => 0 }

/**
 * The memory of a Lua instance: what Lua allocates in it, by its own count and within the script's limit, and
 * the picture of it that every script starts from. It is laid out as statics, stack (downwards), heap.
 */
export class Heap {
  /** All of it; another Buffer after it grew. */
  bytes: Buffer
  /** It grew beyond what a fresh instance has, which cannot be taken back. */
  grown = false
  limits = NO_LIMITS
  private readonly api: LuaApi
  private used = 0
  private top = 0
  private looks = 0
  private allocated = 0
  private worked = 0
  private image: { readonly statics: Buffer; readonly heap: Buffer; readonly used: number } | undefined
  private readonly stackBase: number
  private readonly stackEnd: number

  constructor(api: LuaApi) {
    this.api = api
    this.bytes = Buffer.from(api.memory.buffer)
    this.stackBase = api.emscripten_stack_get_base()
    this.stackEnd = api.emscripten_stack_get_end()
  }

  onGrowth(): void {
    this.grown = true
    this.bytes = Buffer.from(this.api.memory.buffer)
  }

  /** Takes the picture. */
  remember(): void {
    const { bytes, stackBase, stackEnd, used } = this
    const statics = Buffer.from(bytes.subarray(0, stackEnd))
    this.image = { statics, heap: Buffer.from(bytes.subarray(stackBase, this.endOfUse())), used }
  }

  /** Back to the picture; whatever a script left in memory is gone. */
  restore(): void {
    const { api, bytes, stackBase } = this
    const { statics, heap, used } = this.image!
    bytes.set(statics, 0)
    bytes.set(heap, stackBase)
    if (this.top > stackBase + heap.length) bytes.fill(0, stackBase + heap.length, this.top)
    this.cleanStack()
    api.stackRestore(stackBase)
    this.top = 0
    this.looks = 0
    this.allocated = 0
    this.worked = 0
    this.used = used
    this.limits = NO_LIMITS
  }

  /** Lua's allocator (lua_Alloc): 0 when there is no room. */
  allocate(at: number, before: number, after: number): number {
    const size = after >>> 0
    if (size === 0) {
      if (at !== 0) {
        this.api.free(at)
        this.used -= before
      }
      return 0
    }
    const more = size - (at === 0 ? 0 : before)
    if (more > 0 && !this.admit(more)) return 0
    const moved = this.api.realloc(at, size)
    if (moved === 0) return 0
    this.used += more
    if (moved + size > this.top) this.top = moved + size
    return moved
  }

  /** Called every so many instructions: between two of them it is known where the script is. */
  look(): void {
    if (this.used <= SMALL_BYTES && ++this.looks % LOOKS_PER_CLOCK !== 0) return
    if (this.limits.isKilled?.() === true) throw new ScriptKilled('user')
    this.checkTime()
  }

  /** Throws ScriptKilled when the time is over. */
  checkTime(): void {
    if (this.limits.now() > this.limits.deadline) throw new ScriptKilled('time')
  }

  /** As `checkTime`, when memory enough for slow functions is in use. */
  checkTimeIfLarge(): void {
    if (this.used > SMALL_BYTES) this.checkTime()
  }

  /**
   * Counts what a function outside of Lua does, where no hook sees it; reads the clock from time to time.
   * Throws ScriptKilled.
   */
  work(steps: number): void {
    this.worked += steps
    if (this.worked < STEPS_PER_CLOCK) return
    this.worked = 0
    this.checkTime()
  }

  /** As `work`, for bytes that are copied or gone through. */
  workOn(bytes: number): void {
    this.work(bytes >> 7)
  }

  private admit(more: number): boolean {
    if (this.used + more > this.limits.memoryBytes) return false
    this.allocated += more
    if (this.allocated > ALLOCATED_PER_CLOCK) {
      this.allocated = 0
      this.checkTime()
    }
    return true
  }

  private cleanStack(): void {
    const { bytes, stackEnd } = this
    for (let at = this.stackBase, clean = 0; at > stackEnd && clean < CLEAN_BLOCKS; at -= BLOCK) {
      const block = bytes.subarray(Math.max(stackEnd, at - BLOCK), at)
      if (block.equals(block.length === BLOCK ? ZEROS : ZEROS.subarray(0, block.length))) clean++
      else {
        block.fill(0)
        clean = 0
      }
    }
  }

  /**
   * Behind the last byte that is not zero, in whole blocks: the allocator keeps a mark at the end of its
   * room.
   */
  private endOfUse(): number {
    let at = this.bytes.length - BLOCK
    while (at > this.stackBase && this.bytes.subarray(at, at + BLOCK).equals(ZEROS)) at -= BLOCK
    return at + BLOCK
  }
}
