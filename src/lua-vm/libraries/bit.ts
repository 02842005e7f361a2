import type { LuaState } from '../machine/lua-api.ts'
import type { Library, LuaMachine } from '../machine/machine.ts'

const MAGIC = 2 ** 52 + 2 ** 51
const double = new Float64Array(1)
const words = new Int32Array(double.buffer)

/**
 * A number as LuaBitOp normalizes it: its lowest 32 bits, rounded as the addition of 2^52 + 2^51 rounds.
 * Source: https://bitop.luajit.org/semantics.html
 */
function toBits(value: number): number {
  double[0] = value + MAGIC
  return words[0]!
}

/** The `bit` table of scripts. Source: https://bitop.luajit.org/api.html */
export function bitLibrary(machine: LuaMachine): Library {
  const { api, text } = machine
  const argument = (L: LuaState, index: number): number => toBits(api.luaL_checknumber(L, index))
  const result = (L: LuaState, value: number): number => {
    api.lua_pushnumber(L, value | 0)
    return 1
  }
  const fold =
    (combine: (a: number, b: number) => number) =>
    (L: LuaState): number => {
      let bits = argument(L, 1)
      for (let i = api.lua_gettop(L); i > 1; i--) bits = combine(bits, argument(L, i))
      return result(L, bits)
    }
  const shift =
    (move: (bits: number, count: number) => number) =>
    (L: LuaState): number => {
      const bits = argument(L, 1)
      return result(L, move(bits, argument(L, 2) & 31))
    }
  return {
    tobit: (L) => result(L, argument(L, 1)),
    bnot: (L) => result(L, ~argument(L, 1)),
    band: fold((a, b) => a & b),
    bor: fold((a, b) => a | b),
    bxor: fold((a, b) => a ^ b),
    lshift: shift((bits, count) => bits << count),
    rshift: shift((bits, count) => bits >>> count),
    arshift: shift((bits, count) => bits >> count),
    rol: shift((bits, count) => (bits << count) | (bits >>> (32 - count))),
    ror: shift((bits, count) => (bits >>> count) | (bits << (32 - count))),
    bswap: (L) => {
      const bits = argument(L, 1)
      return result(L, (bits << 24) | ((bits & 0xff00) << 8) | ((bits >>> 8) & 0xff00) | (bits >>> 24))
    },
    tohex: (L) => {
      const bits = argument(L, 1)
      const digits = api.lua_gettop(L) < 2 ? 8 : argument(L, 2)
      const hex = (bits >>> 0).toString(16).padStart(8, '0')
      // The absolute value of the lowest integer overflows in C.
      const count = Math.min(8, digits === -0x8000_0000 ? 8 : Math.abs(digits))
      text.pushLatin1(L, (digits < 0 ? hex.toUpperCase() : hex).slice(8 - count))
      return 1
    },
  }
}
