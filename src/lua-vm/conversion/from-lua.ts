import { respText } from '../../errors/errors.ts'
import { formatDouble } from '../../redis-semantics/floats.ts'
import { INT64_MIN } from '../../redis-semantics/integers.ts'
import {
  BigNumber,
  Double,
  ErrorReply,
  MapReply,
  type Reply,
  SetReply,
  SimpleString,
  Verbatim,
} from '../../reply/reply.ts'
import { type LuaState, LuaType } from '../machine/lua-api.ts'
import { type LuaMachine, ScriptKilled } from '../machine/machine.ts'
import type { ScriptProtocol } from './to-lua.ts'

/** Deeper nesting ends in Redis's error for it, at a depth that is safe for everything on the reply's way. */
const MAX_DEPTH = 1_000
/**
 * What a reply's element costs besides its bytes: shared tables can make a reply much larger than the
 * script's memory.
 */
const ELEMENT_BYTES = 16

/** Redis maps each line end in a status or error to a space, and C ends a text at its first zero. */
export const oneLine = (bytes: Buffer): string => {
  const end = bytes.indexOf(0)
  return (end < 0 ? bytes : bytes.subarray(0, end)).toString().replace(/[\r\n]/g, ' ')
}

/** A number as C's cast to `long long` makes it; what does not fit is the lowest integer, as on x86-64. */
function toInteger(value: number): number | bigint {
  const whole = Math.trunc(value)
  if (Number.isSafeInteger(whole)) return whole + 0
  return Math.abs(whole) < 2 ** 63 ? BigInt(whole) : INT64_MIN
}

/**
 * A script's value as the reply that it stands for.
 * Source: https://redis.io/docs/latest/develop/interact/programmability/lua-api/#lua-to-resp2-type-conversion
 */
export class ReplyReader {
  private readonly machine: LuaMachine
  private bytes = 0
  private depth = 0
  private protocol: ScriptProtocol = 2

  constructor(machine: LuaMachine) {
    this.machine = machine
  }

  /** Reads the value on top of the stack, which stays. */
  read(L: LuaState, protocol: ScriptProtocol): Reply {
    this.bytes = 0
    this.depth = 0
    this.protocol = protocol
    return this.value(L)
  }

  private value(L: LuaState): Reply {
    const { api } = this.machine
    this.count(ELEMENT_BYTES)
    switch (api.lua_type(L, -1)) {
      case LuaType.STRING:
        return this.string(L)
      case LuaType.NUMBER:
        return toInteger(api.lua_tonumber(L, -1))
      case LuaType.BOOLEAN: {
        const value = api.lua_toboolean(L, -1) !== 0
        return this.protocol === 3 ? value : value ? 1 : null
      }
      case LuaType.TABLE:
        return this.table(L)
      default:
        return null
    }
  }

  private table(L: LuaState): Reply {
    if (this.depth >= MAX_DEPTH || this.machine.api.lua_checkstack(L, 6) === 0)
      return new ErrorReply(respText('script_reply_depth'))
    this.depth++
    const reply = this.tagged(L) ?? this.list(L)
    this.depth--
    return reply
  }

  private string(L: LuaState): Buffer {
    const bytes = this.machine.text.read(L, -1)
    this.count(bytes.length)
    return bytes
  }

  /**
   * The tables with one field that stand for the types that Lua has not, in the order in which Redis looks.
   */
  private tagged(L: LuaState): Reply | undefined {
    return (
      this.field(L, 'err', LuaType.STRING, () => new ErrorReply(oneLine(this.string(L)))) ??
      this.field(L, 'ok', LuaType.STRING, () => new SimpleString(oneLine(this.string(L)))) ??
      this.field(
        L,
        'double',
        LuaType.NUMBER,
        () => new Double(formatDouble(this.machine.api.lua_tonumber(L, -1))),
      ) ??
      this.field(L, 'map', LuaType.TABLE, () => new MapReply(this.entries(L, true))) ??
      this.field(L, 'set', LuaType.TABLE, () => new SetReply(this.entries(L, false))) ??
      this.field(L, 'big_number', LuaType.STRING, () => new BigNumber(oneLine(this.string(L)))) ??
      this.field(L, 'verbatim_string', LuaType.TABLE, () => this.verbatim(L))
    )
  }

  private verbatim(L: LuaState): Verbatim | undefined {
    const string = this.field(L, 'string', LuaType.STRING, () => this.string(L)) as Buffer | undefined
    const format = this.field(L, 'format', LuaType.STRING, () => this.string(L)) as Buffer | undefined
    if (string === undefined || format === undefined) return undefined
    return new Verbatim(format.toString().padEnd(3).slice(0, 3), string.toString())
  }

  private field<T extends Reply>(
    L: LuaState,
    name: string,
    type: number,
    read: () => T | undefined,
  ): T | undefined {
    const { api, text } = this.machine
    text.pushLatin1(L, name)
    api.lua_rawget(L, -2)
    const reply = api.lua_type(L, -1) === type ? read() : undefined
    api.lua_settop(L, -2)
    return reply
  }

  private entries(L: LuaState, withValues: boolean): Reply[] {
    const { api } = this.machine
    const flat: Reply[] = []
    api.lua_pushnil(L)
    while (api.lua_next(L, -2) !== 0) {
      api.lua_pushvalue(L, -2)
      flat.push(this.value(L))
      api.lua_settop(L, -2)
      if (withValues) flat.push(this.value(L))
      api.lua_settop(L, -2)
    }
    return flat
  }

  private list(L: LuaState): Reply[] {
    const { api } = this.machine
    const items: Reply[] = []
    for (let i = 1; ; i++) {
      api.lua_rawgeti(L, -1, i)
      if (api.lua_type(L, -1) === LuaType.NIL) break
      items.push(this.value(L))
      api.lua_settop(L, -2)
    }
    api.lua_settop(L, -2)
    return items
  }

  private count(bytes: number): void {
    this.bytes += bytes
    if (this.bytes > this.machine.memoryBytes) throw new ScriptKilled('memory')
    this.machine.heap.work(1)
    this.machine.heap.workOn(bytes)
  }
}
