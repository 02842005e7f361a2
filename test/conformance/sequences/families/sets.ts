import { templates } from '../words.ts'

export const SETS = templates(`
  8 SADD key member [member ...]
  3 SREM key member [member ...]
  2 SMEMBERS key
  1 SCARD key
  1 SISMEMBER key member
  1 SMISMEMBER key member [member ...]
  3 SMOVE key key member
  2 SPOP key [few]
  2 SRANDMEMBER key [few]
  2 SINTER key [key ...]
  2 SUNION key [key ...]
  2 SDIFF key [key ...]
  2 SINTERCARD numkeys key [key ...] [LIMIT few]
  2 SINTERSTORE key key [key ...]
  2 SUNIONSTORE key key [key ...]
  2 SDIFFSTORE key key [key ...]
  2 SSCAN key 0 [MATCH pattern] COUNT 100
`)
