import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { randomScriptsAreAnsweredAlike, scriptsAreAnsweredAlike, useComparison } from './lib/comparison.ts'

const SCRIPTS: Readonly<Record<string, string>> = {
  members: `
    SADD s a b c
    SADD s a
    SADD s a d d e
    SADD s "" "\\x00\\xff\\x0d\\x0a" 1 -1
    SADD s
    ~SMEMBERS s
    ~SMEMBERS missing
    SMEMBERS
    SCARD s
    SCARD missing
    SISMEMBER s a
    SISMEMBER s A
    SISMEMBER s ""
    SISMEMBER missing a
    SMISMEMBER s a x b a "\\x00\\xff\\x0d\\x0a"
    SMISMEMBER missing a b
    SMISMEMBER s
    EXPIRE s 100
    SADD s more
    TTL s
    SREM s nope
    SREM s a a nope
    SREM missing a
    SREM s
    TTL s
    SREM s a b c d e "" "\\x00\\xff\\x0d\\x0a" 1 -1 more
    EXISTS s
    SADD s again
    TTL s
  `,
  moving: `
    SMOVE a b x
    SADD a x y z
    SMOVE a b x
    SMOVE a b nope
    SMOVE a a y
    SMOVE a a nope
    SMOVE a b y
    SADD b z
    EXPIRE b 100
    SMOVE a b z
    TTL b
    EXISTS a
    ~SMEMBERS b
    SET t text
    SMOVE missing t x
    SMOVE t b x
    SMOVE b t x
    SMOVE b t nope
    SMOVE t missing x
    SMOVE b t
  `,
  'at random': `
    SPOP missing
    SPOP missing 0
    SPOP missing 2
    SPOP missing -1
    SPOP missing abc
    SRANDMEMBER missing
    SRANDMEMBER missing 0
    SRANDMEMBER missing 2
    SRANDMEMBER missing -2
    SADD one x
    SRANDMEMBER one
    SRANDMEMBER one 5
    SRANDMEMBER one -3
    SRANDMEMBER one 0
    SRANDMEMBER one abc
    SRANDMEMBER one 1 2
    SRANDMEMBER one -9223372036854775808
    SRANDMEMBER one 9223372036854775807
    SRANDMEMBER one 9223372036854775808
    SPOP one 0
    SPOP one -1
    SPOP one abc
    SPOP one 1 2
    SPOP one
    EXISTS one
    SADD many a b c d e f
    EXPIRE many 100
    ?SPOP many
    SCARD many
    ?SPOP many 2
    SCARD many
    TTL many
    ?SRANDMEMBER many 2
    SCARD many
    DEL many
    SADD many a b c
    ~SRANDMEMBER many 3
    ~SRANDMEMBER many 9223372036854775807
    ~SPOP many 3
    EXISTS many
    SADD many a b c
    ~SPOP many 9223372036854775807
    EXISTS many
  `,
  'several sets': `
    SADD a 1 2 3 4
    SADD b 2 3 4 5
    SADD c 3 4 x
    ~SINTER a b c
    ~SINTER a
    ~SINTER a a
    SINTER a missing
    SINTER missing a
    ~SUNION a b c
    ~SUNION a missing
    SUNION missing
    ~SDIFF a b
    ~SDIFF a b c
    ~SDIFF a missing
    SDIFF a a
    SDIFF missing a
    SDIFF a b a
    SINTERCARD 2 a b
    SINTERCARD 3 a b c
    SINTERCARD 1 a
    SINTERCARD 2 a missing
    SINTERCARD 2 a b LIMIT 2
    SINTERCARD 2 a b LIMIT 0
    SINTERCARD 2 a b LIMIT 100
    SINTERCARD 2 a b limit 1 LIMIT 2
    SINTERCARD 2 a b LIMIT -1
    SINTERCARD 2 a b LIMIT abc
    SINTERCARD 2 a b LIMIT
    SINTERCARD 2 a b FOO 1
    SINTERCARD 1 a b
    SINTERCARD 0 a
    SINTERCARD -1 a
    SINTERCARD abc a
    SINTERCARD 3 a b
    SINTERCARD 9223372036854775807 a b
    SINTERCARD 1
    SINTERSTORE d a b
    ~SMEMBERS d
    EXPIRE d 100
    SUNIONSTORE d a b c
    TTL d
    ~SMEMBERS d
    SDIFFSTORE d a b
    ~SMEMBERS d
    SINTERSTORE d a missing
    EXISTS d
    SINTERSTORE d a missing
    SDIFFSTORE a a b
    ~SMEMBERS a
    SUNIONSTORE a a c
    ~SMEMBERS a
    SINTERSTORE a a a
    SDIFFSTORE a a a
    EXISTS a
    SET t text
    SUNIONSTORE t b c
    ~SMEMBERS t
    SET t text
    SINTERSTORE t b missing
    EXISTS t
    SET t text
    SINTER b t
    SINTER missing t
    SINTER t missing
    SUNION b t
    SDIFF b t
    SDIFF missing t
    SINTERCARD 2 b t
    SINTERCARD 2 b t LIMIT -1
    SINTERCARD 2 missing t
    SINTERSTORE d b t
    SUNIONSTORE d b t
    SDIFFSTORE d b t
    SINTER
    SUNION
    SDIFF
    SINTERSTORE d
    SUNIONSTORE d
    SDIFFSTORE d
  `,
  SSCAN: `
    SSCAN missing 0
    SSCAN missing abc
    SSCAN missing 0 FOO
    SSCAN missing 5 COUNT 0
    SADD s alpha beta 12 13
    ~sSSCAN s 0
    ~sSSCAN s 0 MATCH *a
    ~sSSCAN s 0 MATCH 1[23]
    ~sSSCAN s 0 COUNT 100
    ~sSSCAN s 0 COUNT 100 MATCH b* MATCH a*
    ~sSSCAN s 0 match nope count 1000
    SSCAN s 0 COUNT 0
    SSCAN s 0 COUNT abc
    SSCAN s 0 COUNT
    SSCAN s 0 MATCH
    SSCAN s 0 TYPE set
    SSCAN s abc
    SSCAN s -
    SSCAN s " 0"
    SSCAN s 99999999999999999999
    SSCAN s
    SET t text
    SSCAN t 0
    SSCAN t 0 FOO
    SSCAN t abc
  `,
  'wrong types': `
    SET t text
    HSET h f v
    SADD t a
    SADD h a
    SREM t a
    SCARD t
    SMEMBERS t
    SISMEMBER h a
    SMISMEMBER t a
    SPOP t
    SPOP t 0
    SPOP t 2
    SPOP t -1
    SPOP t 1 2
    SRANDMEMBER t
    SRANDMEMBER t 0
    SRANDMEMBER t abc
    SRANDMEMBER t 1 2
    SADD s a
    GET s
    HGET s f
  `,
}

const name = fc.constantFrom('a', 'b', 'c')
const member = fc.constantFrom('x', 'y', 'z', '1', '2', '""', '"\\x00"')
const few = (item: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(item, { minLength: 1, maxLength: 4 }).map((items) => items.join(' '))

const command = (...parts: Array<string | fc.Arbitrary<string | number>>): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
    .map((words) => words.join(' '))

const COMMANDS: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: command('SADD', name, few(member)) },
  { weight: 3, arbitrary: command('SREM', name, few(member)) },
  { weight: 3, arbitrary: command('SMOVE', name, name, member) },
  { weight: 2, arbitrary: command('SMISMEMBER', name, few(member)) },
  { weight: 2, arbitrary: command(fc.constantFrom('~SMEMBERS', 'SCARD', 'EXISTS', 'TTL', 'TYPE'), name) },
  { weight: 3, arbitrary: command(fc.constantFrom('~SINTER', '~SUNION', '~SDIFF'), few(name)) },
  {
    weight: 3,
    arbitrary: command(fc.constantFrom('SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE'), name, few(name)),
  },
  {
    weight: 2,
    arbitrary: command(
      'SINTERCARD 2',
      name,
      name,
      fc.constantFrom('', 'LIMIT 1', 'LIMIT 0', 'LIMIT -1', 'LIMIT'),
    ),
  },
  { weight: 1, arbitrary: command('~SPOP', name, fc.constantFrom(0, 20, -1, 'x')) },
  { weight: 1, arbitrary: command('~SRANDMEMBER', name, fc.constantFrom(0, 20, 'x')) },
  {
    weight: 1,
    arbitrary: command('~sSSCAN', name, '0 COUNT 1000', fc.constantFrom('', 'MATCH *', 'MATCH [xyz]')),
  },
  { weight: 1, arbitrary: command(fc.constantFrom('DEL', 'EXPIRE'), name, fc.constantFrom('', '100')) },
  { weight: 1, arbitrary: command(fc.constantFrom('SET', 'RENAME', 'COPY'), name, name) },
)

const RANDOM_SCRIPTS = fc.array(COMMANDS, { minLength: 5, maxLength: 30 }).map((lines) => lines.join('\n'))

const END = `\n${['a', 'b', 'c'].flatMap((key) => [`TYPE ${key}`, `TTL ${key}`, `~SMEMBERS ${key}`]).join('\n')}`

describe('set commands answer as a real Redis does', () => {
  const comparison = useComparison()

  scriptsAreAnsweredAlike(comparison, SCRIPTS)
  randomScriptsAreAnsweredAlike(comparison, RANDOM_SCRIPTS, END)

  test('what is taken or shown at random was there, and is then gone or stays', async () => {
    const members = Array.from({ length: 300 }, (_, i) => `member ${i}`)
    for (const computed of [false, true]) {
      const id = `random-${computed}`
      const run = (...args: string[]) => comparison.engine.run(id, args, { computed }) as Promise<unknown>
      const texts = (reply: unknown): string[] =>
        ((reply as { items?: Buffer[] }).items ?? (reply as Buffer[])).map(String)
      expect(await run('SADD', 's', ...members)).toBe(300)
      const sample = texts(await run('SRANDMEMBER', 's', '100'))
      expect(new Set(sample).size).toBe(100)
      const repeated = texts(await run('SRANDMEMBER', 's', '-1000'))
      expect(repeated.length).toBe(1000)
      const one = String(await run('SPOP', 's'))
      const popped = texts(await run('SPOP', 's', '99'))
      const left = texts(await run('SMEMBERS', 's'))
      expect([one, ...popped, ...left].sort()).toEqual([...members].sort())
      for (const text of [...sample, ...repeated]) expect(members).toContain(text)
      const scanned: string[] = []
      let cursor = '0'
      do {
        const [next, page] = (await run('SSCAN', 's', cursor, 'COUNT', '20')) as [Buffer | string, Buffer[]]
        scanned.push(...page.map(String))
        cursor = String(next)
      } while (cursor !== '0')
      expect([...new Set(scanned)].sort()).toEqual([...left].sort())
    }
  })
})
