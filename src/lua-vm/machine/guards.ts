import { type LuaState, LuaType, upvalueIndex } from './lua-api.ts'
import { type LuaMachine, type NativeFunction, READONLY_MARK } from './machine.ts'
import { patternSteps } from './pattern-cost.ts'

/** Steps of a C function, at a few nanoseconds each, that may pass unseen by the clock. */
const FREE_STEPS = 20_000_000

type Guard = (L: LuaState, stock: NativeFunction) => number

const LUA_SIGNATURE = 0x1b
const SPECIALS = /[\^$*+?.([%-]/

/** Around a function that takes linear time. */
const linear =
  (machine: LuaMachine): Guard =>
  (L, stock) => {
    machine.heap.checkTimeIfLarge()
    return stock(L)
  }

/** An empty string repeated needs no memory, so nothing would stop the loop. */
function repeat(machine: LuaMachine): Guard {
  const { api } = machine
  const otherwise = linear(machine)
  return (L, stock) => {
    if (
      api.lua_type(L, 1) === LuaType.STRING &&
      api.lua_objlen(L, 1) === 0 &&
      api.lua_type(L, 2) === LuaType.NUMBER
    ) {
      api.lua_settop(L, 1)
      return 1
    }
    return otherwise(L, stock)
  }
}

/** Bytecode is not checked by Lua, and can do anything inside the machine. */
const loadText =
  (machine: LuaMachine): Guard =>
  (L, stock) => {
    if (machine.text.view(L, 1)[0] !== LUA_SIGNATURE) return stock(L)
    machine.api.lua_pushnil(L)
    machine.text.pushLatin1(L, "unexpected symbol near 'char(27)': binary chunks are not accepted")
    return 2
  }

/** As Redis's pcall: an error that is a table with a text is given as the text. */
function callProtected(machine: LuaMachine): Guard {
  const { api } = machine
  const errName = machine.text.name('err')
  return (L, stock) => {
    const results = stock(L)
    if (results !== 2 || api.lua_toboolean(L, -2) !== 0 || api.lua_type(L, -1) !== LuaType.TABLE)
      return results
    api.lua_getfield(L, -1, errName)
    if (api.lua_type(L, -1) === LuaType.STRING) api.lua_replace(L, -2)
    else api.lua_settop(L, -2)
    return results
  }
}

/** Pushes the table behind a read-only one; false when `index` is another. */
function pushTarget({ api }: LuaMachine, L: LuaState, index: number): boolean {
  if (api.lua_type(L, index) !== LuaType.TABLE || api.lua_getmetatable(L, index) === 0) return false
  api.lua_pushlightuserdata(L, READONLY_MARK)
  api.lua_rawget(L, -2)
  api.lua_remove(L, -2)
  if (api.lua_type(L, -1) === LuaType.TABLE) return true
  api.lua_settop(L, -2)
  return false
}

/**
 * What stands around Lua's own C functions. The hook that ends a script counts Lua instructions, and does not
 * see inside a C function: those that can take more than linear time are measured first, and `runSlow`
 * decides about the costly ones.
 */
export function guardsOf(
  machine: LuaMachine,
  runSlow: (L: LuaState, stock: NativeFunction) => number,
): ReadonlyMap<string, Guard> {
  const { api } = machine
  const plain = linear(machine)

  const costing =
    (stepsOf: (L: LuaState) => number): Guard =>
    (L, stock) => {
      machine.heap.checkTimeIfLarge()
      const steps = stepsOf(L)
      if (steps > FREE_STEPS) return runSlow(L, stock)
      // Many that are free are not free together, and the hook sees one instruction for each.
      machine.heap.workOn(steps)
      return stock(L)
    }
  const length = (L: LuaState, index: number): number =>
    api.lua_type(L, index) === LuaType.STRING ? api.lua_objlen(L, index) : 0
  const matching =
    (subject: number, pattern: number, anchors: boolean) =>
    (L: LuaState): number =>
      patternSteps(machine.text.view(L, pattern), length(L, subject), anchors)

  const matches = matching(1, 2, true)
  const find = (L: LuaState): number => {
    const plain = api.lua_toboolean(L, 4) !== 0 || !SPECIALS.test(machine.text.view(L, 2).toString('latin1'))
    return plain ? length(L, 1) * length(L, 2) : matches(L)
  }
  /** Quicksort's worst case; with a comparison function in Lua the hook sees it. */
  const sort = (L: LuaState): number => {
    if (api.lua_type(L, 1) !== LuaType.TABLE) return 0
    if (api.lua_type(L, 2) === LuaType.FUNCTION && api.lua_iscfunction(L, 2) === 0) return 0
    return api.lua_objlen(L, 1) ** 2
  }

  const refusing: Guard = (L, stock) => {
    if (pushTarget(machine, L, 1)) machine.text.raise(L, 'Attempt to modify a readonly table', false)
    return stock(L)
  }
  const seeingThrough: Guard = (L, stock) => {
    if (pushTarget(machine, L, 1)) api.lua_replace(L, 1)
    return stock(L)
  }

  return new Map<string, Guard>([
    ['string.find', costing(find)],
    ['string.match', costing(matches)],
    ['string.gsub', costing(matches)],
    ['string.gmatch()', costing(matching(upvalueIndex(1), upvalueIndex(2), false))],
    ['string.rep', repeat(machine)],
    ['table.sort', costing(sort)],
    [
      'table.insert',
      (L, stock) => {
        machine.heap.checkTimeIfLarge()
        return refusing(L, stock)
      },
    ],
    ['table.remove', plain],
    ['table.maxn', plain],
    ['table.foreach', plain],
    ['table.foreachi', plain],
    ['collectgarbage', plain],
    ['tonumber', plain],
    ['rawset', refusing],
    ['setmetatable', refusing],
    ['rawget', seeingThrough],
    ['pairs', seeingThrough],
    ['loadstring', loadText(machine)],
    ['pcall', callProtected(machine)],
  ])
}
