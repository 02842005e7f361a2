import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addElement,
  estimate,
  isSketch,
  noRegisters,
  readRegisters,
  writeSketch,
} from '../../src/redis-semantics/hyperloglog.ts'
import { ErrorReply, type Reply } from '../../src/reply/reply.ts'
import { startEngine } from '../helpers/engine.ts'
import { startServer } from '../helpers/server.ts'
import { compare } from './lib/compare.ts'
import { useComparison } from './lib/comparison.ts'

const EMPTY_SKETCH = '"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xff"'

/** Few elements are counted exactly, here and there. Redis counts it as a change when it keeps a count. */
const SCRIPTS: Readonly<Record<string, string>> = {
  'PFADD, PFCOUNT and PFMERGE': `
    PFADD h
    GET h
    PFADD h
    STRLEN h
    GETRANGE h 0 3
    !PFCOUNT h
    PFADD h a b c
    PFADD h a b c
    PFADD h a b c d
    !PFCOUNT h
    PFCOUNT h
    PFADD h ""
    !PFCOUNT h
    TYPE h
    PFCOUNT missing
    PFCOUNT missing other
    PFADD i d e f f f
    !PFCOUNT h i
    PFCOUNT i h missing i
    PFMERGE d h i
    !PFCOUNT d
    !PFCOUNT h
    EXPIRE d 100
    PFMERGE d h
    TTL d
    PFADD d more
    TTL d
    PFMERGE d missing
    PFMERGE d
    PFMERGE new
    EXISTS new
    GET new
    PFMERGE fresh missing other
    !PFCOUNT fresh
    PFMERGE h h h
    !PFCOUNT h
    PFADD
    PFCOUNT
    PFMERGE
  `,
  'keys of sketches': `
    PFADD h a b c
    EXPIRE h 100
    RENAME h i
    !PFCOUNT i
    TTL i
    COPY i j
    PFADD j d
    !PFCOUNT j
    !PFCOUNT i
    TTL j
    RENAMENX j h
    PERSIST h
    PFADD h e
    !PFCOUNT h
    TOUCH h i
    SET h text
    GET h
    PFADD k x
    SET k y KEEPTTL
    GET k
    DEL i h k
    PFADD h a
    OBJECT REFCOUNT h
    SETNX h x
    MSETNX h x y z
    APPEND h {44*x}
    STRLEN h
    ?GETDEL h
    PFADD h
    GETEX h EX 100
    TTL h
    SET h new GET
    SETBIT b 0 0
    PFADD b a
    PFADD h2
    BITCOUNT h2
    SETRANGE h2 4 "\\x02"
    PFADD h2 x
    INCR h2
    LPUSH h2 x
    SORT h2
  `,
  'strings that are no sketches, and some that are': `
    SET s text
    PFADD s x
    PFADD s
    PFCOUNT s
    PFCOUNT h s
    PFCOUNT s h
    PFMERGE h s
    EXISTS h
    PFMERGE s h
    SET n 5
    PFADD n x
    SET empty ""
    PFADD empty x
    RPUSH l x
    PFADD l x
    PFCOUNT l
    PFCOUNT h l
    PFCOUNT s l
    PFMERGE h l s
    PFMERGE l h
    SET v ${EMPTY_SKETCH}
    !PFCOUNT v
    PFADD v x y
    !PFCOUNT v
    SET v ${EMPTY_SKETCH}
    PFMERGE h v
    !PFCOUNT h
    SET w "HYLL\\x01\\x00\\x00\\x00\\x07\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x7f\\xff"
    PFCOUNT w
    PFADD w
    PFCOUNT w h
    PFADD w x
    !PFCOUNT w
    SET w "HYLL\\x01\\x00\\x00\\x00\\x07\\x01\\x00\\x00\\x00\\x00\\x00\\x70\\x7f\\xff"
    PFCOUNT w
    SET notused "HYLL\\x01\\x01\\x02\\x03\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xff"
    PFADD notused a
    !PFCOUNT notused
    SET c "HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7e\\xff"
    PFADD c
    PFCOUNT c
    PFCOUNT c h
    PFMERGE h c
    PFMERGE c h
    SET c "HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xff\\x00"
    PFCOUNT c
    PFCOUNT c h
    SET c "HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xfd\\x83"
    PFCOUNT c h
    SET c "HYLL\\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xff"
    PFADD c a
    SET c "HYLL\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xff"
    PFADD c a
    PFCOUNT c
    SET c "HYLK\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xff"
    PFADD c a
    SET c "HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
    PFADD c a
    SET dense "HYLL\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80{12288*\\x41}"
    PFCOUNT dense h
    !PFCOUNT dense
    PFMERGE h dense
    PFCOUNT h dense
    STRLEN h
    GETRANGE h 16 40
  `,
}

const plain = (reply: Reply): unknown => {
  if (typeof reply === 'bigint') return Number(reply)
  if (reply instanceof ErrorReply) return `-${reply.text}`
  return Buffer.isBuffer(reply) ? reply.toString('latin1') : reply
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `element ${from + i}`)

describe('HyperLogLog', () => {
  const comparison = useComparison()
  let redis: Redis

  beforeAll(() => {
    redis = new Redis(comparison.referenceRedis.url, { protocol: 2, db: 5 })
  })

  afterAll(() => redis?.disconnect())

  /** What lies in the backing Redis. */
  const stored = async (automation: string, name: string): Promise<Buffer> =>
    (await comparison.engine.redis.getBuffer(
      comparison.engine.automation(automation).key(Buffer.from(name)).toBuffer(),
    ))!

  test.each(Object.entries(SCRIPTS))('commands answer as a real Redis does: %s', async (_title, script) => {
    expect(await compare(comparison.reference, comparison.engine, script)).toEqual([])
  })

  test.each([1, 50, 500, 1_500, 3_000, 20_000])(
    '%i elements in the registers that Redis has',
    async (count) => {
      const elements = [...numbered(0, count), '', '1234567', '12345678', 'é'.repeat(100)]
      await redis.del('h')
      for (let at = 0; at < elements.length; at += 1_000)
        await redis.pfadd('h', ...elements.slice(at, at + 1_000))
      const bytes = (await redis.getBuffer('h'))!
      const registers = noRegisters()
      for (const element of elements) addElement(registers, Buffer.from(element))
      expect(isSketch(bytes)).toBe(true)
      expect(readRegisters(bytes)).toEqual(registers)
      expect(estimate(registers)).toBe(await redis.pfcount('h'))
      for (const dense of [false, true]) {
        const written = writeSketch(registers, dense)
        expect(isSketch(written)).toBe(true)
        expect(written.length <= 3_000 || written.length === 12_304).toBe(true)
        expect(readRegisters(written)).toEqual(registers)
        await redis.set('ours', written)
        expect(await redis.pfcount('ours')).toBe(await redis.pfcount('h'))
        expect(await redis.pfadd('ours', ...elements.slice(0, 100))).toBe(0)
        expect(await redis.pfadd('ours', 'another element')).toBe(await redis.pfadd('h', 'another element'))
        expect(await redis.pfcount('ours')).toBe(await redis.pfcount('h'))
        await redis.set('h', bytes)
      }
    },
  )

  test('counts without much of an error, and the same in both ways', { timeout: 60_000 }, async () => {
    const run = (way: string, ...args: string[]): Promise<Reply> =>
      comparison.engine.run('counting', args, { computed: way === 'computed' })
    for (let count = 0; count < 30_000; count += 1_500) {
      const elements = numbered(count, count + 1_500)
      for (const way of ['direct', 'computed']) expect(await run(way, 'PFADD', way, ...elements)).toBe(1)
      const direct = (await run('direct', 'PFCOUNT', 'direct')) as number
      expect(Math.abs(direct / (count + 1_500) - 1)).toBeLessThan(0.03)
      for (const way of ['direct', 'computed']) {
        for (const keys of [['direct'], ['computed'], ['direct', 'computed']]) {
          expect(Number(await run(way, 'PFCOUNT', ...keys))).toBe(direct)
        }
        expect(await run(way, 'PFADD', 'direct', ...elements.slice(0, 50))).toBe(0)
      }
    }
    expect(readRegisters(await stored('counting', 'direct'))).toEqual(
      readRegisters(await stored('counting', 'computed')),
    )
  })

  const name = fc.constantFrom('a', 'b', 'c')
  const names = fc.array(name, { minLength: 1, maxLength: 3 })
  const elements = fc.array(fc.integer({ min: 0, max: 3_000 }).map(String), { maxLength: 200 })
  const steps = fc.array(
    fc.oneof(
      fc
        .tuple(fc.constant('PFADD'), name, elements)
        .map(([command, key, list]) => [command, [key], list] as const),
      fc
        .tuple(fc.constantFrom('PFCOUNT', 'PFMERGE'), names)
        .map(([command, keys]) => [command, keys, []] as const),
      fc
        .tuple(fc.constantFrom('RENAME', 'COPY'), name, name)
        .map(([command, ...keys]) => [command, keys, []] as const),
      fc
        .tuple(fc.constantFrom('DEL', 'PERSIST', 'STRLEN'), name)
        .map(([command, key]) => [command, [key], []] as const),
      name.map((key) => ['EXPIRE', [key], ['100']] as const),
      name.map((key) => ['SET back', [key], []] as const),
    ),
    { minLength: 3, maxLength: 25 },
  )
  let sequences = 0

  test('random commands do the same in both ways', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const automation = `random-${++sequences}`
        for (const [command, keys, rest] of sequence) {
          const outcomes: unknown[] = []
          for (const way of ['direct', 'computed']) {
            const before = await comparison.engine.version(automation)
            const run = (...args: readonly (string | Buffer)[]): Promise<Reply> =>
              comparison.engine.run(automation, args, { computed: way === 'computed' })
            const setBack = async (key: string): Promise<Reply> =>
              run('SET', key, ((await run('GET', key)) as Buffer | null) ?? '')
            const own = keys.map((key) => `${way}:${key}`)
            const reply =
              command === 'SET back' ? await setBack(own[0]!) : await run(command, ...own, ...rest)
            // How Redis parts equal registers into runs depends on how they came.
            outcomes.push([
              command === 'STRLEN' ? reply !== 0 : plain(reply),
              (await comparison.engine.version(automation)) - before,
            ])
          }
          expect([command, outcomes[1]]).toEqual([command, outcomes[0]])
        }
        for (const key of ['a', 'b', 'c']) {
          const found = await Promise.all(
            ['direct', 'computed'].map((way) => comparison.engine.run(automation, ['GET', `${way}:${key}`])),
          )
          const [direct, computed] = found.map((reply) =>
            Buffer.isBuffer(reply) && reply.length > 0 ? readRegisters(reply) : reply,
          )
          expect(computed).toEqual(direct)
        }
      }),
      { numRuns: Number(process.env.AUTOMATION_KV_TEST_RUNS ?? 30) },
    )
  })

  test('the backing Redis holds a sketch of hashes, which RENAME and COPY leave as it is', async () => {
    const run = (...args: (string | Buffer)[]): Promise<Reply> => comparison.engine.run('raw', args)
    await run('PFADD', 'h', 'alice', 'bob')
    const sketch = await stored('raw', 'h')
    expect(isSketch(sketch)).toBe(true)
    const guess = noRegisters()
    for (const element of ['alice', 'bob']) addElement(guess, Buffer.from(element))
    expect(readRegisters(sketch)).not.toEqual(guess)
    expect(await run('GET', 'h')).toEqual(sketch)
    expect(await run('MGET', 'h', 'none')).toEqual([sketch, null])
    await run('COPY', 'h', 'i')
    await run('RENAME', 'h', 'j')
    for (const name of ['i', 'j']) expect(await stored('raw', name)).toEqual(sketch)
    await run('SET', 'back', (await run('GET', 'i')) as Buffer)
    expect((await stored('raw', 'back')).toString('latin1', 0, 3)).toBe('eyJ')
    expect(await run('PFCOUNT', 'back')).toBe(2)
    expect(await run('PFADD', 'back', 'alice')).toBe(0)
    expect(await run('PFADD', 'back', 'carol')).toBe(1)
    expect(isSketch(await stored('raw', 'back'))).toBe(true)
    expect(await run('PFCOUNT', 'back', 'i', 'j')).toBe(3)
    await run('APPEND', 'i', 'x')
    expect((await stored('raw', 'i')).toString('latin1', 0, 3)).toBe('eyJ')
  })

  test('equal elements of two automations differ', async () => {
    for (const automation of ['one', 'other'])
      await comparison.engine.run(automation, ['PFADD', 'h', 'alice', 'bob'])
    expect(await stored('one', 'h')).not.toEqual(await stored('other', 'h'))
  })

  test('nothing but a whole sketch is taken unsealed', async () => {
    const engine = await startEngine(comparison.backingRedis.url, { report: () => {} })
    const { automation } = engine
    await engine.run('planted', ['SET', 'k', 'v'])
    const sketch = writeSketch(noRegisters(), false)
    const damaged = [
      Buffer.from('HYLL'),
      Buffer.concat([sketch, Buffer.from([0])]),
      sketch.subarray(0, -1),
      Buffer.concat([sketch.subarray(0, 16), Buffer.alloc(12_288)]),
      Buffer.from(sketch).fill(1, 5, 6),
      Buffer.from('HYLL and a text that someone put there'),
      Buffer.from('plain text'),
    ]
    for (const bytes of damaged) {
      await engine.redis.set(automation('planted').key(Buffer.from('k')).toBuffer(), bytes)
      for (const computed of [false, true]) {
        for (const args of [
          ['GET', 'k'],
          ['GETRANGE', 'k', '0', '-1'],
          ['RENAME', 'k', 'l'],
        ]) {
          expect(plain(await engine.run('planted', args, { computed }))).toMatch(
            /^-ERR a stored value could not be opened/,
          )
        }
      }
    }
    await engine.close()
  })

  test('REST shows a sketch as base64', async () => {
    const server = await startServer()
    try {
      const client = await server.client('shown')
      expect(await client.pfadd('h', 'alice', 'bob')).toBe(1)
      expect(await client.pfcount('h')).toBe(2)
      const value = (await client.getBuffer('h'))!.toString('base64')
      for (const path of ['/kv/h', '/kv/h?meta=true']) {
        const { text } = await server.fetch('shown', 'GET', path)
        expect(JSON.parse(text)).toMatchObject({ key: 'h', value, encoding: 'base64' })
      }
      expect((await server.fetch('shown', 'POST', '/kv/h/incr')).status).toBe(400)
    } finally {
      await server.stop()
    }
  })
})
