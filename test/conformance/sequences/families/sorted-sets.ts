import { templates } from '../words.ts'

export const SORTED_SETS = templates(`
  8 ZADD key score member [score member ...]
  3 ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member
  3 ZADD key 1 member [1 member ...]
  3 ZINCRBY key score member
  3 ZREM key member [member ...]
  1 ZCARD key
  1 ZSCORE key member
  1 ZMSCORE key member [member ...]
  2 ZRANK key member
  2 ZREVRANK key member
  2 ZCOUNT key scorebound scorebound
  2 ZLEXCOUNT key lexbound lexbound
  3 ZRANGE key rankend rankend [REV] [WITHSCORES]
  3 ZRANGE key scorebound scorebound BYSCORE [REV] [LIMIT few few] [WITHSCORES]
  3 ZRANGE key lexbound lexbound BYLEX [REV] [LIMIT few few]
  1 ZREVRANGE key rankend rankend [WITHSCORES]
  1 ZRANGEBYSCORE key scorebound scorebound [WITHSCORES] [LIMIT few few]
  1 ZREVRANGEBYSCORE key scorebound scorebound [WITHSCORES] [LIMIT few few]
  1 ZRANGEBYLEX key lexbound lexbound [LIMIT few few]
  1 ZREVRANGEBYLEX key lexbound lexbound [LIMIT few few]
  1 ZRANGESTORE key key rankend rankend [REV]
  1 ZRANGESTORE key key scorebound scorebound BYSCORE [REV] [LIMIT few few]
  2 ZREMRANGEBYRANK key rankend rankend
  2 ZREMRANGEBYSCORE key scorebound scorebound
  2 ZREMRANGEBYLEX key lexbound lexbound
  3 ZPOPMIN key [few]
  3 ZPOPMAX key [few]
  2 ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT few]
  2 ZUNION 2 key key [WEIGHTS float float] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]
  2 ZINTER 2 key key [WEIGHTS float float] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]
  2 ZDIFF numkeys key [key ...] [WITHSCORES]
  2 ZUNIONSTORE key 2 key key [WEIGHTS float float] [AGGREGATE <SUM | MIN | MAX>]
  2 ZINTERSTORE key 2 key key [WEIGHTS float float] [AGGREGATE <SUM | MIN | MAX>]
  2 ZDIFFSTORE key numkeys key [key ...]
  1 ZINTERCARD numkeys key [key ...] [LIMIT few]
  2 ZRANDMEMBER key [few [WITHSCORES]]
  2 ZSCAN key 0 [MATCH pattern] COUNT 100
`)
