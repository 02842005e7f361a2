import { instantiateLua } from './instance.ts'
import { GC_COLLECT, GLOBALS_INDEX, HOOK_COUNT, type LuaApi, type LuaState, LuaType, REGISTRY_INDEX, STATUS_OK } from './lua-api.ts'
import { PRELUDE } from './prelude.ts'
import { type Callback, type Signature, withSignatures } from './signatures.ts'
import { ScratchText } from './text.ts'

/** A function for Lua: its arguments are on the stack, it answers how many results it left there. */
export type NativeFunction = (L: LuaState) => number
export type Library = Readonly<Record<string, NativeFunction | string | number | null>>

/** A script was ended from outside: no `pcall` of its own can catch this. */
export class ScriptKilled extends Error {
  readonly reason: 'time' | 'memory' | 'stack'
  constructor(reason: ScriptKilled['reason']) {
    super(`the script was ended: ${reason}`)
    this.reason = reason
  }
}

export interface Limits {
  /** Moment of `performance.now()`. */
  readonly deadline: number
  readonly memoryBytes: number
}

/** What a prepared machine is made of: libraries by name, and guards around stock functions (`string.find`). */
export interface Equipment {
  readonly libraries: (machine: LuaMachine) => Readonly<Record<string, Library>>
  readonly guards: (machine: LuaMachine) => ReadonlyMap<string, (L: LuaState, stock: NativeFunction) => number>
}

/** Instructions between two looks of the hook: some of them (comparing long strings) take milliseconds, so there must be few. */
const HOOK_INTERVAL = 100
/** With little memory in use no instruction takes long, and the clock is read at every so many looks. */
const SMALL_BYTES = 1024 * 1024
const LOOKS_PER_CLOCK = 32
const ALLOCATED_PER_CLOCK = 256 * 1024
const SCRATCH_BYTES = 16 * 1024
const BLOCK = 8 * 1024
const ZEROS = Buffer.alloc(BLOCK)
/** No C function's frame is larger: below so many clean blocks the stack was not touched. */
const CLEAN_BLOCKS = 8
/** The allocator's own needs, and memory lost to fragments. */
const HEADROOM_BYTES = 24 * 1024 * 1024
const NO_LIMITS: Limits = { deadline: Infinity, memoryBytes: Infinity }

/**
 * A Lua 5.1 in WebAssembly, ready to run scripts one after the other. After each, its memory is put back to what it was before the first: so
 * a script finds nothing of another, whatever that one did, and even a flaw in the interpreter reaches no further than its own run.
 */
export class LuaMachine {
  readonly api: LuaApi
  readonly L: LuaState
  readonly text: ScratchText
  /** All of the instance's memory; another Buffer after it grew. */
  memory: Buffer
  /** The memory grew beyond what a fresh instance has, which cannot be taken back. */
  grown = false
  private limits = NO_LIMITS
  private used = 0
  private top = 0
  private looks = 0
  private allocated = 0
  private readonly registry: { readonly globals: number; readonly handler: number }
  private readonly statics: Buffer
  private readonly heap: Buffer
  private readonly stackBase: number
  private readonly stackEnd: number
  private readonly baseline: number
  private readonly protectedSlot: number
  private protectedWork: NativeFunction = () => 0
  private readonly writerSlot: number
  private readonly written: Buffer[] = []

  constructor(equipment: Equipment, memoryBytes: number) {
    const api = instantiateLua(2 * memoryBytes + HEADROOM_BYTES, () => {
      this.grown = true
      this.memory = Buffer.from(this.api.memory.buffer)
    })
    this.api = api
    this.memory = Buffer.from(api.memory.buffer)
    this.stackBase = api.emscripten_stack_get_base()
    this.stackEnd = api.emscripten_stack_get_end()
    const [allocator, hook, guarded, writer] = this.place([
      callback('allocator', (_data, at, before, after) => this.allocate(at!, before!, after!)),
      callback('hook', () => this.look()),
      callback('function', (L) => this.protectedWork(L!)),
      callback('allocator', (_L, at, length) => {
        this.written.push(Buffer.from(this.memory.subarray(at!, at! + length!)))
        return 0
      }),
    ]) as [number, number, number, number]
    this.protectedSlot = guarded
    this.writerSlot = writer
    this.L = api.lua_newstate(allocator, 0)
    this.text = new ScratchText(this, this.reserve(SCRATCH_BYTES), SCRATCH_BYTES)
    this.registry = this.equip(equipment)
    api.lua_sethook(this.L, hook, HOOK_COUNT, HOOK_INTERVAL)
    api.lua_gc(this.L, GC_COLLECT, 0)
    this.text.seal()
    this.baseline = this.used
    this.statics = Buffer.from(this.memory.subarray(0, this.stackEnd))
    this.heap = Buffer.from(this.memory.subarray(this.stackBase, this.endOfUse()))
    this.restore()
  }

  // Running

  /** Calls `work` so that a Lua error inside, out of memory for one, ends it and nothing else. False when there was one. */
  protect(work: NativeFunction): boolean {
    this.protectedWork = work
    return this.api.lua_cpcall(this.L, this.protectedSlot, 0) === STATUS_OK
  }

  limit(limits: Limits): void {
    this.limits = limits
    this.looks = 0
    this.allocated = 0
  }

  /** Throws ScriptKilled when the time is over. */
  checkTime(): void {
    if (performance.now() > this.limits.deadline) throw new ScriptKilled('time')
  }

  /** As `checkTime`, when memory enough for slow functions is in use. */
  checkTimeIfLarge(): void {
    if (this.used > SMALL_BYTES) this.checkTime()
  }

  get memoryBytes(): number {
    return this.limits.memoryBytes
  }

  /** Pushes the table that holds the globals of scripts. */
  pushGlobals(L: LuaState): void {
    this.api.lua_rawgeti(L, REGISTRY_INDEX, this.registry.globals)
  }

  pushErrorHandler(L: LuaState): void {
    this.api.lua_rawgeti(L, REGISTRY_INDEX, this.registry.handler)
  }

  /** The function on top of the stack as bytecode of this very machine, which `loadbuffer` reads faster than source. */
  dump(L: LuaState): Buffer {
    this.written.length = 0
    this.api.lua_dump(L, this.writerSlot, 0)
    return Buffer.concat(this.written.splice(0))
  }

  /** Back to the beginning; what a script left in memory is gone. */
  restore(): void {
    const { api, memory, stackBase, heap } = this
    memory.set(this.statics, 0)
    memory.set(heap, stackBase)
    if (this.top > stackBase + heap.length) memory.fill(0, stackBase + heap.length, this.top)
    this.cleanStack()
    api.stackRestore(stackBase)
    this.top = 0
    this.used = this.baseline
    this.limits = NO_LIMITS
    this.protectedWork = () => 0
  }

  // Memory

  /** Room for `bytes` within the script's limit. Raises Lua's own error when there is none. Only for code that Lua called. */
  reserveIn(L: LuaState, bytes: number): number {
    const at = this.allocate(0, 0, bytes)
    if (at === 0) this.text.raise(L, 'not enough memory', false)
    return at
  }

  release(at: number, bytes: number): void {
    this.allocate(at, bytes, 0)
  }

  /** Room that belongs to the machine itself. */
  reserve(bytes: number): number {
    return this.allocate(0, 0, bytes)
  }

  private allocate(at: number, before: number, after: number): number {
    const size = after >>> 0
    if (size === 0) {
      if (at !== 0) {
        this.api.free(at)
        this.used -= before
      }
      return 0
    }
    const more = size - (at === 0 ? 0 : before)
    if (more > 0) {
      if (this.used + more > this.limits.memoryBytes) return 0
      this.allocated += more
      if (this.allocated > ALLOCATED_PER_CLOCK) {
        this.allocated = 0
        this.checkTime()
      }
    }
    const moved = this.api.realloc(at, size)
    if (moved === 0) return 0
    this.used += more
    const end = moved + size
    if (end > this.top) this.top = end
    return moved
  }

  private look(): void {
    if (this.used > SMALL_BYTES || ++this.looks % LOOKS_PER_CLOCK === 0) this.checkTime()
  }

  private cleanStack(): void {
    const { memory, stackEnd } = this
    for (let at = this.stackBase, clean = 0; at > stackEnd && clean < CLEAN_BLOCKS; at -= BLOCK) {
      const block = memory.subarray(Math.max(stackEnd, at - BLOCK), at)
      if (block.equals(block.length === BLOCK ? ZEROS : ZEROS.subarray(0, block.length))) clean++
      else {
        block.fill(0)
        clean = 0
      }
    }
  }

  /** Behind the last byte that is not zero. */
  private endOfUse(): number {
    let at = this.memory.length - BLOCK
    while (at > this.stackBase && this.memory.subarray(at, at + BLOCK).equals(ZEROS)) at -= BLOCK
    return at + BLOCK
  }

  // Setting up

  private equip({ libraries, guards }: Equipment): { globals: number; handler: number } {
    const { api, L } = this
    for (const open of [api.luaopen_base, api.luaopen_table, api.luaopen_string, api.luaopen_math, api.luaopen_debug]) open(L)
    api.lua_settop(L, 0)
    this.register(libraries(this))
    const wrapped = [...guards(this)]
    const stock = wrapped.map(([name]) => this.functionIndex(name))
    const table = api.__indirect_function_table
    const replacements = withSignatures(
      wrapped.map(([, guard], i) => {
        const original = table.get(stock[i]!) as NativeFunction
        return callback('function', (state) => guard(state!, original))
      }),
    )
    // In the function table itself: whoever has the Lua function, and by whatever name, calls the guard.
    stock.forEach((index, i) => table.set(index, replacements[i]))
    return this.runPrelude()
  }

  private register(libraries: Readonly<Record<string, Library>>): void {
    const { api, L } = this
    for (const [name, members] of Object.entries(libraries)) {
      const functions = Object.entries(members).filter(([, member]) => typeof member === 'function') as Array<[string, NativeFunction]>
      const slots = this.place(functions.map(([, run]) => callback('function', (state) => run(state!))))
      api.lua_getfield(L, GLOBALS_INDEX, this.text.name(name))
      if (api.lua_type(L, -1) !== LuaType.TABLE) {
        api.lua_settop(L, -2)
        api.lua_createtable(L, 0, 0)
      }
      for (const [member, value] of Object.entries(members)) {
        if (typeof value === 'function') api.lua_pushcclosure(L, slots[functions.findIndex(([known]) => known === member)]!, 0)
        else if (typeof value === 'number') api.lua_pushnumber(L, value)
        else if (value === null) api.lua_pushlightuserdata(L, 0)
        else this.text.push(L, Buffer.from(value))
        api.lua_setfield(L, -2, this.text.name(member))
      }
      api.lua_setfield(L, GLOBALS_INDEX, this.text.name(name))
    }
  }

  /** Where the function table has the C function of a Lua global such as `string.find`, or the iterator that `string.gmatch()` answers. */
  private functionIndex(name: string): number {
    const { api, L } = this
    const path = name.replace('()', '').split('.')
    api.lua_pushvalue(L, GLOBALS_INDEX)
    for (const part of path) api.lua_getfield(L, -1, this.text.name(part))
    if (name.endsWith('()')) {
      this.text.push(L, Buffer.from(''))
      this.text.push(L, Buffer.from(''))
      if (api.lua_pcall(L, 2, 1, 0) !== STATUS_OK) throw new Error(`${name} failed`)
    }
    const index = api.lua_tocfunction(L, -1)
    if (index === 0) throw new Error(`${name} is no C function`)
    api.lua_settop(L, 0)
    return index
  }

  private runPrelude(): { globals: number; handler: number } {
    const { api, L, text } = this
    const refuse = (state: LuaState): number => text.raise(state, 'Attempt to modify a readonly table')
    const missing = (state: LuaState): number => {
      const type = api.lua_type(state, 2)
      if (type !== LuaType.STRING && type !== LuaType.NUMBER) {
        return text.raise(state, 'Second argument to luaProtectedTableError must be a string or number')
      }
      return text.raise(state, `Script attempted to access nonexistent global variable '${text.read(state, 2).toString('latin1')}'`)
    }
    const source = Buffer.from(PRELUDE)
    const at = this.reserve(source.length)
    this.memory.set(source, at)
    if (api.luaL_loadbuffer(L, at, source.length, text.name('=prelude')) !== STATUS_OK) throw new Error(text.read(L, -1).toString())
    this.release(at, source.length)
    const slots = this.place([refuse, missing].map((run) => callback('function', (state) => run(state!))))
    api.lua_pushlightuserdata(L, READONLY_MARK)
    for (const slot of slots) api.lua_pushcclosure(L, slot, 0)
    if (api.lua_pcall(L, 3, 3, 0) !== STATUS_OK) throw new Error(text.read(L, -1).toString())
    const registry = { handler: HANDLER_REF, globals: GLOBALS_REF }
    api.lua_rawseti(L, REGISTRY_INDEX, registry.handler)
    api.lua_rawseti(L, REGISTRY_INDEX, registry.globals)
    api.lua_replace(L, GLOBALS_INDEX)
    return registry
  }

  private place(callbacks: readonly Callback[]): number[] {
    const table = this.api.__indirect_function_table
    const first = table.grow(callbacks.length)
    withSignatures(callbacks).forEach((run, i) => table.set(first + i, run))
    return callbacks.map((_, i) => first + i)
  }
}

/** Key, in the metatable of a read-only table, of the table that stands behind it: no script can make a light userdata of this value. */
export const READONLY_MARK = 1

/** Far from the references that luaL_ref hands out. */
const HANDLER_REF = 1_000_001
const GLOBALS_REF = 1_000_002

const callback = (signature: Signature, run: Callback['run']): Callback => ({ signature, run })
