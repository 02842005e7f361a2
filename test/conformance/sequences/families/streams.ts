import { templates } from '../words.ts'

export const STREAMS = templates(`
  8 XADD key id field value [field value ...]
  2 XADD key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] id field value
  2 XTRIM key <MAXLEN | MINID> [=] threshold
  2 XDEL key id [id ...]
  2 XLEN key
  3 XRANGE key - + [COUNT few]
  2 XRANGE key id id [COUNT few]
  2 XREVRANGE key id id [COUNT few]
  2 XREAD [COUNT few] STREAMS key id
  2 XREAD [COUNT few] STREAMS key key id id
  1 XSETID key id [ENTRIESADDED entries-added] [MAXDELETEDID id]
  5 XGROUP CREATE key group <0 | $ | id> [MKSTREAM] [ENTRIESREAD few]
  1 XGROUP SETID key group <id | $> [ENTRIESREAD few]
  1 XGROUP DESTROY key group
  1 XGROUP CREATECONSUMER key group consumer
  1 XGROUP DELCONSUMER key group consumer
  6 XREADGROUP GROUP group consumer [COUNT few] [NOACK] STREAMS key new
  2 XREADGROUP GROUP group consumer STREAMS key id
  3 XACK key group id [id ...]
  2 XCLAIM key group consumer min-idle-time id [id ...] [JUSTID] [FORCE] [RETRYCOUNT few] [LASTID id]
  2 XAUTOCLAIM key group consumer min-idle-time id [COUNT few] [JUSTID]
  2 XPENDING key group
  2 XPENDING key group [IDLE ms] - + 10 [consumer]
  1 XINFO STREAM key
  1 XINFO GROUPS key
  1 XINFO CONSUMERS key group
  1 XINFO STREAM key FULL [COUNT few]
`)
