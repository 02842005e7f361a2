import { formatGeneral } from '../../redis-semantics/general-format.ts'
import { type LuaState, LuaType } from '../machine/lua-api.ts'
import type { LuaMachine } from '../machine/machine.ts'
import { ByteWriter } from './byte-writer.ts'
import type { JsonOptions } from './cjson-options.ts'

const NAMED: Readonly<Record<number, string>> = {
  8: '\\b',
  9: '\\t',
  10: '\\n',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  47: '\\/',
  92: '\\\\',
}
const ESCAPES = Array.from(
  { length: 256 },
  (_, byte) =>
    NAMED[byte] ?? (byte < 32 || byte === 127 ? `\\u00${byte.toString(16).padStart(2, '0')}` : undefined),
)
const TYPE_NAMES = [
  'nil',
  'boolean',
  'lightuserdata',
  'number',
  'string',
  'table',
  'function',
  'userdata',
  'thread',
]

/**
 * Lua values as JSON, as lua-cjson 2.1.0 writes them: strings are bytes, `/` is escaped, an empty table is an
 * object.
 */
export class JsonEncoder {
  private readonly machine: LuaMachine
  private readonly options: JsonOptions
  private out = new ByteWriter()

  constructor(machine: LuaMachine, options: JsonOptions) {
    this.machine = machine
    this.options = options
  }

  /** Pushes the JSON text of the value on top. */
  encode(L: LuaState): void {
    this.out = new ByteWriter()
    this.value(L, 0)
    this.machine.text.push(L, this.out.take())
  }

  private value(L: LuaState, depth: number): void {
    const { out } = this
    const { api, text, memoryBytes } = this.machine
    if (out.length > memoryBytes) text.raise(L, 'not enough memory', false)
    this.machine.heap.work(1)
    const type = api.lua_type(L, -1)
    switch (type) {
      case LuaType.STRING:
        return this.string(L)
      case LuaType.NUMBER:
        return this.number(L)
      case LuaType.BOOLEAN:
        return void out.latin1(api.lua_toboolean(L, -1) !== 0 ? 'true' : 'false')
      case LuaType.NIL:
        return void out.latin1('null')
      case LuaType.TABLE:
        return this.table(L, depth + 1)
      default:
        if (type === LuaType.LIGHTUSERDATA && api.lua_touserdata(L, -1) === 0) return void out.latin1('null')
        this.fail(L, TYPE_NAMES[type]!, 'type not supported')
    }
  }

  private table(L: LuaState, depth: number): void {
    const { api, text } = this.machine
    if (depth > this.options.encodeDepth) text.raise(L, `Cannot serialise, excessive nesting (${depth})`)
    if (api.lua_checkstack(L, 5) === 0) text.raise(L, `Cannot serialise, excessive nesting (${depth})`)
    const length = this.arrayLength(L)
    if (length > 0) this.array(L, length, depth)
    else this.object(L, depth)
  }

  /** The highest index when all keys are positive integers, and not too few of them; else -1. */
  private arrayLength(L: LuaState): number {
    const { api } = this.machine
    const { sparseConvert, sparseRatio, sparseSafe } = this.options
    let max = 0
    let items = 0
    api.lua_pushnil(L)
    while (api.lua_next(L, -2) !== 0) {
      const key = api.lua_type(L, -2) === LuaType.NUMBER ? api.lua_tonumber(L, -2) : 0
      if (key < 1 || !Number.isInteger(key)) {
        api.lua_settop(L, -3)
        return -1
      }
      max = Math.max(max, key)
      items++
      this.machine.heap.work(1)
      api.lua_settop(L, -2)
    }
    if (sparseRatio > 0 && max > items * sparseRatio && max > sparseSafe) {
      if (!sparseConvert) this.fail(L, 'table', 'excessively sparse array')
      return -1
    }
    return max
  }

  private array(L: LuaState, length: number, depth: number): void {
    const { api } = this.machine
    this.out.byte(0x5b)
    for (let i = 1; i <= length; i++) {
      if (i > 1) this.out.byte(0x2c)
      api.lua_rawgeti(L, -1, i)
      this.value(L, depth)
      api.lua_settop(L, -2)
    }
    this.out.byte(0x5d)
  }

  private object(L: LuaState, depth: number): void {
    const { api } = this.machine
    const { out } = this
    out.byte(0x7b)
    let first = true
    api.lua_pushnil(L)
    while (api.lua_next(L, -2) !== 0) {
      if (!first) out.byte(0x2c)
      first = false
      this.key(L)
      out.byte(0x3a)
      this.value(L, depth)
      api.lua_settop(L, -2)
    }
    out.byte(0x7d)
  }

  private key(L: LuaState): void {
    const { api } = this.machine
    const type = api.lua_type(L, -2)
    if (type !== LuaType.NUMBER && type !== LuaType.STRING)
      this.fail(L, TYPE_NAMES[type]!, 'table key must be a number or string')
    api.lua_pushvalue(L, -2)
    if (type === LuaType.STRING) this.string(L)
    else {
      this.out.byte(0x22)
      this.number(L)
      this.out.byte(0x22)
    }
    api.lua_settop(L, -2)
  }

  private number(L: LuaState): void {
    const { encodeInvalid, precision } = this.options
    const value = this.machine.api.lua_tonumber(L, -1)
    if (!Number.isFinite(value) && encodeInvalid !== true) {
      if (encodeInvalid === false) this.fail(L, 'number', 'must not be NaN or Inf')
      this.out.latin1('null')
    } else if (!Number.isFinite(value)) {
      this.out.latin1(Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf')
    } else {
      this.out.latin1(formatGeneral(value, precision))
    }
  }

  private string(L: LuaState): void {
    const { out } = this
    const bytes = this.machine.text.view(L, -1)
    // Each byte is looked at, and may need an escape of six.
    this.machine.heap.work(bytes.length >> 4)
    out.byte(0x22)
    let start = 0
    for (let i = 0; i < bytes.length; i++) {
      const escaped = ESCAPES[bytes[i]!]
      if (escaped === undefined) continue
      out.bytes(bytes.subarray(start, i)).latin1(escaped)
      start = i + 1
    }
    out.bytes(bytes.subarray(start)).byte(0x22)
  }

  private fail(L: LuaState, type: string, reason: string): never {
    return this.machine.text.raise(L, `Cannot serialise ${type}: ${reason}`)
  }
}
