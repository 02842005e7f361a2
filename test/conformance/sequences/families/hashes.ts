import { templates } from '../words.ts'

export const HASHES = templates(`
  8 HSET key field value [field value ...]
  2 HSET key field number
  1 HMSET key field value [field value ...]
  2 HSETNX key field value
  3 HDEL key field [field ...]
  3 HINCRBY key field increment
  3 HINCRBYFLOAT key field float
  2 HGET key field
  2 HMGET key field [field ...]
  2 HGETALL key
  1 HKEYS key
  1 HVALS key
  1 HLEN key
  1 HEXISTS key field
  1 HSTRLEN key field
  2 HRANDFIELD key [few [WITHVALUES]]
  2 HSCAN key 0 [MATCH pattern] COUNT 100
`)
