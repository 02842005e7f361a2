import { COMMON } from './tables/common.ts'
import { CONNECTION } from './tables/connection.ts'
import { FUNCTIONS } from './tables/functions.ts'
import { OWN } from './tables/own.ts'
import { REST } from './tables/rest.ts'
import type { ErrorRow, PartNames } from './tables/rows.ts'
import { SCRIPTING } from './tables/scripting.ts'
import { STREAMS } from './tables/streams.ts'
import { BITMAPS, HASHES, HYPERLOGLOGS, KEYS, LISTS, SORTED_SETS, STRINGS } from './tables/values.ts'

/** Every error that a client can meet. RESP texts are Redis's own wherever Redis has one. */
export const ERRORS = {
  ...COMMON,
  ...KEYS,
  ...STRINGS,
  ...BITMAPS,
  ...HYPERLOGLOGS,
  ...HASHES,
  ...LISTS,
  ...SORTED_SETS,
  ...STREAMS,
  ...SCRIPTING,
  ...FUNCTIONS,
  ...CONNECTION,
  ...OWN,
  ...REST,
} as const satisfies Readonly<Record<string, ErrorRow>>

export type ErrorCode = keyof typeof ERRORS

/** The parts in braces of a code's text. */
export type PartsOf<Code extends ErrorCode> = PartNames<(typeof ERRORS)[Code]['resp']>

/** Codes whose text has parts, and those whose text is always the same. */
export type TemplateCode = { [Code in ErrorCode]: [PartsOf<Code>] extends [never] ? never : Code }[ErrorCode]
export type PlainCode = Exclude<ErrorCode, TemplateCode>
