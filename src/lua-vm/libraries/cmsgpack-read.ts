import type { LuaState } from '../machine/lua-api.ts'
import type { LuaMachine } from '../machine/machine.ts'

/** Deeper messages would need more stack than there is. */
const MAX_NESTING = 1_000

/** Reads MessagePack values onto Lua's stack, one after the other. */
export class MessageReader {
  at: number
  private readonly machine: LuaMachine
  private readonly L: LuaState
  private readonly data: Buffer
  private depth = 0

  constructor(machine: LuaMachine, L: LuaState, data: Buffer, at: number) {
    this.machine = machine
    this.L = L
    this.data = data
    this.at = at
  }

  push(): void {
    const { machine, L, data } = this
    const { api } = machine
    api.luaL_checkstack(L, 4, 0)
    machine.heap.work(1)
    const type = data[this.take(1)]!
    if (type <= 0x7f) return void api.lua_pushnumber(L, type)
    if (type >= 0xe0) return void api.lua_pushnumber(L, type - 0x100)
    if (type <= 0x8f) return this.map(type & 0x0f)
    if (type <= 0x9f) return this.array(type & 0x0f)
    if (type <= 0xbf) return this.string(type & 0x1f)
    switch (type) {
      case 0xc0:
        return void api.lua_pushnil(L)
      case 0xc2:
      case 0xc3:
        return void api.lua_pushboolean(L, type & 1)
      case 0xd9:
        return this.string(data.readUInt8(this.take(1)))
      case 0xda:
        return this.string(data.readUInt16BE(this.take(2)))
      case 0xdb:
        return this.string(data.readUInt32BE(this.take(4)))
      case 0xca:
        return void api.lua_pushnumber(L, data.readFloatBE(this.take(4)))
      case 0xcb:
        return void api.lua_pushnumber(L, data.readDoubleBE(this.take(8)))
      case 0xcc:
        return void api.lua_pushnumber(L, data.readUInt8(this.take(1)))
      case 0xcd:
        return void api.lua_pushnumber(L, data.readUInt16BE(this.take(2)))
      case 0xce:
        return void api.lua_pushnumber(L, data.readUInt32BE(this.take(4)))
      case 0xcf:
        return void api.lua_pushnumber(L, Number(data.readBigUInt64BE(this.take(8))))
      case 0xd0:
        return void api.lua_pushnumber(L, data.readInt8(this.take(1)))
      case 0xd1:
        return void api.lua_pushnumber(L, data.readInt16BE(this.take(2)))
      case 0xd2:
        return void api.lua_pushnumber(L, data.readInt32BE(this.take(4)))
      case 0xd3:
        return void api.lua_pushnumber(L, Number(data.readBigInt64BE(this.take(8))))
      case 0xdc:
        return this.array(data.readUInt16BE(this.take(2)))
      case 0xdd:
        return this.array(data.readUInt32BE(this.take(4)))
      case 0xde:
        return this.map(data.readUInt16BE(this.take(2)))
      case 0xdf:
        return this.map(data.readUInt32BE(this.take(4)))
      default:
        machine.text.raise(L, 'Bad data format in input.')
    }
  }

  private string(length: number): void {
    const at = this.take(length)
    this.machine.heap.workOn(length)
    this.machine.text.push(this.L, this.data.subarray(at, at + length))
  }

  private array(count: number): void {
    const { api } = this.machine
    this.enter()
    api.lua_createtable(this.L, 0, 0)
    for (let i = 1; i <= count; i++) {
      this.push()
      api.lua_rawseti(this.L, -2, i)
    }
    this.depth--
  }

  private map(count: number): void {
    const { api } = this.machine
    this.enter()
    api.lua_createtable(this.L, 0, 0)
    for (let i = 0; i < count; i++) {
      this.push()
      this.push()
      api.lua_settable(this.L, -3)
    }
    this.depth--
  }

  private enter(): void {
    if (++this.depth > MAX_NESTING) this.machine.text.raise(this.L, 'Bad data format in input.')
  }

  /** Moves over `count` bytes; answers where they start. */
  private take(count: number): number {
    const { at } = this
    if (count > this.data.length - at) this.machine.text.raise(this.L, 'Missing bytes in input.')
    this.at = at + count
    return at
  }
}
