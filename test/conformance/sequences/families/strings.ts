import { templates } from '../words.ts'

export const STRINGS = templates(`
  6 SET key value
  6 SET key number
  2 SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]
  3 GET key
  1 GETSET key value
  1 GETDEL key
  1 GETEX key [EX seconds | PXAT unix-time-milliseconds | PERSIST]
  2 MSET key value [key value ...]
  2 MSETNX key value [key value ...]
  2 MGET key [key ...]
  1 SETEX key seconds value
  1 PSETEX key milliseconds value
  1 SETNX key value
  3 APPEND key value
  3 INCR key
  1 DECR key
  3 INCRBY key increment
  1 DECRBY key increment
  3 INCRBYFLOAT key float
  1 STRLEN key
  3 SETRANGE key offset value
  3 GETRANGE key index index
  1 SUBSTR key index index
  2 LCS key key [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]
`)
