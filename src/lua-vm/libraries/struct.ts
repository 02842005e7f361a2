import { type LuaState, LuaType } from '../machine/lua-api.ts'
import type { Library, LuaMachine } from '../machine/machine.ts'

const MAX_INTEGER_BYTES = 32
const MAX_ALIGNMENT = 8
const MAX_SIZE = 2 ** 31 - 1

/** Counts work against the time limit of the script. */
interface Meter {
  work(steps: number): void
}

interface Layout {
  little: boolean
  alignment: number
}

/**
 * Reads a format letter by letter: `>`, `<`, `!n`, `bBhHlLTiIfdcsx`. Source:
 * https://www.inf.puc-rio.br/~roberto/struct/
 */
class Format {
  readonly layout: Layout = { little: true, alignment: 1 }
  private readonly text: string
  private at = 0
  private readonly fail: (text: string) => never
  private readonly invalid: (text: string) => never
  private readonly meter: Meter

  /** `fail` raises an error, `invalid` one about the format argument. Each letter counts as work. */
  constructor(text: string, fail: (text: string) => never, invalid: (text: string) => never, meter: Meter) {
    this.text = text
    this.meter = meter
    this.fail = fail
    this.invalid = invalid
  }

  get length(): number {
    return this.text.length
  }

  /** The next letter, undefined at the end (or at a zero, which ends a C string). */
  next(): string | undefined {
    const letter = this.text[this.at]
    if (letter === undefined || letter === '\0') return undefined
    this.at++
    this.meter.work(1)
    return letter
  }

  sizeOf(letter: string): number {
    switch (letter) {
      case 'b':
      case 'B':
        return 1
      case 'h':
      case 'H':
        return 2
      case 'l':
      case 'L':
      case 'T':
      case 'd':
        return 8
      case 'f':
        return 4
      case 'x':
        return 1
      case 'c':
        return this.number(1)
      case 'i':
      case 'I': {
        const size = this.number(4)
        if (size > MAX_INTEGER_BYTES)
          this.fail(`integral size ${size} is larger than limit of ${MAX_INTEGER_BYTES}`)
        return size
      }
      default:
        return 0
    }
  }

  /** What is no value: byte order, alignment, spaces. */
  control(letter: string): void {
    if (letter === ' ') return
    if (letter === '>') this.layout.little = false
    else if (letter === '<') this.layout.little = true
    else if (letter === '!') {
      const alignment = this.number(MAX_ALIGNMENT)
      if (alignment === 0 || (alignment & (alignment - 1)) !== 0)
        this.fail(`alignment ${alignment} is not a power of 2`)
      this.layout.alignment = alignment
    } else this.invalid(`invalid format option '${letter}'`)
  }

  /** Bytes to skip before a value of `size` that comes at `offset`. */
  padding(offset: number, letter: string, size: number): number {
    if (size === 0 || letter === 'c') return 0
    const unit = Math.min(size, this.layout.alignment)
    return (unit - (offset & (unit - 1))) & (unit - 1)
  }

  private number(preset: number): number {
    const digits = /^\d+/.exec(this.text.slice(this.at, this.at + 32))?.[0]
    if (digits === undefined) return preset
    this.at += digits.length
    const value = Number(digits)
    if (value > MAX_SIZE) this.fail('integral size overflow')
    return value
  }
}

const SIGNED = 'bhli'
const INTEGERS = 'bBhHlLTiI'

function integerBytes(value: number, size: number, little: boolean): Buffer {
  const bits = Number.isFinite(value) ? BigInt.asUintN(64, BigInt(Math.trunc(value))) : 1n << 63n
  const bytes = Buffer.alloc(size)
  for (let i = 0, rest = bits; i < size; i++, rest >>= 8n)
    bytes[little ? i : size - 1 - i] = Number(rest & 0xffn)
  return bytes
}

function integerOf(bytes: Buffer, little: boolean, signed: boolean): number {
  let bits = 0n
  for (let i = 0; i < bytes.length; i++)
    bits = (bits << 8n) | BigInt(bytes[little ? bytes.length - 1 - i : i]!)
  return Number(signed ? BigInt.asIntN(Math.min(64, bytes.length * 8), bits) : BigInt.asUintN(64, bits))
}

function formatOf(machine: LuaMachine, L: LuaState): Format {
  const { text } = machine
  const format = new Format(
    text.argument(L, 1).toString('latin1'),
    (message) => text.raise(L, message),
    (message) => text.argumentError(L, 1, message),
    machine.heap,
  )
  machine.heap.workOn(format.length)
  return format
}

function pack(machine: LuaMachine, L: LuaState): number {
  const { api, text } = machine
  const format = formatOf(machine, L)
  // A missing argument is a nil, as there.
  api.lua_pushnil(L)
  const parts: Buffer[] = []
  let total = 0
  const add = (bytes: Buffer): void => {
    parts.push(bytes)
    total += bytes.length
    if (total > machine.memoryBytes) text.raise(L, 'not enough memory', false)
  }
  let argument = 2
  for (let letter = format.next(); letter !== undefined; letter = format.next()) {
    let size = format.sizeOf(letter)
    const padding = format.padding(total, letter, size)
    if (padding > 0) add(Buffer.alloc(padding))
    const { little } = format.layout
    if (INTEGERS.includes(letter)) add(integerBytes(api.luaL_checknumber(L, argument++), size, little))
    else if (letter === 'x') add(Buffer.alloc(1))
    else if (letter === 'f' || letter === 'd')
      add(floatBytes(api.luaL_checknumber(L, argument++), letter, little))
    else if (letter === 'c' || letter === 's') {
      const bytes = text.argument(L, argument)
      if (size === 0) size = bytes.length
      argument++
      if (bytes.length < size) text.argumentError(L, argument, 'string too short')
      machine.heap.workOn(size)
      // No more than is wanted: a long string may be given for many single bytes.
      add(Buffer.from(bytes.subarray(0, size)))
      if (letter === 's') add(Buffer.alloc(1))
    } else format.control(letter)
  }
  text.push(L, Buffer.concat(parts))
  return 1
}

function unpack(machine: LuaMachine, L: LuaState): number {
  const { api, text } = machine
  const format = formatOf(machine, L)
  const data = Buffer.from(text.argument(L, 2))
  machine.heap.workOn(data.length)
  let at = api.luaL_optinteger(L, 3, 1) - 1
  if (at < 0) text.argumentError(L, 3, 'offset must be 1 or greater')
  let count = 0
  const need = (bytes: number): void => {
    if (bytes > data.length - at) text.argumentError(L, 2, 'data string too short')
  }
  for (let letter = format.next(); letter !== undefined; letter = format.next()) {
    let size = format.sizeOf(letter)
    at += format.padding(at, letter, size)
    need(size)
    api.luaL_checkstack(L, 2, text.name('too many results'))
    const { little } = format.layout
    if (INTEGERS.includes(letter)) {
      api.lua_pushnumber(L, integerOf(data.subarray(at, at + size), little, SIGNED.includes(letter)))
      count++
    } else if (letter === 'f' || letter === 'd') {
      api.lua_pushnumber(L, floatOf(data, at, letter, little))
      count++
    } else if (letter === 'c') {
      if (size === 0) {
        if (count === 0 || api.lua_type(L, -1) !== LuaType.NUMBER)
          text.raise(L, "format 'c0' needs a previous size")
        size = Math.trunc(api.lua_tonumber(L, -1))
        api.lua_settop(L, -2)
        count--
        if (size < 0) text.argumentError(L, 2, 'data string too short')
        need(size)
      }
      text.push(L, data.subarray(at, at + size))
      count++
    } else if (letter === 's') {
      const end = data.indexOf(0, at)
      if (end < 0) text.raise(L, 'unfinished string in data')
      size = end - at + 1
      text.push(L, data.subarray(at, end))
      count++
    } else if (letter !== 'x') format.control(letter)
    at += size
  }
  api.lua_pushnumber(L, at + 1)
  return count + 1
}

function size(machine: LuaMachine, L: LuaState): number {
  const { api, text } = machine
  const format = formatOf(machine, L)
  let total = 0
  for (let letter = format.next(); letter !== undefined; letter = format.next()) {
    const bytes = format.sizeOf(letter)
    total += format.padding(total, letter, bytes)
    if (letter === 's') text.argumentError(L, 1, "option 's' has no fixed size")
    else if (letter === 'c' && bytes === 0) text.argumentError(L, 1, "option 'c0' has no fixed size")
    if (total + bytes > MAX_SIZE) text.raise(L, 'format result too large')
    // As there: an unknown letter counts nothing here.
    if (!/[a-z0-9]/i.test(letter)) format.control(letter)
    total += bytes
  }
  api.lua_pushnumber(L, total)
  return 1
}

function floatBytes(value: number, letter: string, little: boolean): Buffer {
  const bytes = Buffer.alloc(letter === 'f' ? 4 : 8)
  if (letter === 'f') little ? bytes.writeFloatLE(value) : bytes.writeFloatBE(value)
  else little ? bytes.writeDoubleLE(value) : bytes.writeDoubleBE(value)
  return bytes
}

function floatOf(data: Buffer, at: number, letter: string, little: boolean): number {
  if (letter === 'f') return little ? data.readFloatLE(at) : data.readFloatBE(at)
  return little ? data.readDoubleLE(at) : data.readDoubleBE(at)
}

/** The `struct` table of scripts. */
export function structLibrary(machine: LuaMachine): Library {
  machine.text.name('too many results')
  return {
    pack: (L) => pack(machine, L),
    unpack: (L) => unpack(machine, L),
    size: (L) => size(machine, L),
  }
}
