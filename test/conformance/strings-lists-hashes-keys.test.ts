import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { compare } from './lib/compare.ts'
import { useComparison } from './lib/comparison.ts'

/** The files in commands/: sections under `## title`, one command a line (see compare.ts for the marks). */
const SECTIONS = readdirSync(new URL('commands/', import.meta.url)).flatMap((file) =>
  readFileSync(new URL(`commands/${file}`, import.meta.url), 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((section): [title: string, script: string] => {
      const lineEnd = section.indexOf('\n')
      return [`${file.replace('.txt', '')}: ${section.slice(0, lineEnd)}`, section.slice(lineEnd)]
    }),
)

const many = (count: number, item: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => item(i)).join(' ')

/** More arguments than a Lua script can pass on at once. */
const LARGE = `
  RPUSH l ${many(4_200, (i) => `e${i}`)}
  LLEN l
  LRANGE l 0 -1
  LREM l 1 e2000
  LINSERT l BEFORE e100 here
  LPUSH l ${many(4_100, (i) => `f${i}`)}
  LPOP l 3000
  RPOP l 3000
  LRANGE l 0 -1
  HSET h ${many(4_200, (i) => `f${i} v${i}`)}
  HLEN h
  HMGET h ${many(4_200, (i) => `f${i}`)}
  HMSET h ${many(4_100, (i) => `f${i} w${i}`)}
  HINCRBY h n 1
  HDEL h ${many(4_190, (i) => `f${i}`)}
  ~2HGETALL h
  MSET ${many(200, (i) => `k${i} v${i}`)}
  EXISTS ${many(300, (i) => `k${i}`)}
  UNLINK ${many(300, (i) => `k${i}`)}
  DBSIZE
`

/**
 * The same commands on a real Redis 7.0 and on the core, in its direct and in its computed way: replies byte
 * for byte in RESP2 and RESP3, the version grows exactly when Redis counts a change, and the index stays
 * true.
 */
describe('commands as Redis has them', () => {
  const comparison = useComparison()

  test.for(SECTIONS)('%s', async ([, script]) => {
    expect(await compare(comparison.reference, comparison.engine, script)).toEqual([])
  })

  test('thousands of arguments', async () => {
    const differences = await compare(comparison.reference, comparison.engine, LARGE)
    expect(differences.map(({ command, what }) => `${command.slice(0, 40)} ${what}`)).toEqual([])
  })

  test('what has expired is dropped from the index when that is read', async () => {
    await comparison.engine.run('expiring', ['SET', 'stays', 'v'])
    for (const read of [['KEYS', '*'], ['SCAN', '0'], ['DBSIZE']]) {
      await comparison.engine.run('expiring', ['SET', 'goes', 'v', 'PX', '1'])
      const { indexKey } = comparison.engine.automation('expiring')
      await expect.poll(() => comparison.engine.run('expiring', ['EXISTS', 'goes']), { interval: 2 }).toBe(0)
      expect(await comparison.engine.redis.hlen(indexKey)).toBe(2)
      const reply = JSON.stringify(
        await comparison.engine.run('expiring', read),
        (_key, value: { data?: number[] }) =>
          value?.data === undefined ? value : Buffer.from(value.data).toString(),
      )
      expect(['["stays"]', '["0",["stays"]]', '1']).toContain(reply)
      expect(await comparison.engine.redis.hlen(indexKey)).toBe(1)
    }
  })

  test.for(['direct', 'computed'])(
    'a document that is an array is a list to list commands (%s)',
    async (way) => {
      const automation = `documents-${way}`
      const document = '["a", {"b": [1, 2.50]}, 12345678901234567890, "\\u00e9"]'
      const bulk = async (...args: string[]): Promise<string> => {
        const reply = await comparison.engine.run(automation, args, { computed: way === 'computed' })
        return JSON.stringify(reply, (_key, value: { type?: string; data?: number[]; text?: string }) =>
          value?.type === 'Buffer' ? Buffer.from(value.data!).toString() : (value?.text ?? value),
        )
      }
      const put = (): Promise<void> =>
        new Promise((resolve, reject) => {
          comparison.engine.store.compute(comparison.engine.automation(automation), {
            needs: [{ name: Buffer.from('d'), extent: 'meta' }],
            run: (db) =>
              db.setPlain(
                Buffer.from('d'),
                { bytes: Buffer.from(document), json: true },
                { expireAt: db.now + 100_000 },
              ),
            done: (error) => (error === null ? resolve() : reject(error)),
          })
        })
      await put()
      const elements = '["a","{\\"b\\": [1, 2.50]}","12345678901234567890","é"]'
      expect(await bulk('LRANGE', 'd', '0', '-1')).toBe(elements)
      expect(await bulk('TYPE', 'd')).toBe('"string"')
      expect(await bulk('LLEN', 'd')).toBe('4')
      expect(await bulk('LINDEX', 'd', '-1')).toBe('"é"')
      expect(await bulk('LPOS', 'd', 'é')).toBe('3')
      expect(await bulk('RPUSH', 'd', 'more')).toBe('5')
      expect(await bulk('TYPE', 'd')).toBe('"list"')
      expect(await bulk('TTL', 'd')).toBe('100')
      await put()
      expect(await bulk('LPOP', 'd')).toBe('"a"')
      await put()
      expect(await bulk('LPOP', 'd', '10')).toBe(elements)
      expect(await bulk('EXISTS', 'd')).toBe('0')
      await put()
      expect(await bulk('LTRIM', 'd', '0', '0')).toBe('"OK"')
      expect(await bulk('LRANGE', 'd', '0', '-1')).toBe('["a"]')
      await put()
      expect(await bulk('LSET', 'd', '0', 'A')).toBe('"OK"')
      expect(await bulk('LMOVE', 'd', 'e', 'LEFT', 'LEFT')).toBe('"A"')
      expect(await bulk('LREM', 'd', '0', 'é')).toBe('1')
      expect(await bulk('LLEN', 'd')).toBe('2')
    },
  )
})
