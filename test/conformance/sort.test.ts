import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Reply } from '../../src/reply/reply.ts'
import { startEngine } from '../helpers/engine.ts'
import { randomScriptsAreAnsweredAlike, scriptsAreAnsweredAlike, useComparison } from './lib/comparison.ts'

// After a number out of range Redis takes others for that too, until another command has it reset C's errno,
// as ZADD does.
const SCRIPTS: Readonly<Record<string, string>> = {
  'numbers and bytes': `
    SORT missing
    SORT_RO missing
    SORT missing ALPHA DESC LIMIT 0 1
    RPUSH l 3 1 10 -2 2.5 1e2 0x10 +7 inf -inf 0 -0
    SORT l
    SORT l DESC
    SORT l ASC
    SORT l ASC DESC
    SORT l DESC ASC
    SORT_RO l desc
    SORT l ALPHA
    SORT l ALPHA DESC
    SORT l LIMIT 0 3
    SORT l LIMIT 2 3 DESC
    SORT l LIMIT 0 0
    SORT l LIMIT 5 -1
    SORT l LIMIT -5 3
    SORT l LIMIT 100 1
    SORT l LIMIT 11 10
    SORT l LIMIT 0 1000000000000
    SORT l LIMIT 9223372036854775807 9223372036854775807
    SORT l LIMIT -9223372036854775808 -9223372036854775808
    SORT l LIMIT 0 2 LIMIT 1 1
    RPUSH w b a C c B A "" "a b" "\\x00" "a\\x00b" "a\\x00a" "\\xff" "\\xc3\\xa9"
    SORT w
    SORT w ALPHA
    SORT w ALPHA DESC
    SORT w ALPHA LIMIT 1 4
    SORT w ALPHA STORE d
    LRANGE d 0 -1
    SORT w ALPHA DESC STORE d
    LRANGE d 0 -1
    RPUSH texts 1x
    SORT texts
    SORT texts LIMIT 0 0
    SORT texts BY x
    SORT texts BY w*
    RPUSH blank ""
    SORT blank
    RPUSH blank " 5" "\\x00abc" "3\\x00abc"
    SORT blank
    RPUSH blank " "
    SORT blank
    RPUSH after "5 "
    SORT after
    RPUSH nan nan
    SORT nan
    RPUSH huge 1 1e400
    SORT huge
    ZADD errno 1 x
    RPUSH tiny 1 1e-400
    SORT tiny
    ZADD errno 1 x
    RPUSH small 1 1e-310
    SORT small
    ZADD errno 1 x
    RPUSH large 9223372036854775807 9223372036854775806 99999999999999999999 -9223372036854775808
    SORT large
    SADD s 3 20 1 -5
    SORT s
    SORT s DESC LIMIT 1 2
    SADD s b a
    SORT s
    SORT s ALPHA
    SORT s ALPHA DESC LIMIT 1 3
    ZADD z 5 1 4 2 3 30 2 4
    SORT z
    SORT z ALPHA
    SORT z DESC LIMIT 0 2
    RPUSH same 5 5.0 05 5e0 5
    SORT same
    SORT same DESC
    SORT same LIMIT 1 3
  `,
  errors: `
    SET t text
    HSET h f v
    XADD x 1-1 f v
    RPUSH l 1 2
    SORT t
    SORT h
    SORT x
    SORT_RO t
    SORT t FOO
    SORT t LIMIT a b
    SORT t STORE l
    SORT l FOO
    SORT l BY
    SORT l GET
    SORT l STORE
    SORT l LIMIT
    SORT l LIMIT 1
    SORT l LIMIT a 1
    SORT l LIMIT 1 b
    SORT l LIMIT 1 9223372036854775808
    SORT l LIMIT 1.5 1
    SORT l LIMIT 1 b FOO
    SORT l FOO LIMIT 1 b
    SORT l constructor
    SORT_RO l STORE d
    SORT_RO l LIMIT a b STORE d
    SORT l ""
    SORT
    SORT_RO
  `,
  'BY and GET': `
    RPUSH l 1 2 3 4
    MSET w_1 30 w_2 10 w_3 20 v_1 one v_2 two v_3 three
    SORT l BY w_*
    SORT l BY w_* DESC
    SORT l BY w_* LIMIT 1 2
    SORT l BY w_* LIMIT 1 2 GET v_*
    SORT l BY w_* GET v_*
    SORT l BY w_* GET # GET v_* GET none_*
    SORT l GET #
    SORT l GET v_* DESC
    SORT l GET v_1
    SORT l GET w_* GET w_* GET #
    SORT l GET ##
    SORT l GET *
    SORT l BY v_*
    SORT l BY v_* ALPHA
    SORT l BY v_* ALPHA DESC
    SORT l BY v_* ALPHA DESC GET v_*
    SORT l BY none_*
    SORT l BY none_* DESC
    SORT l BY none_* ALPHA
    SORT l BY none_* ALPHA DESC
    SORT l BY w_* BY v_* ALPHA
    SORT_RO l BY w_* GET v_* LIMIT 0 2
    HSET o_1 weight 5 name first a->b x
    HSET o_2 weight 4 name second
    HSET o_3 weight 6 other third
    SET o_4 string
    SORT l BY o_*->weight
    SORT l BY o_*->weight GET o_*->name GET #
    SORT l BY o_*->name ALPHA DESC GET o_*->weight
    SORT l BY o_*->none GET o_*->name GET o_*->weight GET o_*->other
    SORT l GET o_*
    SORT l GET v_*->field
    SORT l GET o_*->
    SORT l GET o_*->a->b
    SORT l GET o_*>name
    SORT l BY o_*->name
    SET arrow_1-> reached
    SORT l GET arrow_*->
    HSET pre->x_1 f v
    SORT l GET pre->x_* GET pre->x_*->f
    HSET p_1_s f v
    SET p_1_s* star
    SORT l GET p_*_s->f GET p_*_s*
    SET 1 itself
    SORT l GET *
    RPUSH names a b c
    MSET w_a 3 w_b 3 w_c 1
    SORT names BY w_*
    SORT names BY w_* DESC
    SORT names BY w_* LIMIT 0 2
    SORT names
    SORT names BY w_* GET w_*
    SET w_b text
    SORT names BY w_*
    SORT names BY w_* ALPHA
    SET w_b ""
    SORT names BY w_*
    SORT names BY w_* ALPHA GET w_* GET #
    RPUSH twice 2 1 2 1 2
    SORT twice
    SORT twice BY w_*
    SORT twice BY w_* GET v_* GET #
    SORT twice BY w_* ALPHA LIMIT 1 2
    SADD s 1 2 3
    SORT s BY w_* GET #
    SORT s BY o_*->weight GET o_*->name
    ZADD z 3 1 2 2 1 3
    SORT z BY w_* GET v_*
    INCR w_3
    SORT l BY w_* GET w_*
    RPUSH w_4 list
    SORT l BY w_* GET w_*
    RPUSH nul "\\x00" 1
    SET "w_\\x00" 100
    SORT nul BY w_* GET w_*
  `,
  'not sorted': `
    RPUSH l c a b d e
    SORT l BY nosort
    SORT l BY nosort DESC
    SORT l BY nosort ALPHA
    SORT l BY nosort LIMIT 1 2
    SORT l BY nosort DESC LIMIT 1 2
    SORT l BY nosort LIMIT 3 10
    SORT l BY nosort LIMIT 10 1
    SORT l BY nosort LIMIT 0 0
    SORT l BY nosort DESC LIMIT -3 2
    SORT l BY "" GET #
    SORT l BY nosort->field
    SORT l BY w_* BY nosort
    ZADD z 3 c 1 a 2 b 2 bb 2 aa
    SORT z BY nosort
    SORT z BY nosort DESC
    SORT z BY nosort LIMIT 1 3
    SORT z BY nosort DESC LIMIT 1 3
    SORT z BY nosort ASC GET # GET w_*
    SORT z BY nosort LIMIT 5 1
    SADD s c a b 1 2
    ~SORT s BY nosort
    ~SORT s BY nosort GET # DESC
    SORT s BY nosort STORE d
    LRANGE d 0 -1
    SORT s BY nosort DESC LIMIT 1 2 STORE d
    LRANGE d 0 -1
    SADD i 3 1 2
    SORT i BY nosort
    SORT missing BY nosort
    SET t text
    SORT t BY nosort
  `,
  STORE: `
    RPUSH l 3 1 2
    SORT l STORE d
    LRANGE d 0 -1
    TYPE d
    EXPIRE d 100
    SORT l DESC STORE d
    TTL d
    LRANGE d 0 -1
    SORT l STORE d
    SORT l STORE d
    SET v_1 one
    SORT l GET # GET v_* STORE d
    LRANGE d 0 -1
    SORT l LIMIT 0 2 STORE d
    LRANGE d 0 -1
    SORT l LIMIT 0 0 STORE d
    EXISTS d
    SORT l LIMIT 0 0 STORE d
    SET d text
    SORT missing STORE d
    EXISTS d
    SORT missing STORE d
    SET d text
    SORT l STORE d
    LRANGE d 0 -1
    RPUSH bad 1 x
    SORT bad STORE d
    LRANGE d 0 -1
    SORT l DESC STORE l
    LRANGE l 0 -1
    SORT l STORE d STORE e
    LRANGE e 0 -1
    SORT l BY v_* GET v_* ALPHA STORE v_1
    LRANGE v_1 0 -1
    SORT l STORE BY
    LRANGE BY 0 -1
    SORT l STORE get STORE limit
    EXISTS get limit
    SADD s 2 1 3
    SORT s STORE s
    TYPE s
    ZADD z 1 5 2 4
    SORT z STORE z
    LRANGE z 0 -1
    SORT z LIMIT 1 1 GET # GET # STORE z
    LRANGE z 0 -1
    SET t text
    SORT t STORE d
    SORT l STORE d FOO
    LRANGE d 0 -1
  `,
}

const element = fc.constantFrom('1', '2', '3', '10', '-1', '2.0', '02', '5', '6', '7')
const word = fc.oneof(
  { weight: 9, arbitrary: element },
  { weight: 1, arbitrary: fc.constantFrom('x', '""', '"a b"') },
)
const source = fc.constantFrom('l', 's', 'z')
const few = (item: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(item, { minLength: 1, maxLength: 8 }).map((items) => items.join(' '))
const command = (...parts: Array<string | fc.Arbitrary<string | number>>): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
    .map((words) => words.join(' '))
const maybe = (...options: string[]): fc.Arbitrary<string> => fc.constantFrom('', ...options)

const limit = maybe('LIMIT 0 2', 'LIMIT 1 3', 'LIMIT 2 -1', 'LIMIT -1 2', 'LIMIT 3 0')
const order = maybe('ASC', 'DESC')
const get = fc
  .array(fc.constantFrom('GET #', 'GET w_*', 'GET h_*->f', 'GET h_*->g', 'GET w_1', 'GET h_*'), {
    maxLength: 3,
  })
  .map((items) => items.join(' '))
const store = maybe('STORE l', 'STORE d', 'STORE w_1')
// Redis leaves open in which order come the elements of a set, and elements of equal weight by ALPHA where
// the first few are looked for.
const numeric = maybe('BY w_*', 'BY h_*->f')
const sortable = fc.constantFrom('l', 'z')

const COMMANDS: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: command('RPUSH l', few(word)) },
  { weight: 2, arbitrary: command('SADD s', few(word)) },
  { weight: 2, arbitrary: command('ZADD z', few(command(fc.integer({ min: 0, max: 3 }), word))) },
  {
    weight: 3,
    arbitrary: command(
      'SET',
      element.map((n) => `w_${n}`),
      word,
    ),
  },
  {
    weight: 3,
    arbitrary: command(
      'HSET',
      element.map((n) => `h_${n}`),
      fc.constantFrom('f', 'g'),
      word,
    ),
  },
  { weight: 1, arbitrary: command('DEL', fc.constantFrom('l', 's', 'z', 'w_1', 'h_2')) },
  {
    weight: 1,
    arbitrary: command(
      'HGET',
      element.map((n) => `h_${n}`),
      'g',
    ),
  },
  {
    weight: 1,
    arbitrary: command(
      'EXISTS',
      element.map((n) => `w_${n} h_${n}`),
    ),
  },
  { weight: 6, arbitrary: command('SORT', source, numeric, limit, get, order, store) },
  { weight: 3, arbitrary: command('SORT_RO', source, numeric, limit, get, order) },
  { weight: 2, arbitrary: command('SORT', source, limit, get, order, 'ALPHA', store) },
  {
    weight: 2,
    arbitrary: command('SORT l', fc.constantFrom('BY w_*', 'BY h_*->f'), get, order, 'ALPHA', store),
  },
  { weight: 3, arbitrary: command('SORT', sortable, 'BY nosort', limit, get, order, store) },
)

const RANDOM_SCRIPTS = fc.array(COMMANDS, { minLength: 5, maxLength: 40 }).map((lines) => lines.join('\n'))

const END = `\n${['l', 'd', 'w_1'].flatMap((key) => [`TYPE ${key}`, `LRANGE ${key} 0 -1`]).join('\n')}`

describe('SORT answers as a real Redis does', () => {
  const comparison = useComparison()

  scriptsAreAnsweredAlike(comparison, SCRIPTS)
  randomScriptsAreAnsweredAlike(comparison, RANDOM_SCRIPTS, END)

  const run = async (automation: string, ...args: string[]): Promise<Reply> => {
    const show = (reply: Reply): Reply =>
      Buffer.isBuffer(reply) ? reply.toString() : Array.isArray(reply) ? reply.map(show) : reply
    return show(await comparison.engine.run(automation, args))
  }

  test('thousands of elements and of keys that a pattern names', async () => {
    const ids = Array.from({ length: 3_000 }, (_, i) => String(i))
    const roomy = await startEngine(comparison.backingRedis.url, { maxKeys: 10_000 })
    try {
      const send = (...args: string[]): Promise<Reply> => roomy.run('large', args)
      await send('RPUSH', 'l', ...ids)
      await send('MSET', ...ids.flatMap((id) => [`w_${id}`, String(3_000 - Number(id))]))
      const sorted = (await send('SORT', 'l', 'BY', 'w_*', 'GET', '#')) as Buffer[]
      expect(sorted.map(String)).toEqual(ids.toReversed())
      expect(await send('SORT', 'l', 'BY', 'w_*', 'STORE', 'd')).toBe(3_000)
    } finally {
      await roomy.close()
    }
  })

  test('patterns name keys of the same automation only', async () => {
    await run('their', 'SET', 'w_1', 'theirs')
    await run('own', 'RPUSH', 'l', '1', 'kv:{their}:k:w_1', '}:k:w_1')
    const reply = await run(
      'own',
      'SORT',
      'l',
      'ALPHA',
      'GET',
      'w_*',
      'GET',
      '*',
      'GET',
      'kv:{their*',
      'GET',
      '$*',
    )
    expect(reply).toEqual(Array.from({ length: 12 }, () => null))
  })

  test('a document that is an array is a list', async () => {
    await new Promise<void>((resolve, reject) => {
      comparison.engine.store.compute(comparison.engine.automation('documents'), {
        needs: [{ name: Buffer.from('d'), extent: 'meta' }],
        run: (db) => db.setPlain(Buffer.from('d'), { bytes: Buffer.from('[10, "9", 2]'), json: true }),
        done: (error) => (error === null ? resolve() : reject(error)),
      })
    })
    expect(await run('documents', 'SORT', 'd')).toEqual(['2', '9', '10'])
  })
})
