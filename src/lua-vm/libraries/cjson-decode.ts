import { parseFloat64 } from '../../redis-semantics/floats.ts'
import type { LuaState } from '../machine/lua-api.ts'
import type { LuaMachine } from '../machine/machine.ts'
import { ByteWriter } from './byte-writer.ts'
import type { JsonOptions } from './cjson-options.ts'

type Token =
  | 'OBJ_BEGIN'
  | 'OBJ_END'
  | 'ARR_BEGIN'
  | 'ARR_END'
  | 'STRING'
  | 'NUMBER'
  | 'BOOLEAN'
  | 'NULL'
  | 'COLON'
  | 'COMMA'
  | 'END'
  | 'ERROR'

const PUNCTUATION: Readonly<Record<string, Token>> = {
  '{': 'OBJ_BEGIN',
  '}': 'OBJ_END',
  '[': 'ARR_BEGIN',
  ']': 'ARR_END',
  ':': 'COLON',
  ',': 'COMMA',
}
const ESCAPED: Readonly<Record<string, number>> = {
  '"': 34,
  '\\': 92,
  '/': 47,
  b: 8,
  t: 9,
  n: 10,
  f: 12,
  r: 13,
}
/** What strtod reads. */
const DECIMAL = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y
const HEXADECIMAL = /[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?\d+)?/y
const WORD = /[+-]?(?:inf(?:inity)?|nan)/iy
/** Numbers that JSON has not: signs, leading zeros, hexadecimals, infinities. */
const NOT_JSON = /\+|-?0[xX0-9]|-?(?:inf|nan)/iy
const QUOTE = 34
const BACKSLASH = 92

/**
 * JSON as Lua values, as lua-cjson 2.1.0 reads it: numbers are doubles, null is a light userdata, the text
 * ends at the first zero.
 */
export class JsonDecoder {
  private readonly machine: LuaMachine
  private readonly options: JsonOptions
  private bytes: Buffer = Buffer.alloc(0)
  /** The same in latin1, one character a byte, for regular expressions. */
  private text = ''
  private at = 0
  private tokenAt = 0
  private number = 0
  private boolean = false
  private string: Uint8Array = this.bytes
  private problem = ''
  private depth = 0

  constructor(machine: LuaMachine, options: JsonOptions) {
    this.machine = machine
    this.options = options
  }

  /** Pushes the value of the JSON text that is the first argument. */
  decode(L: LuaState): void {
    const { text } = this.machine
    this.bytes = Buffer.from(text.argument(L, 1))
    this.machine.heap.workOn(this.bytes.length)
    this.text = this.bytes.toString('latin1')
    this.at = 0
    this.depth = 0
    if (this.bytes.length >= 2 && (this.bytes[0] === 0 || this.bytes[1] === 0))
      text.raise(L, 'JSON parser does not support UTF-16 or UTF-32')
    this.value(L, this.next())
    const token = this.next()
    if (token !== 'END') this.unexpected(L, 'the end', token)
  }

  private value(L: LuaState, token: Token): void {
    const { api, text } = this.machine
    if (token === 'STRING') text.push(L, this.string)
    else if (token === 'NUMBER') api.lua_pushnumber(L, this.number)
    else if (token === 'BOOLEAN') api.lua_pushboolean(L, this.boolean ? 1 : 0)
    else if (token === 'OBJ_BEGIN') this.object(L)
    else if (token === 'ARR_BEGIN') this.array(L)
    else if (token === 'NULL') api.lua_pushlightuserdata(L, 0)
    else this.unexpected(L, 'value', token)
  }

  private object(L: LuaState): void {
    const { api, text } = this.machine
    this.enter(L)
    let token = this.next()
    if (token !== 'OBJ_END') {
      for (;;) {
        if (token !== 'STRING') this.unexpected(L, 'object key string', token)
        text.push(L, this.string)
        token = this.next()
        if (token !== 'COLON') this.unexpected(L, 'colon', token)
        this.value(L, this.next())
        api.lua_rawset(L, -3)
        token = this.next()
        if (token === 'OBJ_END') break
        if (token !== 'COMMA') this.unexpected(L, 'comma or object end', token)
        token = this.next()
      }
    }
    this.depth--
  }

  private array(L: LuaState): void {
    const { api } = this.machine
    this.enter(L)
    let token = this.next()
    if (token !== 'ARR_END') {
      for (let i = 1; ; i++) {
        this.value(L, token)
        api.lua_rawseti(L, -2, i)
        token = this.next()
        if (token === 'ARR_END') break
        if (token !== 'COMMA') this.unexpected(L, 'comma or array end', token)
        token = this.next()
      }
    }
    this.depth--
  }

  private enter(L: LuaState): void {
    const { api, text } = this.machine
    this.depth++
    if (this.depth > this.options.decodeDepth || api.lua_checkstack(L, 4) === 0) {
      text.raise(L, `Found too many nested data structures (${this.depth}) at character ${this.at}`)
    }
    api.lua_createtable(L, 0, 0)
  }

  private unexpected(L: LuaState, expected: string, token: Token): never {
    const found = token === 'ERROR' ? this.problem : `T_${token}`
    return this.machine.text.raise(
      L,
      `Expected ${expected} but found ${found} at character ${this.tokenAt + 1}`,
    )
  }

  private next(): Token {
    const { text } = this
    const { heap } = this.machine
    heap.work(1)
    while (this.at < text.length && ' \t\n\r'.includes(text[this.at]!))
      if ((++this.at & 0x3ff) === 0) heap.work(64)
    this.tokenAt = this.at
    const char = text[this.at]
    if (char === undefined || char === '\0') return 'END'
    const punctuation = PUNCTUATION[char]
    if (punctuation !== undefined) {
      this.at++
      return punctuation
    }
    if (char === '"') return this.readString()
    if (char === '-' || (char >= '0' && char <= '9')) {
      return !this.options.decodeInvalid && this.matches(NOT_JSON)
        ? this.error('invalid number')
        : this.readNumber()
    }
    if (text.startsWith('true', this.at)) return this.word('BOOLEAN', 4, true)
    if (text.startsWith('false', this.at)) return this.word('BOOLEAN', 5, false)
    if (text.startsWith('null', this.at)) return this.word('NULL', 4, false)
    return this.options.decodeInvalid && this.matches(NOT_JSON)
      ? this.readNumber()
      : this.error('invalid token')
  }

  private word(token: Token, length: number, value: boolean): Token {
    this.at += length
    this.boolean = value
    return token
  }

  private error(problem: string): Token {
    this.problem = problem
    return 'ERROR'
  }

  private errorAt(at: number, problem: string): Token {
    this.tokenAt = at
    return this.error(problem)
  }

  private matches(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    return pattern.exec(this.text)?.[0]
  }

  private readNumber(): Token {
    const word = this.matches(HEXADECIMAL) ?? this.matches(WORD) ?? this.matches(DECIMAL)
    if (word === undefined) return this.error('invalid number')
    this.machine.heap.workOn(word.length)
    this.at += word.length
    this.number = /nan/i.test(word)
      ? NaN
      : /x|inf/i.test(word)
        ? (parseFloat64(Buffer.from(word)) ?? 0)
        : Number(word)
    return 'NUMBER'
  }

  private readString(): Token {
    const { bytes } = this
    let start = this.at + 1
    let i = start
    let out: ByteWriter | undefined
    for (;;) {
      const byte = bytes[i]
      if (byte === undefined || byte === 0) return this.errorAt(i, 'unexpected end of string')
      if (byte === QUOTE) break
      if (byte !== BACKSLASH) {
        if ((++i & 0x3ff) === 0) this.machine.heap.work(32)
        continue
      }
      this.machine.heap.work(1)
      out ??= new ByteWriter()
      out.bytes(bytes.subarray(start, i))
      const letter = this.text[i + 1] ?? ''
      if (letter === 'u') {
        const length = this.readCodePoint(i, out)
        if (length === 0) return this.errorAt(i, 'invalid unicode escape code')
        i += length
      } else {
        const plain = ESCAPED[letter]
        if (plain === undefined) return this.errorAt(i, 'invalid escape code')
        out.byte(plain)
        i += 2
      }
      start = i
    }
    this.string = out === undefined ? bytes.subarray(start, i) : out.bytes(bytes.subarray(start, i)).take()
    this.at = i + 1
    return 'STRING'
  }

  /** The length of the `\\uXXXX` (or pair of them) at `at`, 0 when it is none. */
  private readCodePoint(at: number, out: ByteWriter): number {
    const high = this.hex(at)
    if (high < 0) return 0
    if ((high & 0xf800) !== 0xd800) {
      out.bytes(Buffer.from(String.fromCharCode(high)))
      return 6
    }
    const low = this.hex(at + 6)
    if ((high & 0x400) !== 0 || (low & 0xfc00) !== 0xdc00 || low < 0) return 0
    out.bytes(Buffer.from(String.fromCharCode(high, low)))
    return 12
  }

  private hex(at: number): number {
    const match = /^\\u([0-9a-fA-F]{4})$/.exec(this.text.slice(at, at + 6))
    return match === null ? -1 : parseInt(match[1]!, 16)
  }
}
