import { KvError } from '../errors/errors.ts'
import { kindOf, parseInteger64, splitObject, stringContent } from '../json/document.ts'

const unprocessable = (fact: string): KvError => new KvError('unprocessable', fact)

/** The fields of an object by name, each with the text of its value. */
export class Fields {
  private readonly texts: ReadonlyMap<string, string>

  private constructor(texts: ReadonlyMap<string, string>) {
    this.texts = texts
  }

  static readonly none = new Fields(new Map())

  /** Throws `unprocessable` when `text` is no object. */
  static of(text: string): Fields {
    if (kindOf(text) !== 'object') throw unprocessable('an object is needed')
    const entries = splitObject(text)
    const texts = new Map(entries)
    if (texts.size < entries.length) throw unprocessable('a field is there twice')
    return new Fields(texts)
  }

  /** Throws `unprocessable` for any field that is not among `known`. */
  only(known: readonly string[]): this {
    for (const name of this.texts.keys()) {
      if (!known.includes(name)) throw unprocessable(`unknown field; known are ${known.join(', ') || 'none'}`)
    }
    return this
  }

  /** The text of any JSON value. */
  value(name: string): string {
    const text = this.texts.get(name)
    if (text === undefined) throw unprocessable(`the field ${name} is missing`)
    return text
  }

  string(name: string): string {
    const text = this.value(name)
    if (kindOf(text) !== 'string') throw unprocessable(`${name} must be a string`)
    return stringContent(text)
  }

  array(name: string): string {
    const text = this.value(name)
    if (kindOf(text) !== 'array') throw unprocessable(`${name} must be an array`)
    return text
  }

  flag(name: string): boolean {
    const text = this.texts.get(name) ?? 'false'
    if (kindOf(text) !== 'boolean') throw unprocessable(`${name} must be true or false`)
    return text === 'true'
  }

  /** Throws `unprocessable` for what is no integer, `overflow` for one beyond 64 bits. */
  int64(name: string, preset: bigint): bigint {
    const text = this.texts.get(name)
    if (text === undefined) return preset
    if (!INTEGER.test(text)) throw unprocessable(`${name} must be an integer`)
    const value = parseInteger64(text === '-0' ? '0' : text)
    if (value === undefined) throw new KvError('overflow', `${name} does not fit in 64 bits`)
    return value
  }

  /** Absent or null: undefined. */
  count(name: string, least: number): number | undefined {
    const text = this.texts.get(name)
    if (text === undefined || text === 'null') return undefined
    const value = parseCount(text, least)
    if (value === undefined) throw unprocessable(`${name} must be an integer of at least ${least}`)
    return value
  }
}

const INTEGER = /^-?(?:0|[1-9][0-9]*)$/

/** A plain decimal number of at most 15 digits, which any double holds exactly. */
export const parseCount = (text: string, least: number): number | undefined => {
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(text)) return undefined
  const value = Number(text)
  return value < least ? undefined : value
}
