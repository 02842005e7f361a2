import type { Library, LuaMachine } from '../machine/machine.ts'

const MULTIPLIER = 0x5_deec_e66dn
const MASK = (1n << 48n) - 1n
const MAX = 2 ** 31 - 1

/**
 * Redis's own `math.random`: the drand48 generator, so that a seed gives the same numbers everywhere. Source:
 * rand.c of Redis 7.0
 */
export class Random {
  private state = 0n

  seed(value: number): void {
    this.state = (BigInt(value >>> 0) << 16n) | 0x330en
  }

  /** From 0 to 2^31 - 1. */
  next(): number {
    this.state = (this.state * MULTIPLIER + 0xbn) & MASK
    return Number(this.state >> 17n)
  }
}

/** Replaces the two functions of the `math` table whose state would outlive a script. */
export function mathLibrary(machine: LuaMachine, random: Random): Library {
  const { api, text } = machine
  return {
    random: (L) => {
      const fraction = (random.next() % MAX) / MAX
      const count = api.lua_gettop(L)
      if (count === 0) {
        api.lua_pushnumber(L, fraction)
        return 1
      }
      if (count > 2) return text.raise(L, 'wrong number of arguments')
      const lower = count === 2 ? api.luaL_checkinteger(L, 1) : 1
      const upper = api.luaL_checkinteger(L, count)
      if (lower > upper) return text.argumentError(L, count, 'interval is empty')
      api.lua_pushnumber(L, Math.floor(fraction * (upper - lower + 1)) + lower)
      return 1
    },
    randomseed: (L) => {
      random.seed(api.luaL_checkinteger(L, 1))
      return 0
    },
  }
}
