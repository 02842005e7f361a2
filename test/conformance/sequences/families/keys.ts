import { templates } from '../words.ts'

// GT and LT come with absolute moments only: whether a relative one is later than an equal one before it
// hangs on a millisecond.
export const KEYSPACE = templates(`
  3 DEL key [key ...]
  1 UNLINK key [key ...]
  2 EXISTS key [key ...]
  1 TOUCH key [key ...]
  2 TYPE key
  4 RENAME key key
  3 RENAMENX key key
  3 COPY key key [DB 0] [REPLACE]
  2 EXPIRE key seconds [NX | XX]
  2 PEXPIRE key milliseconds [NX | XX]
  2 EXPIREAT key unix-time-seconds [NX | XX | GT | LT]
  3 PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]
  2 PERSIST key
  1 TTL key
  1 PTTL key
  1 EXPIRETIME key
  1 PEXPIRETIME key
  1 KEYS pattern
  1 SCAN 0 [MATCH pattern] COUNT 100 [TYPE type]
  1 DBSIZE
  1 RANDOMKEY
  1 OBJECT ENCODING key
  1 OBJECT REFCOUNT key
  1 FLUSHDB
  1 FLUSHALL
`)
