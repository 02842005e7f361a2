import { templates } from '../words.ts'

export const LISTS = templates(`
  8 RPUSH key element [element ...]
  4 LPUSH key element [element ...]
  1 RPUSHX key element [element ...]
  1 LPUSHX key element [element ...]
  3 LPOP key [few]
  3 RPOP key [few]
  2 LLEN key
  2 LRANGE key 0 -1
  3 LRANGE key index index
  2 LINDEX key index
  3 LSET key index element
  4 LINSERT key <BEFORE | AFTER> pivot element
  4 LREM key few element
  3 LTRIM key index index
  4 LMOVE key key <LEFT | RIGHT> <LEFT | RIGHT>
  2 RPOPLPUSH key key
  3 LMPOP numkeys key [key ...] <LEFT | RIGHT> [COUNT few]
  3 LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]
`)
