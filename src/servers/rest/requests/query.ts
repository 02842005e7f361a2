import type { FastifyRequest } from 'fastify'
import type { PutOptions } from '../../../documents/document-operations.ts'
import { KvError } from '../../../errors/errors.ts'
import { parseCount } from './input.ts'

/**
 * Every parameter of the API. One that an endpoint does not know must not be passed over in silence: a caller
 * relies on it.
 */
export const PARAMETERS = [
  'prefix',
  'limit',
  'cursor',
  'path',
  'meta',
  'nx',
  'xx',
  'ex',
  'px',
  'keepttl',
  'if_version',
] as const
export type Parameter = (typeof PARAMETERS)[number]

const invalid = (fact: string): KvError => new KvError('invalid_request', fact)

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
])

/** The query of one request. Every method throws `invalid_request` for a text that it cannot read. */
export class Query {
  private readonly values: Record<string, unknown>

  constructor({ query }: FastifyRequest, known: readonly Parameter[]) {
    this.values = query as Record<string, unknown>
    for (const name of PARAMETERS) {
      if (this.values[name] !== undefined && !known.includes(name))
        throw invalid(`this endpoint does not take the parameter ${name}`)
    }
  }

  text(name: Parameter): string | undefined {
    const value = this.values[name]
    if (value !== undefined && typeof value !== 'string')
      throw invalid(`the parameter ${name} is there twice`)
    return value
  }

  flag(name: Parameter): boolean {
    const text = this.text(name)
    if (text === undefined) return false
    // Python prints True.
    const value = FLAGS.get(text.toLowerCase())
    if (value === undefined) throw invalid(`${name} must be true or false`)
    return value
  }

  count(name: Parameter, least: number, most = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = parseCount(text, least)
    if (value === undefined || value > most) {
      throw invalid(
        `${name} must be an integer ${most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`}`,
      )
    }
    return value
  }
}

/** Longest TTL: some 31,000 years, so that any moment in milliseconds stays an exact double. */
export const MAX_TTL_SECONDS = 999_999_999_999
const MAX_TTL_MS = MAX_TTL_SECONDS * 1_000

export function setOptions(query: Query): PutOptions {
  const [nx, xx, keepTtl] = [query.flag('nx'), query.flag('xx'), query.flag('keepttl')]
  const seconds = query.count('ex', 1, MAX_TTL_SECONDS)
  const milliseconds = query.count('px', 1, MAX_TTL_MS)
  if (nx && xx) throw invalid('nx and xx exclude each other')
  if (Number(seconds !== undefined) + Number(milliseconds !== undefined) + Number(keepTtl) > 1) {
    throw invalid('ex, px and keepttl exclude each other')
  }
  return { nx, xx, keepTtl, ttlMs: milliseconds ?? (seconds ?? 0) * 1_000 }
}
