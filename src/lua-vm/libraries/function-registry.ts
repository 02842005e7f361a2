import { KvError, type PlainCode } from '../../errors/errors.ts'
import type { ReplyPusher } from '../conversion/to-lua.ts'
import { GLOBALS_INDEX, type LuaState, LuaType, REGISTRY_INDEX } from '../machine/lua-api.ts'
import { FUNCTION_REDIS_REF, LIBRARY_GLOBALS_REF, type LuaMachine } from '../machine/machine.ts'
import { checkName, FUNCTION_FLAGS, type LuaFunction, sizeOfFunction } from './function-library.ts'

/** Where the callbacks of the library stand that is being loaded. */
const CALLBACKS_REF = 1_000_010

/** Of one library: its texts may be one string in Lua, and are as many here. */
const MAX_FUNCTIONS = 1_000
const MAX_BYTES = 256 * 1024

const mistake = (code: PlainCode): KvError => new KvError(code)

const tooMany = (used: number, allowed: number, limit: string): KvError =>
  new KvError('quota_exceeded', { used: String(used), allowed: String(allowed), limit })

interface Arguments {
  readonly name: Buffer
  readonly description: Buffer | undefined
  readonly flags: LuaFunction['flags']
}

/**
 * The functions that a library registers while its code runs. Until then it sees nothing but
 * redis.register_function, redis.log and redis's constants; what its functions see later is the environment
 * of scripts, with their own `redis`. Source: function_lua.c of Redis 7.0.
 */
export class FunctionRegistry {
  private readonly machine: LuaMachine
  private readonly pusher: ReplyPusher
  private readonly names: { readonly index: number; readonly redis: number }
  /** Undefined when no library is being loaded. */
  private registered: Map<string, LuaFunction> | undefined
  private bytes = 0

  constructor(machine: LuaMachine, pusher: ReplyPusher) {
    this.machine = machine
    this.pusher = pusher
    this.names = { index: machine.text.name('__index'), redis: machine.text.name('redis') }
  }

  /** redis.register_function */
  readonly register = (L: LuaState): number => {
    try {
      this.add(L)
      return 0
    } catch (error) {
      if (!(error instanceof KvError)) throw error
      this.pusher.pushError(L, error.respText, false)
    }
    // Outside of the `try`: it leaves by an exception of its own.
    return this.machine.api.lua_error(L)
  }

  /** The code of a library runs next. */
  begin(L: LuaState): void {
    const { api } = this.machine
    this.registered = new Map()
    this.bytes = 0
    api.lua_createtable(L, 0, 0)
    api.lua_rawseti(L, REGISTRY_INDEX, CALLBACKS_REF)
    this.see(L, () => api.lua_rawgeti(L, REGISTRY_INDEX, LIBRARY_GLOBALS_REF))
  }

  /** It has run: what it registered may be called. */
  end(L: LuaState): readonly LuaFunction[] {
    const { api } = this.machine
    this.see(L, () => this.machine.pushGlobals(L))
    this.machine.pushGlobals(L)
    api.lua_rawgeti(L, REGISTRY_INDEX, FUNCTION_REDIS_REF)
    api.lua_setfield(L, -2, this.names.redis)
    api.lua_settop(L, -2)
    const registered = [...(this.registered ?? new Map<string, LuaFunction>()).values()]
    this.registered = undefined
    return registered
  }

  /** Whatever there was is forgotten; the machine is as new. */
  reset(): void {
    this.registered = undefined
  }

  /** Pushes the callback of a function; nothing and false when the library did not register it now. */
  push(L: LuaState, name: string): boolean {
    const { api, text } = this.machine
    api.lua_rawgeti(L, REGISTRY_INDEX, CALLBACKS_REF)
    text.pushLatin1(L, name)
    api.lua_rawget(L, -2)
    api.lua_remove(L, -2)
    if (api.lua_type(L, -1) === LuaType.FUNCTION) return true
    api.lua_settop(L, -2)
    return false
  }

  /** Globals are looked up in the table that `push` pushes. */
  private see(L: LuaState, push: () => void): void {
    const { api } = this.machine
    api.lua_pushvalue(L, GLOBALS_INDEX)
    api.lua_getmetatable(L, -1)
    push()
    api.lua_setfield(L, -2, this.names.index)
    api.lua_settop(L, -3)
  }

  private add(L: LuaState): void {
    const { api, text, heap } = this.machine
    if (this.registered === undefined) throw mistake('register_elsewhere')
    const count = api.lua_gettop(L)
    if (count < 1 || count > 2) throw mistake('register_count')
    // Its arguments end with the callback on top of the stack, whichever form they have.
    const { name, description, flags } = count === 1 ? this.named(L) : this.positional(L)
    const checked = checkName(name)
    if (this.registered.has(checked)) throw mistake('register_twice')
    const made: LuaFunction = { name: checked, description, flags }
    const bytes = sizeOfFunction(made)
    if (this.registered.size >= MAX_FUNCTIONS)
      throw tooMany(MAX_FUNCTIONS, MAX_FUNCTIONS, 'functions of one library')
    heap.workOn(bytes)
    this.bytes += bytes
    this.registered.set(checked, made)
    api.lua_rawgeti(L, REGISTRY_INDEX, CALLBACKS_REF)
    text.pushLatin1(L, checked)
    api.lua_pushvalue(L, -3)
    api.lua_rawset(L, -3)
  }

  private positional(L: LuaState): Arguments {
    if (!this.isText(L, 1)) throw mistake('register_first')
    if (this.machine.api.lua_type(L, 2) !== LuaType.FUNCTION) throw mistake('register_second')
    this.checkBytes(this.machine.api.lua_objlen(L, 1))
    return { name: this.machine.text.read(L, 1), description: undefined, flags: [] }
  }

  private named(L: LuaState): Arguments {
    const { api, text } = this.machine
    if (api.lua_type(L, 1) !== LuaType.TABLE) throw mistake('register_single')
    let name: Buffer | undefined
    let description: Buffer | undefined
    let flags: LuaFunction['flags'] = []
    let hasCallback = false
    // Index 2 holds the callback.
    api.lua_pushnil(L)
    api.lua_pushnil(L)
    while (api.lua_next(L, 1) !== 0) {
      // A number as the key of a named argument is unknown, and must not be turned into a string here.
      if (api.lua_type(L, -2) === LuaType.NUMBER) throw mistake('register_argument')
      if (api.lua_type(L, -2) !== LuaType.STRING) throw mistake('register_key')
      if (api.lua_type(L, -1) === LuaType.STRING) this.checkBytes(api.lua_objlen(L, -1))
      const key = text.view(L, -2).toString('latin1', 0, 32).toLowerCase()
      if (key === 'function_name') {
        if (!this.isText(L, -1)) throw mistake('register_name')
        name = text.read(L, -1)
      } else if (key === 'description') {
        if (!this.isText(L, -1)) throw mistake('register_description')
        description = text.read(L, -1)
      } else if (key === 'callback') {
        if (api.lua_type(L, -1) !== LuaType.FUNCTION) throw mistake('register_callback')
        api.lua_pushvalue(L, -1)
        api.lua_replace(L, 2)
        hasCallback = true
      } else if (key === 'flags') {
        if (api.lua_type(L, -1) !== LuaType.TABLE) throw mistake('register_flags')
        flags = this.flags(L)
      } else throw mistake('register_argument')
      api.lua_settop(L, -2)
    }
    if (name === undefined) throw mistake('register_no_name')
    if (!hasCallback) throw mistake('register_no_callback')
    return { name, description, flags }
  }

  /** Of the list on top of the stack, up to its first nil. */
  private flags(L: LuaState): LuaFunction['flags'] {
    const { api, text, heap } = this.machine
    const given = new Set<string>()
    for (let i = 1; ; i++) {
      heap.work(1)
      api.lua_rawgeti(L, -1, i)
      const isEnd = api.lua_type(L, -1) === LuaType.NIL
      const flag = this.isText(L, -1) ? text.view(L, -1).toString('latin1', 0, 32).toLowerCase() : ''
      api.lua_settop(L, -2)
      if (isEnd) return FUNCTION_FLAGS.filter((each) => given.has(each))
      if (!FUNCTION_FLAGS.some((each) => each === flag)) throw mistake('register_flag')
      given.add(flag)
    }
  }

  /** Asked before a text is copied out of the machine. */
  private checkBytes(more: number): void {
    const bytes = this.bytes + more
    if (bytes > MAX_BYTES) throw tooMany(bytes, MAX_BYTES, "bytes of one library's functions")
  }

  /** As lua_isstring: numbers are, too. */
  private isText(L: LuaState, index: number): boolean {
    const type = this.machine.api.lua_type(L, index)
    return type === LuaType.STRING || type === LuaType.NUMBER
  }
}
