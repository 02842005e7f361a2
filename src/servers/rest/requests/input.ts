import { isUtf8 } from 'node:buffer'
import type { FastifyRequest } from 'fastify'
import { MAX_DEPTH } from '../../../documents/presentation.ts'
import { KvError } from '../../../errors/errors.ts'
import { kindOf, parseInteger64, splitObject, stringContent } from '../../../json/document.ts'
import { trimJson, validateJson } from '../../../json/validate.ts'

// Bodies are kept as the text that the caller wrote: a value is cut out of it, never parsed and printed again

/**
 * The body as one JSON text, trimmed; undefined when there is none. `wrapping`: levels of nesting around the
 * caller's own values.
 */
export function bodyText({ body }: FastifyRequest, wrapping = 0): string | undefined {
  if (!(body instanceof Buffer) || body.length === 0) return undefined
  if (!isUtf8(body)) throw new KvError('invalid_value', 'not valid UTF-8')
  const text = body.toString()
  validateJson(text, { maxDepth: MAX_DEPTH + wrapping })
  return trimJson(text)
}

export const requiredBody = (request: FastifyRequest, wrapping = 0): string => {
  const text = bodyText(request, wrapping)
  if (text === undefined) throw new KvError('unprocessable', 'a JSON body is needed')
  return text
}

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
