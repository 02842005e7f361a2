import { templates } from '../words.ts'

/** Nothing is ever pushed while they wait, so a thousandth of a second is as good as any. */
export const BLOCKING = templates(`
  3 BLPOP key [key ...] brief
  3 BRPOP key [key ...] brief
  2 BLMOVE key key <LEFT | RIGHT> <LEFT | RIGHT> brief
  1 BRPOPLPUSH key key brief
  2 BLMPOP brief numkeys key [key ...] <LEFT | RIGHT> [COUNT few]
  2 BZPOPMIN key [key ...] brief
  2 BZPOPMAX key [key ...] brief
  2 BZMPOP brief numkeys key [key ...] <MIN | MAX> [COUNT few]
  3 RPUSH key element [element ...]
  3 ZADD key score member [score member ...]
`)
