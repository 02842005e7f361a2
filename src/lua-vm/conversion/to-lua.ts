import { readDouble } from '../../redis-semantics/floats.ts'
import {
  BigNumber,
  Double,
  ErrorReply,
  MapReply,
  NullArray,
  PairsReply,
  PushReply,
  type Reply,
  SetReply,
  SimpleString,
  StreamsReply,
  Verbatim,
} from '../../reply/reply.ts'
import type { LuaState } from '../machine/lua-api.ts'
import type { LuaMachine } from '../machine/machine.ts'

/** What redis.setresp chose: the form in which scripts see replies. */
export type ScriptProtocol = 2 | 3

const pairsOf = (flat: readonly Reply[]): Reply[] =>
  Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!])

/**
 * A command's reply as the value that a script gets.
 * Source: https://redis.io/docs/latest/develop/interact/programmability/lua-api/#resp-to-lua-type-conversion
 */
export class ReplyPusher {
  private readonly machine: LuaMachine
  private readonly names: Readonly<
    Record<
      | 'ok'
      | 'err'
      | 'flag'
      | 'double'
      | 'map'
      | 'set'
      | 'big_number'
      | 'verbatim_string'
      | 'string'
      | 'format',
      number
    >
  >

  constructor(machine: LuaMachine) {
    this.machine = machine
    const name = (text: string): number => machine.text.name(text)
    this.names = {
      ok: name('ok'),
      err: name('err'),
      flag: name('ignore_error_stats_update'),
      double: name('double'),
      map: name('map'),
      set: name('set'),
      big_number: name('big_number'),
      verbatim_string: name('verbatim_string'),
      string: name('string'),
      format: name('format'),
    }
  }

  push(L: LuaState, reply: Reply, protocol: ScriptProtocol): void {
    const { api, text } = this.machine
    if (reply instanceof Uint8Array) return text.push(L, reply)
    if (typeof reply === 'string') return text.push(L, Buffer.from(reply))
    if (typeof reply === 'number' || typeof reply === 'bigint')
      return void api.lua_pushnumber(L, Number(reply))
    if (typeof reply === 'boolean')
      return void (protocol === 3
        ? api.lua_pushboolean(L, reply ? 1 : 0)
        : api.lua_pushnumber(L, reply ? 1 : 0))
    if (reply === null || reply instanceof NullArray)
      return void (protocol === 3 ? api.lua_pushnil(L) : api.lua_pushboolean(L, 0))
    if (Array.isArray(reply)) return this.pushList(L, reply, protocol)
    if (reply instanceof SimpleString)
      return this.pushField(L, this.names.ok, () => text.push(L, Buffer.from(reply.text)))
    if (reply instanceof ErrorReply) return this.pushError(L, reply.text, false)
    return protocol === 3 ? this.pushResp3(L, reply) : this.pushResp2(L, reply)
  }

  /** The table that stands for an error. `counted`: Redis marks those that its statistics know already. */
  pushError(L: LuaState, message: string, counted: boolean): void {
    const { api, text } = this.machine
    api.luaL_checkstack(L, 3, 0)
    api.lua_createtable(L, 0, 2)
    text.push(L, Buffer.from(message))
    api.lua_setfield(L, -2, this.names.err)
    if (!counted) return
    api.lua_pushboolean(L, 1)
    api.lua_setfield(L, -2, this.names.flag)
  }

  pushStatus(L: LuaState, message: Uint8Array): void {
    this.pushField(L, this.names.ok, () => this.machine.text.push(L, message))
  }

  private pushField(L: LuaState, name: number, pushValue: () => void): void {
    const { api } = this.machine
    api.luaL_checkstack(L, 3, 0)
    api.lua_createtable(L, 0, 1)
    pushValue()
    api.lua_setfield(L, -2, name)
  }

  private pushList(L: LuaState, items: readonly Reply[], protocol: ScriptProtocol): void {
    const { api } = this.machine
    api.luaL_checkstack(L, 3, 0)
    api.lua_createtable(L, items.length, 0)
    for (let i = 0; i < items.length; i++) {
      this.push(L, items[i]!, protocol)
      api.lua_rawseti(L, -2, i + 1)
    }
  }

  private pushResp2(L: LuaState, reply: Reply): void {
    const { text } = this.machine
    if (reply instanceof MapReply || reply instanceof PairsReply) this.pushList(L, reply.flat, 2)
    else if (reply instanceof StreamsReply) this.pushList(L, pairsOf(reply.flat), 2)
    else if (reply instanceof SetReply || reply instanceof PushReply) this.pushList(L, reply.items, 2)
    else if (reply instanceof Double || reply instanceof BigNumber || reply instanceof Verbatim)
      text.push(L, Buffer.from(reply.text))
    else throw new TypeError('not a reply')
  }

  private pushResp3(L: LuaState, reply: Reply): void {
    const { machine, names } = this
    const { api, text } = machine
    if (reply instanceof Double) {
      this.pushField(L, names.double, () => api.lua_pushnumber(L, readDouble(Buffer.from(reply.text))))
    } else if (reply instanceof MapReply || reply instanceof StreamsReply) {
      this.pushField(L, names.map, () =>
        this.pushTable(L, reply.flat.length / 2, (i) => {
          this.push(L, reply.flat[2 * i]!, 3)
          this.push(L, reply.flat[2 * i + 1]!, 3)
        }),
      )
    } else if (reply instanceof SetReply) {
      this.pushField(L, names.set, () =>
        this.pushTable(L, reply.items.length, (i) => {
          this.push(L, reply.items[i]!, 3)
          api.lua_pushboolean(L, 1)
        }),
      )
    } else if (reply instanceof PairsReply) {
      this.pushList(L, pairsOf(reply.flat), 3)
    } else if (reply instanceof BigNumber) {
      this.pushField(L, names.big_number, () => text.push(L, Buffer.from(reply.text)))
    } else if (reply instanceof Verbatim) {
      this.pushField(L, names.verbatim_string, () => {
        api.lua_createtable(L, 0, 2)
        text.push(L, Buffer.from(reply.text))
        api.lua_setfield(L, -2, names.string)
        text.push(L, Buffer.from(reply.format))
        api.lua_setfield(L, -2, names.format)
      })
    } else if (reply instanceof PushReply) {
      this.pushList(L, reply.items, 3)
    } else {
      throw new TypeError('not a reply')
    }
  }

  private pushTable(L: LuaState, entries: number, pushEntry: (i: number) => void): void {
    const { api } = this.machine
    api.luaL_checkstack(L, 4, 0)
    api.lua_createtable(L, 0, entries)
    for (let i = 0; i < entries; i++) {
      pushEntry(i)
      api.lua_rawset(L, -3)
    }
  }
}
