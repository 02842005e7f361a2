export { type Detail, type ErrorArguments, type ErrorText, type KeptError, KvError, respText } from './kv-error.ts'
export { type ErrorCode, ERRORS, type PlainCode } from './table.ts'
