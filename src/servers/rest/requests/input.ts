import { isUtf8 } from 'node:buffer'
import type { FastifyRequest } from 'fastify'
import { MAX_DEPTH } from '../../../documents/presentation.ts'
import { KvError } from '../../../errors/errors.ts'
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
