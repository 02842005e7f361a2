import { KvError } from '../../errors/errors.ts'
import { splitArray } from '../../json/document.ts'
import { Cell, type Plain } from './cell.ts'
import type { ListValue } from './values.ts'

const OPEN_BRACKET = 0x5b

/**
 * The elements of a document that is an array, each a document of its own; throws `wrong_type` for any other
 * string.
 */
export function listOfDocument(plain: Plain): ListValue {
  if (!plain.json || plain.bytes[0] !== OPEN_BRACKET) throw new KvError('wrong_type')
  const cells = splitArray(plain.bytes.toString()).map((text) =>
    Cell.of({ bytes: Buffer.from(text), json: true }),
  )
  return { type: 'list', cells }
}
