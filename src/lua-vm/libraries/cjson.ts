import { type LuaState, LuaType } from '../machine/lua-api.ts'
import type { Library, LuaMachine } from '../machine/machine.ts'
import { JsonDecoder } from './cjson-decode.ts'
import { JsonEncoder } from './cjson-encode.ts'
import type { JsonOptions } from './cjson-options.ts'

/**
 * The `cjson` table of scripts; `options` are those of the script that runs.
 * Source: https://www.kyne.com.au/~mark/software/lua-cjson-manual.html
 */
export function cjsonLibrary(machine: LuaMachine, options: JsonOptions): Library {
  const { api, text } = machine
  const encoder = new JsonEncoder(machine, options)
  const decoder = new JsonDecoder(machine, options)

  const alone = (L: LuaState, run: () => void): number => {
    if (api.lua_gettop(L) !== 1) text.argumentError(L, 1, 'expected 1 argument')
    run()
    return 1
  }
  const atMost = (L: LuaState, count: number): void => {
    if (api.lua_gettop(L) > count) text.argumentError(L, count + 1, 'found too many arguments')
    while (api.lua_gettop(L) < count) api.lua_pushnil(L)
  }
  const integer = (L: LuaState, index: number, current: number, min: number, max: number): number => {
    if (api.lua_type(L, index) === LuaType.NIL) return current
    const value = api.luaL_checkinteger(L, index)
    if (value < min || value > max) text.argumentError(L, 1, `expected integer between ${min} and ${max}`)
    return value
  }
  const boolean = (L: LuaState, index: number, current: boolean): boolean => {
    if (api.lua_type(L, index) === LuaType.NIL) return current
    if (api.lua_type(L, index) === LuaType.BOOLEAN) return api.lua_toboolean(L, index) !== 0
    return word(L, index, { off: false, on: true })
  }
  const word = <T>(L: LuaState, index: number, words: Readonly<Record<string, T>>): T => {
    const given = text.argument(L, index).toString('latin1')
    if (!Object.hasOwn(words, given)) text.argumentError(L, index, `invalid option '${given}'`)
    return words[given]!
  }
  const integerOption =
    (name: 'encodeDepth' | 'decodeDepth' | 'precision', max: number) =>
    (L: LuaState): number => {
      atMost(L, 1)
      options[name] = integer(L, 1, options[name], 1, max)
      api.lua_pushnumber(L, options[name])
      return 1
    }
  const booleanOption =
    (name: 'keepBuffer' | 'decodeInvalid') =>
    (L: LuaState): number => {
      atMost(L, 1)
      options[name] = boolean(L, 1, options[name])
      api.lua_pushboolean(L, options[name] ? 1 : 0)
      return 1
    }

  return {
    _NAME: 'cjson',
    _VERSION: '2.1.0',
    null: null,
    encode: (L) => alone(L, () => encoder.encode(L)),
    decode: (L) => alone(L, () => decoder.decode(L)),
    encode_max_depth: integerOption('encodeDepth', 2 ** 31 - 1),
    decode_max_depth: integerOption('decodeDepth', 2 ** 31 - 1),
    encode_number_precision: integerOption('precision', 14),
    encode_keep_buffer: booleanOption('keepBuffer'),
    decode_invalid_numbers: booleanOption('decodeInvalid'),
    encode_invalid_numbers: (L) => {
      atMost(L, 1)
      if (api.lua_type(L, 1) === LuaType.BOOLEAN) options.encodeInvalid = api.lua_toboolean(L, 1) !== 0
      else if (api.lua_type(L, 1) !== LuaType.NIL)
        options.encodeInvalid = word(L, 1, { off: false, on: true, null: 'null' as const })
      if (options.encodeInvalid === 'null') text.pushLatin1(L, 'null')
      else api.lua_pushboolean(L, options.encodeInvalid ? 1 : 0)
      return 1
    },
    encode_sparse_array: (L) => {
      atMost(L, 3)
      options.sparseConvert = boolean(L, 1, options.sparseConvert)
      options.sparseRatio = integer(L, 2, options.sparseRatio, 0, 2 ** 31 - 1)
      options.sparseSafe = integer(L, 3, options.sparseSafe, 0, 2 ** 31 - 1)
      api.lua_pushboolean(L, options.sparseConvert ? 1 : 0)
      api.lua_pushnumber(L, options.sparseRatio)
      api.lua_pushnumber(L, options.sparseSafe)
      return 3
    },
  }
}
