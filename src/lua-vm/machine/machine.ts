import { Heap, type Limits, ScriptKilled } from './heap.ts'
import { instantiateLua } from './instance.ts'
import {
  GC_COLLECT,
  GLOBALS_INDEX,
  HOOK_COUNT,
  type LuaApi,
  type LuaState,
  LuaType,
  REGISTRY_INDEX,
  STATUS_OK,
} from './lua-api.ts'
import { PRELUDE } from './prelude.ts'
import { type Callback, type Signature, withSignatures } from './signatures.ts'
import { ScratchText } from './text.ts'

export { type Limits, ScriptKilled }

/** A function for Lua: its arguments are on the stack, it answers how many results it left there. */
export type NativeFunction = (L: LuaState) => number
export type Library = Readonly<Record<string, NativeFunction | string | number | null>>

/**
 * What a prepared machine is made of: libraries by name, and guards around stock functions (`string.find`).
 */
export interface Equipment {
  readonly libraries: (machine: LuaMachine) => Readonly<Record<string, Library>>
  readonly guards: (
    machine: LuaMachine,
  ) => ReadonlyMap<string, (L: LuaState, stock: NativeFunction) => number>
}

/**
 * Instructions between two looks of the hook: some of them (comparing long strings) take milliseconds, so
 * there must be few.
 */
const HOOK_INTERVAL = 100
const SCRATCH_BYTES = 16 * 1024
/** The allocator's own needs, and memory lost to fragments. */
const HEADROOM_BYTES = 24 * 1024 * 1024
/**
 * Key, in the metatable of a read-only table, of the table that stands behind it: no script can make a light
 * userdata of this value.
 */
export const READONLY_MARK = 1
/** Far from the references that luaL_ref hands out. */
const HANDLER_REF = 1_000_001
const GLOBALS_REF = 1_000_002
/** The globals of a library that is being loaded, and the `redis` of its functions. */
export const LIBRARY_GLOBALS_REF = 1_000_003
export const FUNCTION_REDIS_REF = 1_000_004

/**
 * A Lua 5.1 in WebAssembly, ready to run scripts one after the other. After each, its memory is put back to
 * what it was before the first: so a script finds nothing of another, whatever that one did, and even a flaw
 * in the interpreter reaches no further than its own run.
 */
export class LuaMachine {
  readonly api: LuaApi
  readonly L: LuaState
  readonly text: ScratchText
  readonly heap: Heap
  private readonly protectedSlot: number
  private protectedWork: NativeFunction = () => 0
  private readonly writerSlot: number
  private readonly written: Buffer[] = []

  constructor(equipment: Equipment, memoryBytes: number) {
    this.api = instantiateLua(2 * memoryBytes + HEADROOM_BYTES, () => this.heap.onGrowth())
    const heap = new Heap(this.api)
    this.heap = heap
    const [allocator, hook, guarded, writer] = this.place([
      callback('allocator', (_data, at, before, after) => heap.allocate(at!, before!, after!)),
      callback('hook', (L) => this.look(L!)),
      callback('function', (L) => this.protectedWork(L!)),
      callback('allocator', (_L, at, length) => {
        this.written.push(Buffer.from(heap.bytes.subarray(at!, at! + length!)))
        return 0
      }),
    ]) as [number, number, number, number]
    this.protectedSlot = guarded
    this.writerSlot = writer
    this.L = this.api.lua_newstate(allocator, 0)
    this.text = new ScratchText(this, this.reserve(SCRATCH_BYTES), SCRATCH_BYTES)
    this.equip(equipment)
    this.api.lua_sethook(this.L, hook, HOOK_COUNT, HOOK_INTERVAL)
    this.api.lua_gc(this.L, GC_COLLECT, 0)
    this.text.seal()
    heap.remember()
    heap.restore()
  }

  // Running

  limit(limits: Limits): void {
    this.heap.limits = limits
  }

  get memoryBytes(): number {
    return this.heap.limits.memoryBytes
  }

  /**
   * Calls `work` so that a Lua error inside, out of memory for one, ends it and nothing else. False when
   * there was one.
   */
  protect(work: NativeFunction): boolean {
    this.protectedWork = work
    return this.api.lua_cpcall(this.L, this.protectedSlot, 0) === STATUS_OK
  }

  /** False when the machine must not be used again. */
  reset(): boolean {
    this.protectedWork = () => 0
    if (this.heap.grown) return false
    this.heap.restore()
    return true
  }

  /** Pushes the table that holds the globals of scripts. */
  pushGlobals(L: LuaState): void {
    this.api.lua_rawgeti(L, REGISTRY_INDEX, GLOBALS_REF)
  }

  pushErrorHandler(L: LuaState): void {
    this.api.lua_rawgeti(L, REGISTRY_INDEX, HANDLER_REF)
  }

  /**
   * The function on top of the stack as bytecode of this very Lua, which `luaL_loadbuffer` reads faster than
   * source.
   */
  dump(L: LuaState): Buffer {
    this.written.length = 0
    this.api.lua_dump(L, this.writerSlot, 0)
    return Buffer.concat(this.written.splice(0))
  }

  /**
   * Room for `bytes` within the script's limit. Raises Lua's own error when there is none. Only for code that
   * Lua called.
   */
  reserveIn(L: LuaState, bytes: number): number {
    const at = this.heap.allocate(0, 0, bytes)
    if (at === 0) this.text.raise(L, 'not enough memory', false)
    return at
  }

  release(at: number, bytes: number): void {
    this.heap.allocate(at, bytes, 0)
  }

  /** Room that belongs to the machine itself. */
  reserve(bytes: number): number {
    return this.heap.allocate(0, 0, bytes)
  }

  /** A script that its user ends is told where it was. */
  private look(L: LuaState): void {
    try {
      this.heap.look()
    } catch (error) {
      if (error instanceof ScriptKilled && error.reason === 'user') error.at ??= this.placeOf(L)
      throw error
    }
  }

  /** `user_script:1`, of the function that runs. */
  private placeOf(L: LuaState): string | undefined {
    const { api, text, heap } = this
    // It needs some bytes, which the script may not have left.
    heap.limits = { ...heap.limits, memoryBytes: Infinity, deadline: Infinity, isKilled: undefined }
    api.luaL_where(L, 0)
    const place = /^(.+): $/.exec(text.view(L, -1).toString('latin1'))?.[1]
    api.lua_settop(L, -2)
    return place
  }

  // Setting up

  private equip({ libraries, guards }: Equipment): void {
    const { api, L } = this
    for (const open of [
      api.luaopen_base,
      api.luaopen_table,
      api.luaopen_string,
      api.luaopen_math,
      api.luaopen_debug,
    ])
      open(L)
    api.lua_settop(L, 0)
    for (const [name, library] of Object.entries(libraries(this))) this.register(name, library)
    const wrapped = [...guards(this)]
    const stock = wrapped.map(([name]) => this.functionIndex(name))
    const table = api.__indirect_function_table
    const replacements = withSignatures(
      wrapped.map(([, guard], i) => {
        const original = table.get(stock[i]!) as NativeFunction
        return callback('function', (state) => guard(state!, original))
      }),
    )
    // In the function table itself: anyone who has the Lua function, and by whatever name, calls the guard.
    for (const [i, index] of stock.entries()) table.set(index, replacements[i])
    this.runPrelude()
  }

  /** Adds to a library of Lua's, or makes a new one. */
  private register(name: string, library: Library): void {
    const { api, L, text } = this
    const members = Object.entries(library)
    const slots = this.place(
      members.map(([, member]) =>
        callback('function', (state) => (typeof member === 'function' ? member(state!) : 0)),
      ),
    )
    api.lua_getfield(L, GLOBALS_INDEX, text.name(name))
    if (api.lua_type(L, -1) !== LuaType.TABLE) {
      api.lua_settop(L, -2)
      api.lua_createtable(L, 0, 0)
    }
    members.forEach(([member, value], i) => {
      if (typeof value === 'function') api.lua_pushcclosure(L, slots[i]!, 0)
      else if (typeof value === 'number') api.lua_pushnumber(L, value)
      else if (value === null) api.lua_pushlightuserdata(L, 0)
      else text.push(L, Buffer.from(value))
      api.lua_setfield(L, -2, text.name(member))
    })
    api.lua_setfield(L, GLOBALS_INDEX, text.name(name))
  }

  /**
   * Where the function table has the C function of a Lua global such as `string.find`, or the iterator that
   * `string.gmatch()` answers.
   */
  private functionIndex(name: string): number {
    const { api, L, text } = this
    api.lua_pushvalue(L, GLOBALS_INDEX)
    for (const part of name.replace('()', '').split('.')) api.lua_getfield(L, -1, text.name(part))
    if (name.endsWith('()')) {
      text.push(L, Buffer.from(''))
      text.push(L, Buffer.from(''))
      if (api.lua_pcall(L, 2, 1, 0) !== STATUS_OK) throw new Error(`${name} failed`)
    }
    const index = api.lua_tocfunction(L, -1)
    if (index === 0) throw new Error(`${name} is no C function`)
    api.lua_settop(L, 0)
    return index
  }

  private runPrelude(): void {
    const { api, L, text, heap } = this
    const refuse = (state: LuaState): number => text.raise(state, 'Attempt to modify a readonly table')
    const missing = (state: LuaState): number => {
      const type = api.lua_type(state, 2)
      if (type !== LuaType.STRING && type !== LuaType.NUMBER) {
        return text.raise(state, 'Second argument to luaProtectedTableError must be a string or number')
      }
      return text.raise(
        state,
        `Script attempted to access nonexistent global variable '${text.read(state, 2).toString('latin1')}'`,
      )
    }
    const source = Buffer.from(PRELUDE)
    const at = this.reserve(source.length)
    heap.bytes.set(source, at)
    if (api.luaL_loadbuffer(L, at, source.length, text.name('=prelude')) !== STATUS_OK)
      throw new Error(text.read(L, -1).toString())
    this.release(at, source.length)
    const slots = this.place([refuse, missing].map((run) => callback('function', (state) => run(state!))))
    api.lua_pushlightuserdata(L, READONLY_MARK)
    for (const slot of slots) api.lua_pushcclosure(L, slot, 0)
    if (api.lua_pcall(L, 3, 5, 0) !== STATUS_OK) throw new Error(text.read(L, -1).toString())
    api.lua_rawseti(L, REGISTRY_INDEX, FUNCTION_REDIS_REF)
    api.lua_rawseti(L, REGISTRY_INDEX, LIBRARY_GLOBALS_REF)
    api.lua_rawseti(L, REGISTRY_INDEX, HANDLER_REF)
    api.lua_rawseti(L, REGISTRY_INDEX, GLOBALS_REF)
    api.lua_replace(L, GLOBALS_INDEX)
  }

  private place(callbacks: readonly Callback[]): number[] {
    const table = this.api.__indirect_function_table
    const first = table.grow(callbacks.length)
    for (const [i, run] of withSignatures(callbacks).entries()) table.set(first + i, run)
    return callbacks.map((_, i) => first + i)
  }
}

const callback = (signature: Signature, run: Callback['run']): Callback => ({ signature, run })
