import { type LuaState, LuaType } from '../machine/lua-api.ts'
import type { Library, LuaMachine } from '../machine/machine.ts'
import { ByteWriter } from './byte-writer.ts'
import { MessageReader } from './cmsgpack-read.ts'

/** Tables deeper than this are packed as nil. */
const MAX_NESTING = 16
const isInteger = (value: number): boolean =>
  Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63

const packNumber = (out: ByteWriter, value: number): void => {
  if (!isInteger(value)) {
    const single = Math.fround(value) === value
    out.byte(single ? 0xca : 0xcb)
    if (single) out.float(value)
    else out.double(value)
  } else if (value >= 0) {
    if (value <= 0x7f) out.byte(value)
    else if (value <= 0xff) out.byte(0xcc).byte(value)
    else if (value <= 0xffff) out.byte(0xcd).uint16(value)
    else if (value <= 0xffff_ffff) out.byte(0xce).uint32(value)
    else out.byte(0xcf).int64(BigInt(value))
  } else if (value >= -32) out.byte(value & 0xff)
  else if (value >= -0x80) out.byte(0xd0).byte(value & 0xff)
  else if (value >= -0x8000) out.byte(0xd1).uint16(value & 0xffff)
  else if (value >= -0x8000_0000) out.byte(0xd2).uint32(value >>> 0)
  else out.byte(0xd3).int64(BigInt(value))
}

const packString = (out: ByteWriter, bytes: Buffer): void => {
  const { length } = bytes
  if (length < 32) out.byte(0xa0 | length)
  else if (length <= 0xff) out.byte(0xd9).byte(length)
  else if (length <= 0xffff) out.byte(0xda).uint16(length)
  else out.byte(0xdb).uint32(length)
  out.bytes(bytes)
}

const header = (out: ByteWriter, count: number, short: number, medium: number): void => {
  if (count <= 15) out.byte(short | count)
  else if (count <= 0xffff) out.byte(medium).uint16(count)
  else out.byte(medium + 1).uint32(count)
}

/** `limit` values from `offset` on; all when it is 0. */
function unpackFrom(machine: LuaMachine, L: LuaState, limit: number, offset: number): number {
  const { api, text } = machine
  const data = Buffer.from(text.argument(L, 1))
  machine.heap.workOn(data.length)
  // The number after `limit of` is the length there, too.
  if (offset < 0 || limit < 0)
    return text.raise(L, `Invalid request to unpack with offset of ${offset} and limit of ${data.length}.`)
  if (offset > data.length)
    return text.raise(L, `Start offset ${offset} greater than input length ${data.length}.`)
  const all = limit === 0 && offset === 0
  const reader = new MessageReader(machine, L, data, offset)
  let count = 0
  for (; reader.at < data.length && (all || count < limit); count++) reader.push()
  if (all) return count
  api.luaL_checkstack(L, 1, 0)
  api.lua_pushnumber(L, reader.at >= data.length ? -1 : reader.at)
  api.lua_insert(L, -count - 1)
  return count + 1
}

/**
 * The `cmsgpack` table of scripts. Source: https://github.com/antirez/lua-cmsgpack,
 * https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export function cmsgpackLibrary(machine: LuaMachine): Library {
  const { api, text } = machine

  /** Number of entries of the table on top, and whether its keys are 1 to that number. */
  const shapeOf = (L: LuaState): { count: number; isArray: boolean } => {
    let count = 0
    let max = 0
    let isArray = true
    api.lua_pushnil(L)
    while (api.lua_next(L, -2) !== 0) {
      api.lua_settop(L, -2)
      machine.heap.work(1)
      count++
      const key = isArray && api.lua_type(L, -1) === LuaType.NUMBER ? api.lua_tonumber(L, -1) : 0
      if (key > 0 && isInteger(key)) max = Math.max(max, key)
      else isArray = false
    }
    return { count, isArray: isArray && max === count }
  }

  const packTable = (L: LuaState, out: ByteWriter, level: number): void => {
    api.luaL_checkstack(L, 5, 0)
    const { count, isArray } = shapeOf(L)
    if (isArray) {
      header(out, count, 0x90, 0xdc)
      for (let i = 1; i <= count; i++) {
        api.lua_rawgeti(L, -1, i)
        packTop(L, out, level + 1)
      }
      return
    }
    header(out, count, 0x80, 0xde)
    api.lua_pushnil(L)
    while (api.lua_next(L, -2) !== 0) {
      api.lua_pushvalue(L, -2)
      packTop(L, out, level + 1)
      packTop(L, out, level + 1)
    }
  }

  /** Packs the value on top, and takes it off. */
  const packTop = (L: LuaState, out: ByteWriter, level: number): void => {
    if (out.length > machine.memoryBytes) text.raise(L, 'not enough memory', false)
    const before = out.length
    const type = api.lua_type(L, -1)
    if (type === LuaType.STRING) packString(out, text.view(L, -1))
    else if (type === LuaType.NUMBER) packNumber(out, api.lua_tonumber(L, -1))
    else if (type === LuaType.BOOLEAN) out.byte(api.lua_toboolean(L, -1) !== 0 ? 0xc3 : 0xc2)
    else if (type === LuaType.TABLE && level < MAX_NESTING) packTable(L, out, level)
    else out.byte(0xc0)
    api.lua_settop(L, -2)
    machine.heap.workOn(out.length - before)
    machine.heap.work(1)
  }

  const pack = (L: LuaState): number => {
    const count = api.lua_gettop(L)
    if (count === 0) return text.argumentError(L, 0, 'MessagePack pack needs input.')
    if (api.lua_checkstack(L, count) === 0)
      return text.argumentError(L, 0, 'Too many arguments for MessagePack pack.')
    const out = new ByteWriter()
    for (let i = 1; i <= count; i++) {
      api.luaL_checkstack(L, 1, 0)
      api.lua_pushvalue(L, i)
      packTop(L, out, 0)
    }
    text.push(L, out.take())
    return 1
  }

  return {
    _NAME: 'cmsgpack',
    _VERSION: 'lua-cmsgpack 0.4.0',
    _COPYRIGHT: 'Copyright (C) 2012, Salvatore Sanfilippo',
    _DESCRIPTION: 'MessagePack C implementation for Lua',
    pack,
    unpack: (L) => unpackFrom(machine, L, 0, 0),
    unpack_one: (L) => unpackFrom(machine, L, 1, api.luaL_optinteger(L, 2, 0)),
    unpack_limit: (L) => {
      const limit = api.luaL_checkinteger(L, 2)
      return unpackFrom(machine, L, limit, api.luaL_optinteger(L, 3, 0))
    },
  }
}
