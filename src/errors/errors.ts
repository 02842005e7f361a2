export {
  type ErrorText,
  type KeptError,
  KvError,
  respText,
} from './kv-error.ts'
export { ERRORS, type ErrorCode, type PlainCode } from './table.ts'
