import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { locations } from '../../src/automation/location.ts'
import { ErrorReply } from '../../src/reply/reply.ts'
import { startEngine } from '../helpers/engine.ts'
import { compare, type Difference, ownAutomation, parseLines, replyDifferences } from './lib/compare.ts'
import { useComparison } from './lib/comparison.ts'
import { hideTimes } from './lib/hide-times.ts'

/** Everything that can be seen of a stream. */
const look = (key: string): string => `
  XINFO STREAM ${key} FULL COUNT 0
  XINFO STREAM ${key}
  XINFO GROUPS ${key}
  XINFO CONSUMERS ${key} g
  XPENDING ${key} g
  XPENDING ${key} g - + 100
`

const SCRIPTS: Readonly<Record<string, string>> = {
  'adding and its errors': `
    XADD s 1-1 a 1
    XADD s 1-1 a 1
    XADD s 1-0 a 1
    XADD s 0-0 a 1
    XADD s 0 a 1
    XADD new 0-0 a 1
    XADD new 0-* a 1
    XADD s 1-* a 2
    XADD s 2-* a "" b "\\x00\\xff\\x0d\\x0a" a again
    XADD s 5 a 1
    XADD s 01-7 a 1
    XADD s " 6" a 1
    XADD s 6--07 a 1
    XADD s 6--7 a 1
    XADD s -1 a 1
    XADD s - a 1
    XADD s + a 1
    XADD s abc a 1
    XADD s 1-2-3 a 1
    XADD s 6-18446744073709551616 a 1
    XADD s 6-18446744073709551615 a 1
    XADD s 6-* a 1
    XADD s *-* a 1
    XADD s 7-* a
    XADD s 7-* a 1 b
    XADD s 7-*
    XADD s NOMKSTREAM MAXLEN 5
    XADD s NOMKSTREAM 8 a 1
    XADD none NOMKSTREAM 8 a 1
    XADD none nomkstream * a 1
    XADD none NOMKSTREAM 0-0 a 1
    XADD s MAXLEN 9 a 1
    XADD s MAXLEN 3 9 a 1
    XADD s MAXLEN = 2 10 a 1
    XADD s MAXLEN x 11 a 1
    XADD s MAXLEN -1 11 a 1
    XADD s MAXLEN 2 MINID 5 11 a 1
    XADD s MINID 10 11 a 1
    XADD s MINID x 12 a 1
    XADD s LIMIT 5 12 a 1
    XADD s LIMIT 0 12 a 1
    XADD s MAXLEN 2 LIMIT 5 12 a 1
    XADD s MAXLEN ~ 2 LIMIT -1 12 a 1
    XADD s MAXLEN ~ 2 LIMIT x 12 a 1
    XADD s LIMIT 5 MAXLEN ~ 200 12 a 1
    XADD s MAXLEN ~ 1000 13 a 1
    XADD s MAXLEN 0 14 a 1
    EXISTS s
    XLEN s
    XADD s 18446744073709551615-18446744073709551615 last one
    XADD s * a 1
    XADD s 1 a 1
    ?XADD t * a 1
    ?XADD t MAXLEN 1 * a 1
    XLEN t
    SET string x
    XADD string * a 1
    XADD string bad a 1
    XLEN string
    XLEN none
    XADD s
    XADD s *
    ${look('s')}`,
  ranges: `
    XADD s 1-1 a 1
    XADD s 1-2 b 2
    XADD s 2-0 c 3
    XADD s 3-5 d 4
    XRANGE s - +
    XREVRANGE s + -
    XRANGE s 1 1
    XRANGE s 1-2 2
    XRANGE s (1-1 (3-5
    XREVRANGE s (3-5 (1-1
    XRANGE s (- +
    XRANGE s ( +
    XRANGE s - (0
    XRANGE s - (0-0
    XRANGE s (18446744073709551615-18446744073709551615 +
    XRANGE s - + COUNT 2
    XREVRANGE s + - COUNT 2
    XRANGE s - + COUNT 0
    XRANGE s - + COUNT -5
    XRANGE s - + COUNT
    XRANGE s - + COUNT x
    XRANGE s - + LIMIT 2
    XRANGE s - + COUNT 1 COUNT 3
    XRANGE s + -
    XRANGE s x +
    XRANGE s - x
    XRANGE none - +
    XRANGE none - + COUNT 0
    XRANGE none x +
    SET string x
    XRANGE string - +
    XREVRANGE string x +
    XREAD STREAMS s 0
    XREAD COUNT 1 STREAMS s 1-1
    XREAD COUNT 0 STREAMS s 1-1
    XREAD COUNT -3 STREAMS s 1-1
    XREAD STREAMS s $
    XREAD STREAMS s 3-5
    XREAD STREAMS s 18446744073709551615-18446744073709551615
    XREAD STREAMS s none s 2 0 0
    XREAD STREAMS none 0
    XREAD STREAMS none $
    XREAD STREAMS s >
    XREAD STREAMS s -
    XREAD STREAMS s +
    XREAD STREAMS s string 0 0
    XREAD STREAMS s
    XREAD STREAMS s none 0
    XREAD COUNT STREAMS s 0
    XREAD COUNT x STREAMS s 0
    XREAD NOACK STREAMS s 0
    XREAD GROUP g c STREAMS s 0
    XREAD FOO STREAMS s 0
    XREAD BLOCK 1 STREAMS s 0
    XREAD BLOCK x STREAMS s 0
    XREAD BLOCK -1 STREAMS s 0
    XREAD COUNT 1 COUNT 2
    XREAD BLOCK 1 COUNT 2 STREAMS s $`,
  'deleting, trimming, setting ids': `
    XADD s 1 a 1
    XADD s 2 a 2
    XADD s 3 a 3
    XADD s 4 a 4
    XADD s 5 a 5
    XDEL s 2 2 9
    XDEL s x 1
    XDEL s 1 x
    XDEL none 1
    XDEL none x
    XDEL s 1
    XINFO STREAM s
    XTRIM s MAXLEN 2
    XTRIM s MAXLEN = 2
    XTRIM s MINID 5
    XTRIM s MINID = 0
    XTRIM s MAXLEN ~ 0 LIMIT 1
    XTRIM s MAXLEN
    XTRIM s FOO 1
    XTRIM s MAXLEN 1 FOO
    XTRIM s LIMIT 1 FOO
    XTRIM s LIMIT 1
    XTRIM s LIMIT 1 LIMIT 2
    XTRIM s MAXLEN 1 LIMIT 2
    XTRIM s MAXLEN 1 MAXLEN 1
    XTRIM s MAXLEN -1
    XTRIM s MAXLEN x
    XTRIM none MAXLEN 1
    XINFO STREAM s
    XSETID s 3
    XSETID s 9
    XSETID s 9 ENTRIESADDED 0
    XSETID s 9 ENTRIESADDED -1
    XSETID s 9 ENTRIESADDED 100 MAXDELETEDID 10
    XSETID s 9 ENTRIESADDED 100 MAXDELETEDID 8
    XSETID s 9 MAXDELETEDID 0-0
    XSETID s 9 MAXDELETEDID x
    XSETID s 9 ENTRIESADDED x
    XSETID s 9 ENTRIESADDED
    XSETID s 9 FOO 1
    XSETID s -
    XSETID none 9
    XSETID none x
    XINFO STREAM s FULL
    XADD s 9-* a 1
    XDEL s 5 9-1
    XLEN s
    EXISTS s
    XSETID s 1
    XINFO STREAM s
    XADD s 2 a 2
    XINFO STREAM s
    SET string x
    XDEL string 1
    XDEL string x
    XTRIM string MAXLEN 1
    XTRIM string MAXLEN x
    XSETID string 1
    XINFO STREAM string
    XINFO STREAM none
    XINFO STREAM s FOO
    XINFO stream s FULL 1
    XINFO STREAM s FULL COUNT
    XINFO STREAM s FULL COUNT x
    XINFO STREAM s FULL COUNT -1
    XINFO STREAM s FULL COUNT 1
    XINFO STREAM s FULL FOO 1
    XINFO STREAM none FOO
    XINFO STREAM
    XINFO
    XINFO FOO s
    XINFO HELP
    XINFO HELP x
    XINFO GROUPS s
    XINFO GROUPS none
    XINFO GROUPS string
    XINFO GROUPS s x
    XINFO CONSUMERS s g
    XINFO CONSUMERS none g
    XINFO CONSUMERS string g`,
  groups: `
    XGROUP CREATE s g 0
    XGROUP CREATE s g x
    XGROUP CREATE s g $ MKSTREAM
    XGROUP CREATE s g 0
    XGROUP CREATE s g 0 MKSTREAM
    XGROUP CREATE s g x MKSTREAM
    EXISTS s
    ${look('s')}
    XGROUP create s h 5-5 ENTRIESREAD 3
    XGROUP CREATE s i 0 ENTRIESREAD -1
    XGROUP CREATE s j 0 ENTRIESREAD -2
    XGROUP CREATE s j 0 ENTRIESREAD x
    XGROUP CREATE s j 0 ENTRIESREAD
    XGROUP CREATE s j 0 FOO
    XGROUP create s j 0 FOO
    XGROUP CREATE s j -
    XGROUP CREATE s j 0 MKSTREAM MKSTREAM MKSTREAM MKSTREAM
    XGROUP CREATE s j
    XGROUP SETID s g 7 ENTRIESREAD 2
    XGROUP SETID s g $
    XGROUP SETID s g -
    XGROUP SETID s g +
    XGROUP SETID s g x
    XGROUP SETID s none 0
    XGROUP SETID none g 0
    XGROUP SETID s g 0 MKSTREAM
    XGROUP SETID s g 0 ENTRIESREAD 1 ENTRIESREAD 2
    XGROUP SETID s none 0 ENTRIESREAD 1 ENTRIESREAD 2
    XGROUP CREATECONSUMER s g c
    XGROUP CREATECONSUMER s g c
    XGROUP CREATECONSUMER s none c
    XGROUP CREATECONSUMER s "no\\x0d\\x0ane" c
    XGROUP CREATECONSUMER s "\\x00none" c
    XGROUP CREATECONSUMER none g c
    XGROUP CREATECONSUMER s g
    XGROUP DELCONSUMER s g c
    !XGROUP DELCONSUMER s g c
    XGROUP DELCONSUMER s none c
    XGROUP DELCONSUMER none g c
    XGROUP DESTROY s none
    XGROUP DESTROY none g
    ${look('s')}
    XGROUP DESTROY s g
    XGROUP DESTROY s h
    XGROUP DESTROY s i
    EXISTS s
    XINFO GROUPS s
    SET string x
    XGROUP CREATE string g 0
    XGROUP CREATE string g 0 MKSTREAM
    XGROUP CREATECONSUMER string g c
    XGROUP DESTROY string g
    XGROUP HELP
    XGROUP HELP x
    XGROUP FOO
    XGROUP`,
  'reading in a group': `
    XADD s 1 a 1
    XADD s 2 a 2
    XADD s 3 a 3
    XADD s 4 a 4
    XGROUP CREATE s g 0
    XREADGROUP GROUP g c COUNT 1 STREAMS s >
    XREADGROUP GROUP g c COUNT 0 NOACK COUNT 1 STREAMS s >
    ${look('s')}
    XREADGROUP GROUP g d STREAMS s >
    XREADGROUP GROUP g d STREAMS s >
    XREADGROUP GROUP g c STREAMS s 0
    XREADGROUP GROUP g c STREAMS s 0
    !XREADGROUP GROUP g c STREAMS s 1
    !XREADGROUP GROUP g new STREAMS s 0
    ${look('s')}
    XDEL s 3
    XREADGROUP GROUP g d STREAMS s 0
    XREADGROUP GROUP g d COUNT 1 STREAMS s 3
    !XREADGROUP GROUP g d COUNT 1 STREAMS s 0
    ${look('s')}
    XGROUP SETID s g 0
    XREADGROUP GROUP g e COUNT 2 STREAMS s >
    XREADGROUP GROUP g e NOACK STREAMS s >
    ${look('s')}
    XADD t 1 a 1
    XREADGROUP GROUP g c STREAMS s t > >
    XGROUP CREATE t g 0
    XADD s 5 a 5
    XREADGROUP GROUP g c STREAMS s t > >
    XADD t 2 a 2
    XREADGROUP GROUP g c STREAMS s t s t > > 0 0
    XREADGROUP GROUP g c STREAMS t t > >
    XADD t 3 a 3
    XREADGROUP GROUP g c STREAMS t t > >
    XREADGROUP GROUP g c STREAMS s t > > >
    XREADGROUP GROUP g c STREAMS s t > x
    XREADGROUP GROUP g c STREAMS s $
    XREADGROUP GROUP g c STREAMS s x
    XREADGROUP GROUP g c STREAMS s +
    XREADGROUP GROUP g c STREAMS s 18446744073709551615-18446744073709551615
    XREADGROUP GROUP none c STREAMS s >
    XREADGROUP GROUP g c STREAMS none >
    XREADGROUP GROUP none c STREAMS s $
    XREADGROUP COUNT 1 COUNT 2 STREAMS s >
    XREADGROUP GROUP g c COUNT 1 FOO s >
    XREADGROUP GROUP g c BLOCK x STREAMS s >
    XREADGROUP GROUP g c BLOCK 1 STREAMS s >
    XREADGROUP GROUP g c COUNT x STREAMS s >
    XREADGROUP GROUP g c
    XACK s g 1
    XACK s g 1 2 2 9
    XACK s g x
    XACK s none x
    XACK none g x
    ${look('s')}
    ${look('t')}
    XADD s MAXLEN 0 6 a 6
    !XREADGROUP GROUP g e STREAMS s 0
    XREADGROUP GROUP g e STREAMS s >
    SET string x
    XREADGROUP GROUP g c STREAMS string >
    XREADGROUP GROUP g c STREAMS s string 0 >
    XACK string g x
    ${look('s')}
    XREADGROUP GROUP g c STREAMS none2 s > >`,
  claiming: `
    XADD s 1 a 1
    XADD s 2 a 2
    XADD s 3 a 3
    XADD s 4 a 4
    XADD s 5 a 5
    XGROUP CREATE s g 0
    XREADGROUP GROUP g a COUNT 3 STREAMS s >
    XCLAIM s g b 0 1
    XCLAIM s g b 0 1 JUSTID
    XCLAIM s g b 1000000 1
    XCLAIM s g b -5 1 2
    XCLAIM s g b 0 4
    XCLAIM s g b 0 4 FORCE
    XCLAIM s g b 0 5 FORCE JUSTID
    XCLAIM s g c 0 9 FORCE
    ${look('s')}
    XCLAIM s g c 0 1 1 1 RETRYCOUNT 7
    XCLAIM s g c 0 1 1
    XCLAIM s g c 0 2 IDLE 100000
    XCLAIM s g c 0 2 RETRYCOUNT -1
    XCLAIM s g c 0 2 TIME 1 LASTID 9
    XPENDING s g IDLE 1000000000 - + 10
    XPENDING s g IDLE 1000000000 - + 10 c
    XCLAIM s g c 0 2 LASTID 4
    XCLAIM s g c 0 99 LASTID 12
    XCLAIM s g c 0 LASTID 5
    !XCLAIM s g c 0 99 LASTID 11
    XDEL s 3
    !XCLAIM s g new 0 3
    XCLAIM s g new 0 3
    XCLAIM s g c x 1
    XCLAIM s g c 0 1 FOO
    XCLAIM s g c 0 1 "f\\x0d\\x0ao"
    XCLAIM s g c 0 1 IDLE
    XCLAIM s g c 0 1 IDLE x
    XCLAIM s g c 0 1 TIME x
    XCLAIM s g c 0 1 RETRYCOUNT x
    XCLAIM s g c 0 1 LASTID x
    XCLAIM s g c 0 JUSTID FORCE
    XCLAIM s none c 0 1
    XCLAIM none g c x 1
    SET string x
    XCLAIM string g c 0 1
    ${look('s')}
    XPENDING s g
    XPENDING s g - + 2
    XPENDING s g (1 (5 10
    XPENDING s g - + 0
    XPENDING s g - + -1
    XPENDING s g - + x
    XPENDING s g - +
    XPENDING s g x + 1
    XPENDING s g - + 10 b
    XPENDING s g - + 10 none
    XPENDING s g IDLE 0 - + 10
    XPENDING s g IDLE 0 - +
    XPENDING s g IDLE x - + 10
    XPENDING s g IDLE 0 - + 10 b extra
    XPENDING s none
    XPENDING none g
    XPENDING string g
    XPENDING none g x + 1
    XAUTOCLAIM s g d 0 0
    XAUTOCLAIM s g d 0 - COUNT 2
    XAUTOCLAIM s g d 0 (2 COUNT 1 JUSTID
    XAUTOCLAIM s g d 10000000 -
    XAUTOCLAIM s g d 0 +
    XREADGROUP GROUP g a STREAMS s >
    XDEL s 4 5
    XAUTOCLAIM s g e 0 3 COUNT 1
    XAUTOCLAIM s g e 0 0
    XAUTOCLAIM s g e x 0
    XAUTOCLAIM s g e 0 x
    XAUTOCLAIM s g e 0 0 COUNT 0
    XAUTOCLAIM s g e 0 0 COUNT x
    XAUTOCLAIM s g e 0 0 COUNT 9223372036854775807
    XAUTOCLAIM s g e 0 0 COUNT
    XAUTOCLAIM s g e 0 0 FOO
    XAUTOCLAIM s none e 0 0
    XAUTOCLAIM none g e 0 0
    XAUTOCLAIM string g e 0 0
    ${look('s')}
    XGROUP DELCONSUMER s g d
    ${look('s')}`,
  'a stream under another name': `
    XADD s 1 a 1
    XADD s 2 a 2
    XADD s 3 a 3
    XADD s 4 a 4
    XADD s 5 a 5
    XGROUP CREATE s g 0
    XGROUP CREATE s h $
    XGROUP CREATECONSUMER s g idle
    XREADGROUP GROUP g c COUNT 3 STREAMS s >
    XREADGROUP GROUP g d STREAMS s >
    XCLAIM s g d 0 2 RETRYCOUNT 9
    XDEL s 3 1
    COPY s t
    ${look('t')}
    XTRIM s MAXLEN 0
    COPY s u
    ${look('u')}
    XSETID s 2
    RENAME s v
    ${look('v')}
    XADD v 3 a 3
    RENAME v w
    ${look('w')}
    XGROUP CREATE empty e $ MKSTREAM
    XGROUP DESTROY empty e
    RENAME empty gone
    ${look('gone')}
    XADD trimmed MAXLEN 0 7 a 7
    COPY trimmed trimmed2
    ${look('trimmed2')}
    SET s x
    XADD s 1 a 1
    DEL s
    XADD s 1 a 1
    PEXPIREAT s 3000000000000
    XADD s 2 a 2
    XADD s MAXLEN 0 3 a 3
    PEXPIRETIME s
    TYPE s
    OBJECT ENCODING s`,
}

const numRuns = Number(process.env.AUTOMATION_KV_TEST_RUNS ?? 40)

const key = fc.constantFrom('s', 's', 's', 't')
/** Few ids, so that commands meet: added are 1-0, 1-1 and so on, later some of 2. */
const newId = fc.constantFrom('1-*', '1-*', '1-*', '1-*', '1-*', '2-*', '1-3', '2-2', '0-1', '5')
const plainId = fc
  .tuple(fc.constantFrom(1, 1, 1, 2), fc.integer({ min: 0, max: 5 }))
  .map((parts) => parts.join('-'))
const point = fc.oneof(
  plainId,
  plainId.map((id) => `(${id}`),
  fc.constantFrom('-', '0', '1', '2'),
)
const ids = fc.array(plainId, { minLength: 1, maxLength: 4 }).map((list) => list.join(' '))
const group = fc.constantFrom('g', 'g', 'g', 'h')
const consumer = fc.constantFrom('c', 'd')
const small = fc.integer({ min: 0, max: 4 })

const command = (...parts: Array<string | fc.Arbitrary<string | number>>): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
    .map((words) => words.join(' '))

// `!`: whether a reading of the history, or a claim of what was deleted, counts as a change is not told by
// the reply.
const COMMANDS: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: command(
      'XADD',
      key,
      fc.constantFrom('', '', 'NOMKSTREAM', 'MAXLEN 4', 'MINID 1-2'),
      newId,
      'f',
      small,
    ),
  },
  { weight: 2, arbitrary: command('XDEL', key, ids) },
  {
    weight: 1,
    arbitrary: command('XTRIM', key, fc.constantFrom('MAXLEN 2', 'MAXLEN = 3', 'MINID 1-2', 'MAXLEN 0')),
  },
  {
    weight: 1,
    arbitrary: command('XSETID', key, plainId, fc.constantFrom('', 'ENTRIESADDED 20', 'MAXDELETEDID 1-1')),
  },
  {
    weight: 3,
    arbitrary: command(
      'XGROUP CREATE',
      key,
      group,
      fc.constantFrom('0', '0', '$', '1-1'),
      fc.constantFrom('', 'MKSTREAM', 'ENTRIESREAD 2'),
    ),
  },
  {
    weight: 1,
    arbitrary: command(
      'XGROUP SETID',
      key,
      group,
      fc.constantFrom('0', '0', '$', '1-1'),
      fc.constantFrom('', 'ENTRIESREAD 2'),
    ),
  },
  { weight: 1, arbitrary: command('XGROUP DESTROY', key, group) },
  { weight: 1, arbitrary: command('XGROUP CREATECONSUMER', key, group, consumer) },
  { weight: 1, arbitrary: command('!XGROUP DELCONSUMER', key, group, consumer) },
  {
    weight: 5,
    arbitrary: command(
      'XREADGROUP GROUP',
      group,
      consumer,
      'COUNT',
      small,
      fc.constantFrom('', '', 'NOACK'),
      'STREAMS',
      key,
      '>',
    ),
  },
  {
    weight: 1,
    arbitrary: command(
      '!XREADGROUP GROUP',
      group,
      consumer,
      'STREAMS s t >',
      fc.constantFrom('>', '0', '1-1'),
    ),
  },
  {
    weight: 2,
    arbitrary: command(
      '!XREADGROUP GROUP',
      group,
      consumer,
      'COUNT',
      small,
      'STREAMS',
      key,
      fc.constantFrom('0', '0', '1-1'),
    ),
  },
  { weight: 2, arbitrary: command('XACK', key, group, ids) },
  {
    weight: 3,
    arbitrary: command(
      '!XCLAIM',
      key,
      group,
      consumer,
      fc.constantFrom(0, 1_000_000),
      ids,
      fc.constantFrom('', 'FORCE', 'FORCE JUSTID', 'LASTID 1-4', 'RETRYCOUNT 3'),
    ),
  },
  {
    weight: 2,
    arbitrary: command(
      '!XAUTOCLAIM',
      key,
      group,
      consumer,
      fc.constantFrom(0, 1_000_000),
      point,
      fc.constantFrom('', 'COUNT 1', 'COUNT 2 JUSTID'),
    ),
  },
  {
    weight: 1,
    arbitrary: command(
      'XRANGE',
      key,
      point,
      fc.constantFrom('+', '1-4', '(2-1'),
      fc.constantFrom('', 'COUNT 2'),
    ),
  },
  { weight: 1, arbitrary: command('XREVRANGE', key, fc.constantFrom('+', '1-4', '(2-1'), point) },
  { weight: 1, arbitrary: command('XREAD COUNT', small, 'STREAMS s t', plainId, fc.constantFrom('0', '$')) },
  { weight: 1, arbitrary: command('XPENDING', key, group, point, '+', small, fc.constantFrom('', 'c')) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'RENAME s t',
      'RENAME t s',
      'COPY s t REPLACE',
      'COPY t s REPLACE',
      'COPY s t',
    ),
  },
  { weight: 1, arbitrary: command('DEL', key) },
  { weight: 1, arbitrary: command('XINFO STREAM', key, fc.constantFrom('', 'FULL COUNT 2')) },
)

const SCRIPTS_AT_RANDOM = fc.array(COMMANDS, { minLength: 5, maxLength: 40 })

/** Something to begin with. */
const START = [
  'XADD s 1-0 f 0',
  'XADD s 1-1 f 1',
  'XADD s 1-2 f 2',
  'XADD s 1-3 f 3',
  'XADD s 1-4 f 4',
  'XGROUP CREATE s g 0',
  'XADD t 1 f 1',
  'XGROUP CREATE t g 0',
]

const END = `${look('s')}${look('t')}`

describe('streams', () => {
  const comparison = useComparison()

  describe('answer as a real Redis does, and count a change where it does', () => {
    test.each(Object.entries(SCRIPTS))('%s', async (_name, script) => {
      expect(await compare(comparison.reference, comparison.engine, script, hideTimes)).toEqual([])
    })
  })

  test('random commands, one after the other', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(SCRIPTS_AT_RANDOM, async (lines) => {
        expect(
          await compare(
            comparison.reference,
            comparison.engine,
            [...START, ...lines].join('\n') + END,
            hideTimes,
          ),
        ).toEqual([])
      }),
      { numRuns },
    )
  })

  /** What was computed must have left in Redis what Redis itself would have made of it. */
  test('random commands, several in one commit', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(SCRIPTS_AT_RANDOM, { minLength: 1, maxLength: 4 }), async (rounds) => {
        await comparison.reference.clear()
        const automation = ownAutomation()
        const differences: Difference[] = []
        for (const round of [START, ...rounds]) {
          const lines = parseLines(round.join('\n'))
          const replies = await Promise.all(
            lines.map(({ args }) => comparison.engine.run(automation, args, { computed: true })),
          )
          for (const [i, line] of lines.entries()) {
            differences.push(
              ...replyDifferences(
                line,
                'at once',
                await comparison.reference.run(line.args),
                replies[i]!,
                hideTimes,
              ),
            )
          }
          for (const line of parseLines(END)) {
            const reply = await comparison.engine.run(automation, line.args)
            differences.push(
              ...replyDifferences(line, 'then', await comparison.reference.run(line.args), reply, hideTimes),
            )
          }
        }
        expect(differences).toEqual([])
      }),
      { numRuns },
    )
  })

  test('an entry is one sealed field, whatever fields it has', async () => {
    const id = ownAutomation()
    await comparison.engine.run(id, [
      'XADD',
      's',
      '1-1',
      'secret-field',
      'secret-value',
      'secret-field',
      'again',
    ])
    await comparison.engine.run(id, ['XADD', 's', '1-2', 'secret-field', 'secret-value'], { computed: true })
    const automation = comparison.engine.automation(id)
    const entries = await comparison.engine.redis.xrange(
      automation.key(Buffer.from('s')).toBuffer(),
      '-',
      '+',
    )
    expect(entries.map(([id, [field]]) => [id, field])).toEqual([
      ['1-1', 'e'],
      ['1-2', 'e'],
    ])
    const [first, second] = entries.map(([, [, sealed]]) =>
      automation.sealer.open(locations.streamValue('s'), Buffer.from(sealed!)).bytes.toString(),
    )
    expect(first).toBe('12:secret-field,12:secret-value,12:secret-field,5:again,')
    expect(second).toBe('12:secret-field,12:secret-value,')
  })

  test.each([false, true])(
    'approximate trimming keeps what exact trimming would keep (computed: %s)',
    async (computed) => {
      const automation = ownAutomation()
      const run = (...args: string[]) => comparison.engine.run(automation, args, { computed })
      await Promise.all(Array.from({ length: 450 }, (_, i) => run('XADD', 's', `1-${i + 1}`, 'f', 'v')))
      const trimmed = await run('XTRIM', 's', 'MAXLEN', '~', '120')
      expect(trimmed).toBeGreaterThan(200)
      expect(trimmed).toBeLessThanOrEqual(330)
      const left = 450 - (trimmed as number)
      const more = (await run('XTRIM', 's', 'MINID', '~', '1-400', 'LIMIT', '100')) as number
      expect(more).toBeLessThanOrEqual(100)
      expect(await run('XLEN', 's')).toBe(left - more)
      await run('XADD', 's', 'MAXLEN', '~', '10', '2-1', 'f', 'v')
      expect(await run('XLEN', 's')).toBeGreaterThanOrEqual(10)
    },
  )

  test.each([false, true])('the quota holds for streams (computed: %s)', async (computed) => {
    const small = await startEngine(comparison.backingRedis.url, { maxKeys: 1 })
    const automation = ownAutomation()
    const run = (...args: string[]) => small.run(automation, args, { computed })
    const refused = expect.objectContaining({ text: expect.stringMatching(/^OOM /) })
    await run('XADD', 'a', '1', 'f', 'v')
    expect(await run('XADD', 'b', '1', 'f', 'v')).toEqual(refused)
    expect(await run('XGROUP', 'CREATE', 'b', 'g', '0', 'MKSTREAM')).toEqual(refused)
    expect(await run('XADD', 'b', 'NOMKSTREAM', '1', 'f', 'v')).toBe(null)
    expect(await run('XADD', 'a', '2', 'f', 'v')).not.toBeInstanceOf(ErrorReply)
    await small.close()
  })

  test('before a Redis 6.2 nothing is sent that it would refuse', async () => {
    const older = await startEngine(comparison.backingRedis.url)
    Object.assign(older.store.backing, { version: '6.2.14' })
    try {
      const automation = ownAutomation()
      const run = (line: string) => older.run(automation, line.split(' '), { computed: true })
      const lines = [
        'XADD s 1 f v',
        'XGROUP CREATE s g 0',
        'XREADGROUP GROUP g c STREAMS s >',
        'XADD s 2 f v',
        'RENAME s t',
        'XREADGROUP GROUP g c STREAMS t >',
      ]
      for (const line of lines) expect(await run(line)).not.toBeInstanceOf(ErrorReply)
      const [info] = (await comparison.engine.redis.call(
        'XINFO',
        'GROUPS',
        comparison.engine.automation(automation).key(Buffer.from('t')).toBuffer(),
      )) as unknown[][]
      expect(info).toEqual(
        expect.arrayContaining(['entries-read', null, 'last-delivered-id', '2-0', 'pending', 2]),
      )
    } finally {
      await older.close()
    }
  })
})
