import { isUtf8 } from 'node:buffer'
import type { Plain } from '../engine/plaintext/cell.ts'
import { decodeFields } from '../engine/plaintext/stream-entry.ts'
import type { StreamValue } from '../engine/plaintext/stream-value.ts'
import type { HashValue, SortedSetValue, Value } from '../engine/plaintext/values.ts'
import { joinArray, joinObject, quote } from '../json/document.ts'
import { trimJson, validateJson } from '../json/validate.ts'
import { idText } from '../redis-semantics/stream-id.ts'

/** Most levels of arrays and objects in a value. */
export const MAX_DEPTH = 32

/** A value as REST shows it: a JSON text, to be spliced into an answer. */
export interface Shown {
  readonly text: string
  /** The text is a string that holds bytes which are not UTF-8. */
  readonly encoding?: 'base64'
}

/**
 * A document is its own text. Bytes that RESP wrote are the JSON that they spell, else a string, else base64.
 */
export function shownPlain({ bytes, json }: Plain): Shown {
  if (json) return { text: bytes.toString() }
  if (!isUtf8(bytes)) return { text: quote(bytes.toString('base64')), encoding: 'base64' }
  const text = bytes.toString()
  return { text: isJson(text) ? trimJson(text) : quote(text) }
}

const MAY_START_JSON = /^[ \t\r\n]*["[{\-0-9tfn]/

function isJson(text: string): boolean {
  if (!MAY_START_JSON.test(text)) return false
  try {
    validateJson(text, { maxDepth: MAX_DEPTH })
    return true
  } catch {
    return false
  }
}

/** Within a collection there is no place for `encoding`: bytes that are not UTF-8 are `{"$base64":"..."}`. */
const elementText = (plain: Plain): string => {
  const { text, encoding } = shownPlain(plain)
  return encoding === undefined ? text : `{"$base64":${text}}`
}

const memberText = (bytes: Buffer): string => elementText({ bytes, json: false })

const fieldName = (name: Buffer): string =>
  isUtf8(name) ? name.toString() : `$base64:${name.toString('base64')}`

const hashText = ({ fields }: HashValue): string =>
  joinObject(
    Array.from(fields.values(), ({ name, cell }) => [fieldName(name), elementText(cell.open())] as const),
  )

/**
 * Redis's order: by score, then by the member's bytes. Infinity is a string, as JSON has no number for it.
 */
const sortedSetText = ({ members }: SortedSetValue): string =>
  joinArray(
    [...members.values()]
      .sort((a, b) => (a.score === b.score ? Buffer.compare(a.member, b.member) : a.score < b.score ? -1 : 1))
      .map(({ member, score }) => `{"member":${memberText(member)},"score":${scoreText(score)}}`),
  )

const scoreText = (score: number): string =>
  Number.isFinite(score) ? String(score) : score > 0 ? '"inf"' : '"-inf"'

/** Fields keep their order; a name that an entry has twice is there twice. */
const streamText = ({ entries }: StreamValue): string =>
  joinArray(
    entries.map(({ id, cell }) => {
      const flat = decodeFields(cell.open().bytes)
      const fields = Array.from(
        { length: flat.length / 2 },
        (_, i) => [fieldName(flat[2 * i]!), memberText(flat[2 * i + 1]!)] as const,
      )
      return `{"id":${quote(idText(id))},"fields":${joinObject(fields)}}`
    }),
  )

export function shownValue(value: Value): Shown {
  switch (value.type) {
    case 'string':
      return shownPlain(value.cell.open())
    case 'list':
      return { text: joinArray(value.cells.map((cell) => elementText(cell.open()))) }
    case 'hash':
      return { text: hashText(value) }
    case 'set':
      return { text: joinArray(Array.from(value.members.values(), memberText)) }
    case 'zset':
      return { text: sortedSetText(value) }
    case 'stream':
      return { text: streamText(value) }
  }
}

/** Fields of an answer: names, and the JSON texts of their values. */
export type Members = readonly (readonly [name: string, text: string])[]

export const valueMembers = ({ text, encoding }: Shown): Members => [
  ['value', text],
  ...(encoding === undefined ? [] : ([['encoding', quote(encoding)]] as const)),
]
