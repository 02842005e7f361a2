import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { randomScriptsAreAnsweredAlike, scriptsAreAnsweredAlike, useComparison } from './lib/comparison.ts'

const SCORES = [
  '-inf +inf',
  '1 2',
  '(1 2',
  '1 (2',
  '(1 (1',
  '2 1',
  '1.5 inf',
  '-5 0',
  '(-inf (+inf',
  '0x1 1e0',
]
const NAMES = [
  '- +',
  '[b [d',
  '+ -',
  '- -',
  '+ +',
  '(b [d',
  '[b (d',
  '(b (b',
  '[d [b',
  '[b +',
  '- (d',
  '[\\x00 [z',
  '"[" +',
  '"(" +',
]
const LIMITS = [
  'LIMIT 0 2',
  'LIMIT 1 2',
  'LIMIT 2 -1',
  'LIMIT 0 0',
  'LIMIT -1 2',
  'LIMIT 100 1',
  'LIMIT 1 -5',
]
const RANKS = [
  '0 -1',
  '1 2',
  '0 0',
  '-2 -1',
  '2 1',
  '5 100',
  '-100 1',
  '-1 0',
  '9223372036854775807 -9223372036854775808',
]

const backwards = (range: string): string => range.split(' ').reverse().join(' ')

const byScore = (key: string, range: string, limit: string): string[] => [
  `ZRANGEBYSCORE ${key} ${range} WITHSCORES ${limit}`,
  `ZREVRANGEBYSCORE ${key} ${backwards(range)} ${limit}`,
  `ZRANGE ${key} ${range} BYSCORE ${limit}`,
  `ZRANGE ${key} ${backwards(range)} BYSCORE REV ${limit} WITHSCORES`,
]

const byName = (key: string, range: string, limit: string): string[] => [
  `ZRANGEBYLEX ${key} ${range} ${limit}`,
  `ZREVRANGEBYLEX ${key} ${backwards(range)} ${limit}`,
  `ZRANGE ${key} ${range} BYLEX ${limit}`,
  `ZRANGE ${key} ${backwards(range)} BYLEX REV ${limit}`,
]

/**
 * Every form of a range, forwards and backwards, in every command that takes one; limits with the first two
 * forms only.
 */
const eachRange = (key: string): string =>
  [
    ...SCORES.flatMap((range) => [`ZCOUNT ${key} ${range}`, ...byScore(key, range, '')]),
    ...NAMES.flatMap((range) => [`ZLEXCOUNT ${key} ${range}`, ...byName(key, range, '')]),
    ...LIMITS.flatMap((limit) => SCORES.slice(0, 2).flatMap((range) => byScore(key, range, limit))),
    ...LIMITS.flatMap((limit) => NAMES.slice(0, 2).flatMap((range) => byName(key, range, limit))),
    ...RANKS.flatMap((ranks) => [
      `ZRANGE ${key} ${ranks}`,
      `ZREVRANGE ${key} ${ranks} WITHSCORES`,
      `ZRANGE ${key} ${ranks} REV`,
    ]),
    ...RANKS.map((ranks) => `ZRANGESTORE stored ${key} ${ranks} REV`),
  ].join('\n')

const SCRIPTS: Readonly<Record<string, string>> = {
  ZADD: `
    ZADD z 1 a 2 b 3 c
    ZADD z 1 a
    ZADD z 5 a
    ZADD z CH 5 a
    ZADD z CH 6 a 7 new 2 b
    ZADD z NX 9 a 9 d
    ZADD z NX 9 a
    ZADD z NX CH 9 a 9 e
    ZADD z XX 1 nope
    ZADD z XX 10 a
    ZADD z XX CH 11 a 11 nope
    ZADD z XX CH 11 a
    ZADD z GT 5 a
    ZADD z GT 50 a
    ZADD z GT CH 51 a 1 b 1 fresh
    ZADD z LT 60 a
    ZADD z LT 1 a
    ZADD z LT CH 0 a 100 b 1 fresh2
    ZADD z XX GT CH 5 a 5 nope2
    ZADD z XX LT CH 4 a
    ZADD z 1 dup 2 dup 1 dup
    ZADD z CH 1 dup 2 dup 1 dup
    ZADD z CH 1 dup2 2 dup2 1 dup2
    ZADD z GT 1 dup3 2 dup3 1 dup3
    ZRANGE z 0 -1 WITHSCORES
    ZADD z NX XX 1 a
    ZADD z NX GT 1 a
    ZADD z NX LT 1 a
    ZADD z GT LT 1 a
    ZADD z XX NX GT 1 a
    ZADD z NX XX
    ZADD z NX 1
    ZADD z 1 a 2
    ZADD z 1
    ZADD z FOO 1 a
    ZADD z abc a
    ZADD z 1 a abc b
    ZADD z nan a
    ZADD z 1e400 a
    ZADD z "" a
    ZADD z " 1" a
    ZADD z "1 " a
    ZADD z INCR 1 a 2 b
    ZADD z INCR abc a
    ZADD z INCR 1 a
    ZADD z INCR 1.5 brandnew
    ZADD z INCR 0 a
    ZADD z INCR 0 brandnew0
    ZADD z INCR -0 brandnew1
    ZADD z INCR NX 1 a
    ZADD z INCR NX 1 n1
    ZADD z INCR XX 1 n2
    ZADD z INCR XX 1 a
    ZADD z INCR GT -1 a
    ZADD z INCR GT 1 a
    ZADD z INCR LT 1 a
    ZADD z INCR LT -1 a
    ZADD z INCR CH 1 a
    ZADD z incr ch xx gt 1 a
    ZADD missing XX 1 a
    ZADD missing XX INCR 1 a
    ZADD missing XX CH 1 a
    EXISTS missing
    ZADD missing GT 1 a
    ZADD missing2 LT INCR 1 a
    ZADD z inf big -inf small +inf big2 infinity big3
    ZADD z INCR -inf big
    ZADD z INCR inf small
    ZADD z INCR inf big
    ZINCRBY z -inf big
    ZINCRBY z inf big2
    ZRANGE z 0 -1 WITHSCORES
    ZINCRBY z 2.5 a
    ZINCRBY z 0 a
    ZINCRBY z abc a
    ZINCRBY z nan a
    ZINCRBY z 0.1 float
    ZINCRBY z 0.2 float
    ZINCRBY z -0 zero
    ZINCRBY z -0 zero
    ZINCRBY z 0 zero
    ZSCORE z zero
    ZADD z -0 minus
    ZSCORE z minus
    ZADD z CH 0 minus
    ZINCRBY fresh 3 m
    ZINCRBY z 1
    ZINCRBY z 1 a b
    EXPIRE z 100
    ZADD z 1 late
    ZINCRBY z 1 late
    TTL z
    SET t text
    ZADD t 1 a
    ZADD t abc a
    ZADD t NX XX 1 a
    ZADD t XX 1 a
    ZADD t INCR 1 a
    ZINCRBY t 1 a
    ZINCRBY t abc a
  `,
  'scores as text': `
    ZADD z 3.14159265358979 a 0.1 b 1e20 c 1e-20 d 123456789012345678 e 1.7976931348623157e308 f 5e-324 g -1.5 h 0x10 i 1e3 j
    ZADD z 100000000000000000 k 99999999999999999 l 1e16 m 123456.789 n .5 o 5. p 1E5 q -0.0 r 4503599627370497.5 s
    ZRANGE z 0 -1 WITHSCORES
    ZSCORE z a
    ZSCORE z e
    ZSCORE z r
    ZMSCORE z a b c d e f g h i j k l m n o p q s nope
    ZINCRBY z 1e16 k
    # Redis counts no change when a small increment is lost in rounding; its reply does not tell.
    !ZINCRBY z 1 c
    ZINCRBY z 1e-3 b
    ZINCRBY z 1e308 f
    !ZINCRBY z 1e308 f
    ZRANGE z 0 -1 REV WITHSCORES
    ~2ZPOPMAX z
    ZPOPMIN z 3
  `,
  'one member': `
    ZADD z 2 b 1 a 2 c 2 a2
    ZCARD z
    ZCARD missing
    ZSCORE z b
    ZSCORE z nope
    ZSCORE missing a
    ZMSCORE z a nope b
    ZMSCORE missing a b
    ZMSCORE z
    ZRANK z a
    ZRANK z b
    ZRANK z c
    ZRANK z a2
    ZRANK z nope
    ZRANK missing a
    ZRANK z a WITHSCORE
    ZREVRANK z a
    ZREVRANK z b
    ZREVRANK z c
    ZREVRANK z a2
    ZREVRANK z nope
    ZREVRANK missing a
    ZREM z nope
    ZREM z a a nope
    ZREM missing a
    EXPIRE z 100
    ZREM z b
    TTL z
    ZREM z c a2 more
    EXISTS z
    ZREM z
  `,
  'ranges among ties': `
    ZADD z 1 d 1 b 1 a 1 c 1 e 1 "" 1 "\\x00" 1 "\\xff" 1 "b\\x00" 1 B 1 bb
    ${eachRange('z')}
  `,
  'ranges among different scores': `
    ZADD z 2 a 1 b 1 c 2 d 0 e -1 f inf g -inf h 1.5 i 2 j 2 b2
    ${eachRange('z')}
  `,
  'ranges of nothing': eachRange('missing'),
  'options of ranges': `
    ZADD z 1 a 2 b 3 c
    ZRANGE z 0 -1 WITHSCORES WITHSCORES
    ZRANGE z 0 -1 FOO
    ZRANGE z 0 -1 LIMIT 0 1
    ZRANGE z 0 -1 LIMIT 0 -1
    ZRANGE z 0 -1 LIMIT 5 -1
    ZRANGE z 0 -1 LIMIT 0
    ZRANGE z 0 -1 LIMIT a b
    ZRANGE z 0 -1 LIMIT 0 b
    ZRANGE z a b
    ZRANGE z 0 b
    ZRANGE z 0 1.5
    ZRANGE z - + BYLEX WITHSCORES
    ZRANGE z 1 2 BYSCORE BYLEX
    ZRANGE z 1 2 BYLEX BYSCORE
    ZRANGE z a b BYSCORE
    ZRANGE z 1 b BYSCORE
    ZRANGE z a b BYLEX
    ZRANGE z [a b BYLEX
    ZRANGE z 1 2 BYSCORE REV REV
    ZRANGE z nan 2 BYSCORE
    ZRANGE z 1 "" BYSCORE
    ZRANGE z "" 1 BYSCORE
    ZRANGE z "(" 9 BYSCORE
    ZRANGE z " 1" 9 BYSCORE
    ZRANGE z 1e400 inf BYSCORE
    ZRANGE z -1e400 1e400 BYSCORE
    ZRANGE z "" + BYLEX
    ZRANGE z -x + BYLEX
    ZRANGE z "-\\x00x" "+\\x00x" BYLEX
    ZRANGE z
    ZRANGE z 0
    ZREVRANGE z 0 -1 REV
    ZREVRANGE z 0 -1 BYSCORE
    ZREVRANGE z 0 -1 LIMIT 0 1
    ZRANGEBYSCORE z a b
    ZRANGEBYSCORE z 1 2 REV
    ZRANGEBYSCORE z 1 2 LIMIT 0 1 LIMIT 1 1
    ZRANGEBYLEX z - + WITHSCORES
    ZRANGEBYLEX z - + BYLEX
    ZREVRANGEBYLEX z + - REV
    ZREVRANGEBYSCORE z 2 1 BYSCORE
    ZCOUNT z a b
    ZCOUNT z 1 b
    ZCOUNT z 1
    ZLEXCOUNT z a b
    ZLEXCOUNT z - b
    ZRANGESTORE d z 0 -1 WITHSCORES
    ZRANGESTORE d z 0 -1 LIMIT 0 1
    ZRANGESTORE d z 0 -1
    EXPIRE d 100
    ZRANGESTORE d z 1 3 BYSCORE LIMIT 1 1
    TTL d
    ZRANGE d 0 -1 WITHSCORES
    ZRANGESTORE d z [b + BYLEX
    ZRANGE d 0 -1 WITHSCORES
    ZRANGESTORE d missing 0 -1
    EXISTS d
    ZRANGESTORE d missing 0 -1
    ZRANGESTORE d z 5 9
    ZRANGESTORE z z 0 1
    ZRANGE z 0 -1
    SET t text
    ZRANGESTORE t z 0 0
    TYPE t
    SET t text
    ZRANGESTORE t z 5 9
    EXISTS t
    SET t text
    ZRANGE t 0 -1
    ZRANGE t a b
    ZRANGE t 0 -1 FOO
    ZRANGEBYSCORE t 1 2
    ZRANGEBYSCORE t a b
    ZRANGEBYLEX t - +
    ZRANGEBYLEX t a b
    ZREVRANGE t 0 -1
    ZRANGESTORE d t 0 -1
    ZRANGESTORE d t a b
    ZCOUNT t 1 2
    ZCOUNT t a 2
    ZLEXCOUNT t - +
    ZLEXCOUNT t a +
    ZRANK t a
    ZREVRANK t a
    ZSCORE t a
    ZMSCORE t a
    ZCARD t
    ZREM t a
  `,
  'removing ranges': `
    ZADD z 1 a 1 b 1 c 2 d 2 e 3 f inf g
    EXPIRE z 100
    ZREMRANGEBYRANK z 1 1
    ZRANGE z 0 -1
    ZREMRANGEBYRANK z -1 -1
    ZREMRANGEBYRANK z 5 2
    ZREMRANGEBYRANK z a 2
    ZREMRANGEBYRANK z 0 b
    ZREMRANGEBYRANK missing 0 -1
    ZREMRANGEBYRANK missing a b
    ZREMRANGEBYSCORE z (1 (3
    ZREMRANGEBYSCORE z 5 4
    ZREMRANGEBYSCORE z a 4
    ZREMRANGEBYSCORE z 1 b
    ZREMRANGEBYSCORE missing 0 1
    ZRANGE z 0 -1 WITHSCORES
    TTL z
    ZREMRANGEBYLEX z [b (d
    ZREMRANGEBYLEX z a b
    ZREMRANGEBYLEX z - b
    ZREMRANGEBYLEX missing - +
    ZRANGE z 0 -1 WITHSCORES
    ZREMRANGEBYSCORE z -inf +inf
    EXISTS z
    ZADD z 1 a 1 b
    ZREMRANGEBYLEX z - +
    EXISTS z
    ZADD z 1 a 1 b
    ZREMRANGEBYRANK z 0 -1
    EXISTS z
    SET t text
    ZREMRANGEBYRANK t 0 -1
    ZREMRANGEBYRANK t a b
    ZREMRANGEBYSCORE t 0 1
    ZREMRANGEBYSCORE t a b
    ZREMRANGEBYLEX t - +
    ZREMRANGEBYLEX t a b
  `,
  pops: `
    ZADD z 1 b 1 a 2 d 2 c 3 f 3 e
    ZPOPMIN z
    ZPOPMAX z
    ZPOPMIN z 0
    ZPOPMIN z 2
    ZPOPMAX z 1
    ZPOPMIN z -1
    ZPOPMIN z abc
    ZPOPMIN z 1 2
    ZPOPMAX missing
    ZPOPMAX missing 0
    ZPOPMAX missing 3
    ZPOPMAX missing abc
    ZRANGE z 0 -1 WITHSCORES
    EXPIRE z 100
    ZADD z 1 x
    ZPOPMIN z
    TTL z
    ZPOPMAX z 9223372036854775807
    EXISTS z
    ZADD q 1 b 1 a 2 d 2 c 3 f 3 e
    ZMPOP 1 q MIN
    ZMPOP 1 q MAX
    ZMPOP 2 missing q min count 2
    ZMPOP 2 missing q MAX COUNT 100
    EXISTS q
    ZMPOP 1 q MIN
    ZMPOP 2 q missing MAX COUNT 2
    ZMPOP 0 q MIN
    ZMPOP -1 q MIN
    ZMPOP abc q MIN
    ZMPOP 2 q MIN
    ZMPOP 3 q q MIN
    ZMPOP 1 q LEFT
    ZMPOP 1 q MIN COUNT
    ZMPOP 1 q MIN COUNT 0
    ZMPOP 1 q MIN COUNT -1
    ZMPOP 1 q MIN COUNT abc
    ZMPOP 1 q MIN COUNT 1 COUNT 1
    ZMPOP 1 q MIN FOO 1
    ZMPOP 1 q
    SET t text
    ZADD q 1 a
    ZMPOP 2 t q MIN
    ZMPOP 2 q t MIN
    ZMPOP 2 q t MIN
    ZPOPMIN t
    ZPOPMIN t 0
    ZPOPMIN t abc
    ZPOPMIN t 1 2
  `,
  'several sorted sets': `
    ZADD a 1 x 2 y 3 z
    ZADD b 10 y 20 z 30 w
    ZADD c -inf y inf z 0.5 v
    SADD s x y plain
    ZUNION 2 a b
    ZUNION 2 a b WITHSCORES
    ZUNION 3 a b c WITHSCORES
    ZUNION 2 b a WEIGHTS 2 -1 WITHSCORES
    ZUNION 2 a b AGGREGATE MIN WITHSCORES
    ZUNION 2 a b AGGREGATE MAX WITHSCORES WEIGHTS -1 1
    ZUNION 2 a s WITHSCORES
    ZUNION 2 s a WEIGHTS 2 3 WITHSCORES
    ZUNION 2 c c WEIGHTS 1 -1 WITHSCORES
    ZUNION 1 c WEIGHTS 0 WITHSCORES
    ZUNION 1 a WEIGHTS -0 WITHSCORES
    ZUNION 2 a c WEIGHTS 0 0 AGGREGATE MIN WITHSCORES
    ZUNION 2 a missing WITHSCORES
    ZUNION 1 missing WITHSCORES
    ZUNION 2 a a WITHSCORES
    ZUNION 1 s
    ZINTER 2 a b
    ZINTER 2 a b WITHSCORES
    ZINTER 3 a b c WITHSCORES
    ZINTER 2 a c WEIGHTS 0 1 AGGREGATE MAX WITHSCORES
    ZINTER 2 a c WEIGHTS 1 0 AGGREGATE SUM WITHSCORES
    ZINTER 2 a c WEIGHTS 1 0 AGGREGATE MIN WITHSCORES
    ZINTER 2 c a WEIGHTS 0 1 AGGREGATE MIN WITHSCORES
    ZINTER 2 a s WITHSCORES
    ZINTER 2 a missing WITHSCORES
    ZINTER 2 a a WITHSCORES AGGREGATE MIN
    ZINTER 1 a WITHSCORES
    ZDIFF 2 a b
    ZDIFF 2 a b WITHSCORES
    ZDIFF 2 a missing WITHSCORES
    ZDIFF 2 missing a
    ZDIFF 2 a a
    ZDIFF 2 a s WITHSCORES
    ZDIFF 2 s a WITHSCORES
    ZDIFF 3 a b s
    ZINTERCARD 2 a b
    ZINTERCARD 2 a b LIMIT 1
    ZINTERCARD 2 a b LIMIT 0
    ZINTERCARD 2 a b LIMIT 100
    ZINTERCARD 2 a missing
    ZINTERCARD 2 a s
    ZINTERCARD 2 a b LIMIT -1
    ZINTERCARD 2 a b LIMIT abc
    ZINTERCARD 2 a b LIMIT
    ZINTERCARD 2 a b WITHSCORES
    ZINTERCARD 2 a b WEIGHTS 1 1
    ZINTERCARD 2 a b AGGREGATE SUM
    ZUNION 0 a
    ZUNION -1 a
    ZUNION abc a
    ZUNION 3 a b
    ZUNION 1 a b
    ZINTER 0 a
    ZDIFF 0 a
    ZINTERCARD 0 a
    ZUNION 2 a b WEIGHTS 1
    ZUNION 2 a b WEIGHTS 1 abc
    ZUNION 2 a b WEIGHTS 1 2 3
    ZUNION 2 a b WEIGHTS nan 1
    ZUNION 2 a b WEIGHTS inf 1 WITHSCORES
    ZUNION 2 a b WEIGHTS 1 2 WEIGHTS 3 4 WITHSCORES
    ZUNION 2 a b AGGREGATE FOO
    ZUNION 2 a b AGGREGATE
    ZUNION 2 a b LIMIT 1
    ZUNION 2 a b FOO
    ZDIFF 2 a b WEIGHTS 1 2
    ZDIFF 2 a b AGGREGATE SUM
    ZUNIONSTORE d 2 a b
    ZRANGE d 0 -1 WITHSCORES
    EXPIRE d 100
    ZUNIONSTORE d 2 a b WEIGHTS 1 2 AGGREGATE MAX
    TTL d
    ZRANGE d 0 -1 WITHSCORES
    ZUNIONSTORE d 1 a WEIGHTS -0
    ZRANGE d 0 -1 WITHSCORES
    ZUNIONSTORE d 2 a b WITHSCORES
    ZUNIONSTORE d 0 a
    ZUNIONSTORE d 3 a b
    ZUNIONSTORE d abc a
    ZUNIONSTORE d 1
    ZINTERSTORE d 2 a b
    ZRANGE d 0 -1 WITHSCORES
    ZINTERSTORE d 2 a b WITHSCORES
    ZINTERSTORE d 0 a
    ZINTERSTORE d 2 a missing
    EXISTS d
    ZINTERSTORE d 2 a missing
    ZDIFFSTORE d 2 a b
    ZRANGE d 0 -1 WITHSCORES
    ZDIFFSTORE d 2 a b WITHSCORES
    ZDIFFSTORE d 2 a b WEIGHTS 1 1
    ZDIFFSTORE d 0 a
    ZDIFFSTORE d 2 a a
    EXISTS d
    ZUNIONSTORE a 2 a b
    ZRANGE a 0 -1 WITHSCORES
    ZUNIONSTORE e 1 s
    ZRANGE e 0 -1 WITHSCORES
    ZUNIONSTORE s 1 s
    TYPE s
    SET t text
    ZUNION 2 a t
    ZUNION 2 a t FOO
    ZUNION 2 a t WEIGHTS 1 abc
    ZUNION 3 a t
    ZINTER 2 missing t
    ZINTER 2 t missing
    ZDIFF 2 missing t
    ZDIFF 2 t missing FOO
    ZINTERCARD 2 a t
    ZINTERCARD 2 a t LIMIT -1
    ZUNIONSTORE d 2 a t
    ZUNIONSTORE d 2 a t FOO
    ZUNIONSTORE t 1 a
    TYPE t
    SET t text
    ZINTERSTORE t 2 a missing
    EXISTS t
  `,
  'at random': `
    ZRANDMEMBER missing
    ZRANDMEMBER missing 0
    ZRANDMEMBER missing 3 WITHSCORES
    ZRANDMEMBER missing -3
    ZADD one 1.5 x
    ZRANDMEMBER one
    ZRANDMEMBER one 0
    ZRANDMEMBER one 0 WITHSCORES
    ZRANDMEMBER one 5
    ZRANDMEMBER one 5 WITHSCORES
    ZRANDMEMBER one -3
    ZRANDMEMBER one -3 withscores
    ZRANDMEMBER one 1 FOO
    ZRANDMEMBER one 1 WITHSCORES more
    ZRANDMEMBER one abc
    ZRANDMEMBER one abc WITHSCORES
    ZRANDMEMBER one -9223372036854775808
    ZRANDMEMBER one 9223372036854775807
    ZRANDMEMBER one 4611686018427387903 WITHSCORES
    ZRANDMEMBER one 4611686018427387904 WITHSCORES
    ZRANDMEMBER one WITHSCORES
    ZADD many 1 a 2 b 3 c
    ~ZRANDMEMBER many 3
    ~2ZRANDMEMBER many 3 WITHSCORES
    SET t text
    ZRANDMEMBER t
    ZRANDMEMBER t 0
    ZRANDMEMBER t abc
    ZRANDMEMBER t 1 FOO
  `,
  ZSCAN: `
    ZSCAN missing 0
    ZSCAN missing abc
    ZSCAN missing 0 FOO
    ZADD z 1 alpha 2.5 beta inf 12 -1e30 13
    ~s2ZSCAN z 0
    ~s2ZSCAN z 0 MATCH *a
    ~s2ZSCAN z 0 COUNT 1
    ~s2ZSCAN z 0 COUNT 100 MATCH 1?
    ZSCAN z 0 MATCH nope
    ZSCAN z 0 COUNT 0
    ZSCAN z 0 COUNT abc
    ZSCAN z 0 COUNT
    ZSCAN z 0 TYPE zset
    ZSCAN z abc
    SET t text
    ZSCAN t 0
    ZSCAN t 0 FOO
    ZSCAN t abc
  `,
}

const name = fc.constantFrom('a', 'b', 'c')
const member = fc.constantFrom('x', 'y', 'z', 'X', '1', '""', '"\\x00"', 'xx')
const score = fc.constantFrom('0', '1', '1', '2', '2', '-1', '0.5', 'inf', '-inf', '1e20', '0.1', '-0', 'abc')
const few = (item: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(item, { minLength: 1, maxLength: 4 }).map((items) => items.join(' '))
const maybe = (...options: string[]): fc.Arbitrary<string> => fc.constantFrom('', '', ...options)

const command = (...parts: Array<string | fc.Arbitrary<string | number>>): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
    .map((words) => words.join(' '))

const index = fc.integer({ min: -6, max: 6 })
const scoreBound = fc.constantFrom('-inf', '+inf', '0', '1', '(1', '2', '(2', '(-inf', '0.5', 'x')
const lexBound = fc.constantFrom('-', '+', '[x', '(x', '[X', '(xx', '"["', '[y', 'x')
const limit = maybe('LIMIT 0 2', 'LIMIT 1 1', 'LIMIT 1 -1', 'LIMIT -1 1', 'LIMIT 2 0')
const withScores = maybe('WITHSCORES')
const weights = maybe('WEIGHTS 2 0.5', 'WEIGHTS -1 inf', 'WEIGHTS 0 1')
const aggregate = maybe('AGGREGATE MIN', 'AGGREGATE MAX', 'AGGREGATE SUM')

const COMMANDS: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 9,
    arbitrary: command(
      'ZADD',
      name,
      maybe('NX', 'XX'),
      maybe('GT', 'LT'),
      maybe('CH'),
      few(command(score, member)),
    ),
  },
  { weight: 2, arbitrary: command('!ZADD', name, maybe('NX', 'XX', 'GT', 'LT'), 'INCR', score, member) },
  { weight: 2, arbitrary: command('!ZINCRBY', name, score, member) },
  { weight: 2, arbitrary: command('ZREM', name, few(member)) },
  { weight: 2, arbitrary: command(fc.constantFrom('ZRANK', 'ZREVRANK', 'ZMSCORE', 'ZSCORE'), name, member) },
  { weight: 3, arbitrary: command(fc.constantFrom('ZRANGE', 'ZREVRANGE'), name, index, index, withScores) },
  {
    weight: 2,
    arbitrary: command('ZRANGE', name, scoreBound, scoreBound, 'BYSCORE', maybe('REV'), limit, withScores),
  },
  { weight: 2, arbitrary: command('ZRANGE', name, lexBound, lexBound, 'BYLEX', maybe('REV'), limit) },
  {
    weight: 2,
    arbitrary: command(
      fc.constantFrom('ZRANGEBYSCORE', 'ZREVRANGEBYSCORE', 'ZCOUNT'),
      name,
      scoreBound,
      scoreBound,
    ),
  },
  {
    weight: 2,
    arbitrary: command(
      fc.constantFrom('ZRANGEBYLEX', 'ZREVRANGEBYLEX', 'ZLEXCOUNT'),
      name,
      lexBound,
      lexBound,
    ),
  },
  { weight: 1, arbitrary: command('ZRANGESTORE', name, name, index, index, maybe('REV')) },
  { weight: 1, arbitrary: command('ZRANGESTORE', name, name, scoreBound, scoreBound, 'BYSCORE', limit) },
  { weight: 1, arbitrary: command('ZREMRANGEBYSCORE', name, scoreBound, scoreBound) },
  { weight: 1, arbitrary: command('ZREMRANGEBYLEX', name, lexBound, lexBound) },
  { weight: 1, arbitrary: command('ZREMRANGEBYRANK', name, index, index) },
  { weight: 1, arbitrary: command(fc.constantFrom('ZPOPMIN', 'ZPOPMAX'), name, maybe('0', '2', '-1')) },
  { weight: 1, arbitrary: command('ZMPOP 2', name, name, fc.constantFrom('MIN', 'MAX'), maybe('COUNT 2')) },
  {
    weight: 3,
    arbitrary: command(fc.constantFrom('ZUNION 2', 'ZINTER 2'), name, name, weights, aggregate, withScores),
  },
  { weight: 1, arbitrary: command('ZDIFF 2', name, name, withScores) },
  { weight: 1, arbitrary: command('ZINTERCARD 2', name, name, maybe('LIMIT 1')) },
  {
    weight: 2,
    arbitrary: command(
      fc.constantFrom('ZUNIONSTORE', 'ZINTERSTORE'),
      name,
      '2',
      name,
      name,
      weights,
      aggregate,
    ),
  },
  { weight: 1, arbitrary: command('ZDIFFSTORE', name, '2', name, name) },
  { weight: 1, arbitrary: command('~s2ZSCAN', name, '0', maybe('MATCH x*')) },
  { weight: 1, arbitrary: command('~ZRANDMEMBER', name, '20') },
  { weight: 1, arbitrary: command('~2ZRANDMEMBER', name, '20 WITHSCORES') },
  { weight: 1, arbitrary: command(fc.constantFrom('DEL', 'EXPIRE', 'ZCARD', 'TTL'), name, maybe('100')) },
  { weight: 1, arbitrary: command(fc.constantFrom('SET', 'RENAME', 'COPY'), name, name) },
  { weight: 1, arbitrary: command('SADD', name, few(member)) },
)

const RANDOM_SCRIPTS = fc.array(COMMANDS, { minLength: 5, maxLength: 30 }).map((lines) => lines.join('\n'))

const END =
  '\n' +
  ['a', 'b', 'c'].flatMap((key) => [`TYPE ${key}`, `TTL ${key}`, `ZRANGE ${key} 0 -1 WITHSCORES`]).join('\n')

describe('sorted set commands answer as a real Redis does', () => {
  const comparison = useComparison()

  scriptsAreAnsweredAlike(comparison, SCRIPTS)
  randomScriptsAreAnsweredAlike(comparison, RANDOM_SCRIPTS, END)

  test('ZSCAN goes through all members of a large sorted set', async () => {
    const members = Array.from({ length: 1_500 }, (_, i) => `member ${i}`)
    await comparison.engine.run('scan', ['ZADD', 'z', ...members.flatMap((text, i) => [String(i % 7), text])])
    const scanned = new Map<string, string>()
    let cursor = '0'
    do {
      const [next, page] = (await comparison.engine.run('scan', ['ZSCAN', 'z', cursor])) as [
        Buffer,
        Array<Buffer | string>,
      ]
      for (let i = 0; i < page.length; i += 2) scanned.set(String(page[i]), String(page[i + 1]))
      cursor = String(next)
    } while (cursor !== '0')
    expect([...scanned].sort()).toEqual(members.map((text, i) => [text, String(i % 7)]).sort())
  })
})
