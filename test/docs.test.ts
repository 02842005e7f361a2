import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { generated } from '../scripts/lib/docs.mjs'
import { LAYERS } from '../scripts/lint/layers.mjs'
import { REFUSED_SUBCOMMANDS } from '../src/commands/refused.ts'
import { COMMANDS as TABLE } from '../src/commands/table.ts'
import { SETTINGS } from '../src/config/settings.ts'
import { ERRORS } from '../src/errors/errors.ts'
import { startRedis } from './helpers/redis.ts'
import { startServer } from './helpers/server.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

const pagesOf = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`)

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...pagesOf('docs'),
  ...pagesOf('docs/reports'),
]

const matches = (text: string, pattern: RegExp): string[] =>
  Array.from(text.matchAll(pattern), (match) => match[1]!)

describe('generated parts', () => {
  const facts = {
    table: TABLE.rows,
    refusedSubcommands: REFUSED_SUBCOMMANDS,
    settings: SETTINGS,
    errors: ERRORS,
  }
  test.each(generated(facts))('$file is fresh: npm run docs', ({ file, render }) => {
    const page = read(file)
    expect(page).toBe(render(page))
  })

  test('the page of commands has every row, served or refused', () => {
    const page = read('docs/commands.md')
    for (const row of TABLE.rows.values()) {
      const names =
        row.kind === 'container' ? [...row.subcommands.values()].map(({ name }) => name) : [row.name]
      for (const name of names) expect(page).toContain(`\`${name.replaceAll('|', ' ').toUpperCase()}\``)
    }
  })
})

/** As GitHub makes the anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

const anchorsOf = (file: string): string[] => matches(read(file), /^#+ (.+)$/gm).map(anchorOf)

describe.each(PAGES)('%s', (page) => {
  const text = read(page)

  test('names files that exist', () => {
    const named = matches(text, /`((?:src|test|scripts|config|docs)\/[\w./-]*)`/g)
    expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([])
  })

  test('links to files and headings that exist', () => {
    const broken = matches(text, /\]\(([^)\s]+)\)/g).filter((link) => {
      if (/^[a-z]+:/.test(link)) return false
      const [path = '', anchor] = link.split('#')
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), path)
      if (!existsSync(file)) return true
      return anchor !== undefined && !anchorsOf(file.slice(root.length)).includes(anchor)
    })
    expect(broken).toEqual([])
  })

  test('names settings that exist', () => {
    const known = [
      ...SETTINGS.flatMap(({ name, aliases }) => [name, ...aliases]),
      'AUTOMATION_KV_TOKEN',
      'AUTOMATION_KV_REDIS_URL',
      'AUTOMATION_API_URL',
    ]
    expect(matches(text, /\b(AUTOMATION_[A-Z_]*[A-Z])\b/g).filter((name) => !known.includes(name))).toEqual(
      [],
    )
  })

  test('names no command that is unknown to npm', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    expect(matches(text, /npm run ([\w:-]+)/g).filter((name) => scripts[name] === undefined)).toEqual([])
  })
})

describe('docs/architecture.md', () => {
  const text = read('docs/architecture.md')

  /** The sources of a file, or of all files of a folder and below it. */
  const sourcesOf = (path: string): string[] =>
    statSync(join(root, path)).isFile()
      ? [read(path)]
      : readdirSync(join(root, path), { recursive: true })
          .filter((name) => String(name).endsWith('.ts'))
          .map((name) => read(`${path}/${name}`))

  /** Whether a source declares `name`: on its own, or as a member of a class. */
  const declares = (source: string, name: string): boolean =>
    new RegExp(
      `\\b(?:function|const|class|interface|type) ${name}\\b` +
        `|^  (?:(?:private|static|async|readonly|get) )*${name}(?:<\\w+>)?(?:\\((?:.*\\{)?$| = )`,
      'm',
    ).test(source)

  test('names functions that are where it says', () => {
    const named = Array.from(
      text.matchAll(/`((?:src|test|scripts)\/[\w./-]+):(\w+)`/g),
      ([, path, name]) => ({
        path: path!,
        name: name!,
      }),
    )
    expect(named.length).toBeGreaterThan(30)
    const missing = named.filter(
      ({ path, name }) =>
        !existsSync(join(root, path)) || !sourcesOf(path).some((source) => declares(source, name)),
    )
    expect(missing).toEqual([])
  })

  test('draws every folder of the order, from top to bottom', () => {
    const drawing = text.split('flowchart TB')[1]!.split('```')[0]!
    expect(matches(drawing, /\["([\w./-]+)"\]/g)).toEqual(LAYERS.flat())
  })
})

describe('docs/security.md', () => {
  test('has the info string of every derived key, and no other', () => {
    const derived = matches(read('src/automation/keyring.ts'), /purpose\('(\w+)'\)/g)
    expect(derived).not.toEqual([])
    expect(matches(read('docs/security.md'), /automation-kv\/v1\/(\w+)\/<automation_id>/g)).toEqual(derived)
  })
})

describe('docs/operations.md', () => {
  test('quotes errors as they are', () => {
    const quoted = matches(read('docs/operations.md'), /`([A-Z]+ [^`]+)\.\.\.`/g)
    expect(quoted).not.toEqual([])
    expect(
      quoted.filter((start) => !Object.values(ERRORS).some(({ resp }) => resp.startsWith(start))),
    ).toEqual([])
  })

  test('explains every field that a log line may have', () => {
    const fields = read('src/observability/log.ts').match(/interface LogFields \{([^}]*)\}/)![1]!
    const section = read('docs/operations.md').split('## Logs')[1]!.split('\n## ')[0]!
    for (const field of matches(fields, /^\s+(\w+)\??:/gm)) expect(section).toContain(`\`${field}\``)
  })

  test('its ACL line lets the server do all that it does, and nothing dangerous', async () => {
    const line = matches(read('docs/operations.md'), /^ACL (SETUSER automation-kv .*)$/gm)[0]!
    const redis = await startRedis({ port: 'free' })
    const owner = new Redis(redis.url, { protocol: 2 })
    try {
      await owner.call('ACL', ...line.replace('PASSWORD', 'password').split(' '))
      const server = await startServer(
        { REDIS_URL: `redis://automation-kv:password@127.0.0.1:${redis.port}` },
        redis,
      )
      try {
        const client = await server.client('acl')
        for (const command of COMMANDS) {
          const [name, ...args] = command.split(' ')
          const failure = await client.call(name!, ...args).then(
            () => '',
            (error: Error) => error.message,
          )
          expect(failure, command).not.toMatch(/NOPERM|TRYAGAIN|internal/)
        }
        for (const [method, path, body] of REQUESTS)
          expect((await server.fetch('acl', method, path, body)).status, path).toBeLessThan(300)
        expect(await owner.call('ACL', 'LOG')).toEqual([])
      } finally {
        await server.stop()
      }
      const user = new Redis({
        port: redis.port!,
        username: 'automation-kv',
        password: 'password',
        protocol: 2,
      })
      try {
        for (const forbidden of [
          ['CONFIG', 'GET', '*'],
          ['KEYS', '*'],
          ['FLUSHALL'],
          ['GET', 'other'],
          ['SCRIPT', 'FLUSH'],
          ['ACL', 'LIST'],
        ]) {
          await expect(user.call(...(forbidden as [string])), forbidden.join(' ')).rejects.toThrow('NOPERM')
        }
      } finally {
        user.disconnect()
      }
    } finally {
      owner.disconnect()
      await redis.stop()
    }
  })
})

/**
 * Some of every group, so that each native command of it is sent; an error of a command's own does no harm.
 */
const COMMANDS = [
  'SET s 1',
  'GET s',
  'MSET a 1 b 2',
  'MGET a b',
  'INCR s',
  'APPEND s 1',
  'SETNX s 1',
  'GETDEL s',
  'SET s 1 EX 100',
  'GETEX s PERSIST',
  'STRLEN s',
  'EXPIRE s 100',
  'PEXPIREAT s 99999999999999',
  'PERSIST s',
  'TTL s',
  'PTTL s',
  'EXISTS s',
  'TOUCH s',
  'TYPE s',
  'OBJECT ENCODING s',
  'OBJECT IDLETIME s',
  'RENAME s t',
  'COPY t s',
  'DEL t',
  'UNLINK a',
  'KEYS *',
  'SCAN 0',
  'SCAN 0 TYPE string',
  'DBSIZE',
  'RANDOMKEY',
  'WAIT 0 1',
  'INFO',
  'RPUSH l a b c',
  'LPUSH l z',
  'LRANGE l 0 -1',
  'LINDEX l 0',
  'LSET l 0 y',
  'LINSERT l BEFORE a q',
  'LREM l 1 q',
  'LPOS l a',
  'LMOVE l m LEFT RIGHT',
  'LPOP l',
  'RPOP l',
  'LTRIM l 0 0',
  'LLEN l',
  'BLPOP l 1',
  'HSET h f v g w',
  'HGET h f',
  'HMGET h f g',
  'HGETALL h',
  'HKEYS h',
  'HVALS h',
  'HLEN h',
  'HSCAN h 0',
  'HRANDFIELD h',
  'HINCRBY h n 1',
  'HEXISTS h f',
  'HSETNX h f v',
  'HDEL h f',
  'SADD x a b c',
  'SADD y a',
  'SMEMBERS x',
  'SISMEMBER x a',
  'SMISMEMBER x a',
  'SINTER x y',
  'SUNIONSTORE z x y',
  'SMOVE x y b',
  'SSCAN x 0',
  'SRANDMEMBER x',
  'SPOP x',
  'SREM y a',
  'SCARD y',
  'ZADD zs 1 a 2 b',
  'ZRANGE zs 0 -1 WITHSCORES',
  'ZRANGEBYSCORE zs 0 9',
  'ZSCORE zs a',
  'ZMSCORE zs a',
  'ZRANK zs a',
  'ZINCRBY zs 1 a',
  'ZCOUNT zs 0 9',
  'ZSCAN zs 0',
  'ZUNIONSTORE zt 1 zs',
  'ZPOPMIN zs',
  'ZREMRANGEBYSCORE zs 9 10',
  'ZREM zs b',
  'ZCARD zs',
  'XADD st * f v',
  'XLEN st',
  'XRANGE st - +',
  'XREAD COUNT 1 STREAMS st 0',
  'XGROUP CREATE st g 0',
  'XREADGROUP GROUP g c COUNT 1 STREAMS st >',
  'XPENDING st g',
  'XINFO STREAM st',
  'XAUTOCLAIM st g c 0 0',
  'XTRIM st MAXLEN 0',
  'XDEL st 1-1',
  'SETBIT bits 7 1',
  'BITCOUNT bits',
  'BITFIELD bits SET u8 0 1',
  'PFADD hll a',
  'PFCOUNT hll',
  'PFMERGE hll2 hll',
  'SORT x',
  'PUBLISH ch m',
  'FLUSHDB',
] as const

const REQUESTS: ReadonlyArray<readonly [method: string, path: string, body?: string]> = [
  ['PUT', '/kv/doc', '{"a":1}'],
  ['GET', '/kv/doc?meta=true'],
  ['PATCH', '/kv/doc', '{"path":"b","value":2}'],
  ['POST', '/kv/list/rpush', '{"value":1}'],
  ['POST', '/kv/list/rpop'],
  ['GET', '/kv'],
  ['POST', '/kv/batch', '{"operations":[{"op":"incr","key":"n"}]}'],
  ['DELETE', '/kv/doc'],
]
