import type { WasmMemory, WasmTable } from './wasm.ts'

/** A `lua_State *`: an address in the instance's memory. */
export type LuaState = number

type Native = (...args: number[]) => number

/**
 * What liblua5.1.wasm exports and is used here. Source: https://www.lua.org/manual/5.1/manual.html#3 and #4
 */
export type LuaApi = Record<
  | 'luaopen_base'
  | 'luaopen_table'
  | 'luaopen_string'
  | 'luaopen_math'
  | 'luaopen_debug'
  | 'lua_newstate'
  | 'lua_sethook'
  | 'lua_gc'
  | 'lua_cpcall'
  | 'lua_pcall'
  | 'lua_error'
  | 'lua_dump'
  | 'luaL_loadbuffer'
  | 'lua_gettop'
  | 'lua_settop'
  | 'lua_pushvalue'
  | 'lua_insert'
  | 'lua_replace'
  | 'lua_remove'
  | 'lua_checkstack'
  | 'luaL_checkstack'
  | 'lua_type'
  | 'lua_toboolean'
  | 'lua_tonumber'
  | 'lua_tolstring'
  | 'lua_objlen'
  | 'lua_tocfunction'
  | 'lua_touserdata'
  | 'lua_iscfunction'
  | 'lua_pushnil'
  | 'lua_pushnumber'
  | 'lua_pushboolean'
  | 'lua_pushlstring'
  | 'lua_pushlightuserdata'
  | 'lua_pushcclosure'
  | 'lua_createtable'
  | 'lua_getfield'
  | 'lua_setfield'
  | 'lua_rawget'
  | 'lua_rawset'
  | 'lua_rawgeti'
  | 'lua_rawseti'
  | 'lua_next'
  | 'lua_getmetatable'
  | 'lua_settable'
  | 'lua_concat'
  | 'luaL_where'
  | 'luaL_argerror'
  | 'luaL_checknumber'
  | 'luaL_checkinteger'
  | 'luaL_optinteger'
  | 'luaL_checklstring'
  | 'luaL_checktype'
  | 'lua_typename'
  | 'lua_rawequal'
  | 'malloc'
  | 'realloc'
  | 'free'
  | 'setThrew'
  | 'stackSave'
  | 'stackRestore'
  | 'emscripten_stack_init'
  | 'emscripten_stack_get_base'
  | 'emscripten_stack_get_end'
  | '__wasm_call_ctors',
  Native
> & {
  readonly memory: WasmMemory
  readonly __indirect_function_table: WasmTable
}

export const LuaType = {
  NIL: 0,
  BOOLEAN: 1,
  LIGHTUSERDATA: 2,
  NUMBER: 3,
  STRING: 4,
  TABLE: 5,
  FUNCTION: 6,
  USERDATA: 7,
  THREAD: 8,
} as const

export const REGISTRY_INDEX = -10_000
export const GLOBALS_INDEX = -10_002
export const upvalueIndex = (i: number): number => GLOBALS_INDEX - i

export const STATUS_OK = 0
export const HOOK_COUNT = 8
export const GC_COLLECT = 2
