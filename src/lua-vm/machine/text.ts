import type { Heap } from './heap.ts'
import type { LuaApi, LuaState } from './lua-api.ts'

/** What of a machine it needs: its memory, the functions of Lua, and room in it. */
export interface TextMachine {
  readonly heap: Heap
  readonly api: LuaApi
  reserve(bytes: number): number
  reserveIn(L: LuaState, bytes: number): number
  release(at: number, bytes: number): void
}

/** Strings in and out of a machine, byte for byte: Lua's strings hold any bytes, zeros too. */
export class ScratchText {
  private readonly machine: TextMachine
  private readonly at: number
  private readonly size: number
  private readonly lengthAt: number
  private readonly names = new Map<string, number>()
  private sealed = false

  /** `at`: room of the machine's own for `size` bytes; the first eight are kept for lengths. */
  constructor(machine: TextMachine, at: number, size: number) {
    this.machine = machine
    this.lengthAt = at
    this.at = at + 8
    this.size = size - 8
  }

  push(L: LuaState, bytes: Uint8Array): void {
    const { machine, size } = this
    const at = bytes.length <= size ? this.at : machine.reserveIn(L, bytes.length)
    machine.heap.bytes.set(bytes, at)
    machine.api.lua_pushlstring(L, at, bytes.length)
    if (at !== this.at) machine.release(at, bytes.length)
  }

  /** A text of ours, or one that `read` made with latin1. */
  pushLatin1(L: LuaState, text: string): void {
    if (text.length > this.size) return this.push(L, Buffer.from(text, 'latin1'))
    this.machine.heap.bytes.write(text, this.at, 'latin1')
    this.machine.api.lua_pushlstring(L, this.at, text.length)
  }

  /** The bytes of a string or number at `index`, as they lie in the machine: good until Lua runs again. */
  view(L: LuaState, index: number): Buffer {
    const { machine, lengthAt } = this
    const at = machine.api.lua_tolstring(L, index, lengthAt)
    if (at === 0) return EMPTY
    return machine.heap.bytes.subarray(at, at + machine.heap.bytes.readUInt32LE(lengthAt))
  }

  /** A copy of `view`. */
  read(L: LuaState, index: number): Buffer {
    return Buffer.from(this.view(L, index))
  }

  /**
   * Argument `index` of a function, as luaL_checklstring: raises Lua's error when it is no string. Good until
   * Lua runs again.
   */
  argument(L: LuaState, index: number): Buffer {
    const { machine, lengthAt } = this
    const at = machine.api.luaL_checklstring(L, index, lengthAt)
    return machine.heap.bytes.subarray(at, at + machine.heap.bytes.readUInt32LE(lengthAt))
  }

  /**
   * A C string that stays, for lua_getfield and its like: made while the machine is set up, so that no script
   * pays for it.
   */
  name(text: string): number {
    let at = this.names.get(text)
    if (at === undefined) {
      if (this.sealed) throw new Error(`the name ${text} comes too late`)
      const bytes = Buffer.from(`${text}\0`, 'latin1')
      at = this.machine.reserve(bytes.length)
      this.machine.heap.bytes.set(bytes, at)
      this.names.set(text, at)
    }
    return at
  }

  /**
   * From now on the machine's memory is what every script starts from: names that were not made are not in
   * it.
   */
  seal(): void {
    this.sealed = true
  }

  /**
   * Raises a Lua error, with the place of the script that called before it unless `where` is false. Never
   * returns.
   */
  raise(L: LuaState, text: string, where = true): never {
    const { api } = this.machine
    if (where) api.luaL_where(L, 1)
    this.pushLatin1(L, text)
    if (where) api.lua_concat(L, 2)
    api.lua_error(L)
    throw new Error('unreachable')
  }

  /** `bad argument #n to 'function' (text)` */
  argumentError(L: LuaState, index: number, text: string): never {
    const bytes = Buffer.from(`${text}\0`, 'latin1')
    this.machine.heap.bytes.set(bytes.subarray(0, this.size), this.at)
    this.machine.api.luaL_argerror(L, index, this.at)
    throw new Error('unreachable')
  }
}

const EMPTY = Buffer.alloc(0)
