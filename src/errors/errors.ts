export { type Detail, type ErrorArguments, type ErrorText, type KeptError, KvError, respText } from './kv-error.ts'
export { type ErrorCode, ERRORS, type PlainCode } from './table.ts'

import { KvError as Base } from './kv-error.ts'

/** A Redis error text that has no row yet. */
export const respError = (text: string): Base => Base.restore({ code: 'invalid_request', message: text })
