import { request as httpRequest } from 'node:http'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RespClient, type RespReply, request, show } from './helpers/resp-client.ts'
import { dataRows, LIBRARY, SCRIPTS, sampleCalls } from './helpers/sample-calls.ts'
import { startServer, type TestServer } from './helpers/server.ts'

// The attacker's id is a prefix of the victim's, and both have keys of the same names.
const ATTACKER = 'auto-1'
const VICTIM = 'auto-10'
const OWN = `kv:{${ATTACKER}}:`
const THEIRS = `kv:{${VICTIM}}:`
/** Of no automation: the server sees by it whether writes are taken. */
const PROBE = 'kv:probe'
/** In every value, member, field and secret key name of the victim. */
const CANARY = 'c4n4ry'
/** In every value of the attacker. */
const OWN_VALUE = 'mine'

const SHARED_NAMES = [
  'string',
  'counter',
  'list',
  'hash',
  'set',
  'zset',
  'stream',
  'sketch',
  'document',
] as const

const HOSTILE = [
  ...SHARED_NAMES,
  `${THEIRS}k:string`,
  '../string',
  `../../${VICTIM}/string`,
  `{${VICTIM}}`,
  `}:k:string`,
  `{${VICTIM}}:k:string`,
  '*',
  '?*',
  '[a-z]*',
  'k:',
  'i',
  'v',
  'd',
  ':i',
  '',
  'a\nb',
  'a\0b',
  `\r\nDEL ${THEIRS}k:string\r\n`,
  VICTIM,
  '__proto__',
  `${OWN}i`,
  '\u00ff\u00fe',
  'string\0',
].map((name) => Buffer.from(name, 'latin1'))

let server: TestServer
let backing: Redis
let attacker: RespClient
let victim: RespClient
let victimData: string

const login = async (automation: string): Promise<RespClient> => {
  const client = await RespClient.connect(server.app.ports.resp)
  expect(await client.text('AUTH', await server.token(automation))).toBe('OK')
  return client
}

const secretOf = (value: string): string =>
  `#!lua name=${value}\nredis.register_function('of_${value}', function() return '${value}' end)`

/** Keys of every type, and libraries. */
const seed = (client: RespClient, value: string, prefix = ''): Promise<RespReply[]> => {
  const commands = [
    ...(prefix === '' && value === OWN_VALUE ? [['FLUSHALL']] : []),
    ['SET', `${prefix}string`, `${value}-string`],
    ['SET', `${prefix}counter`, '7'],
    [
      'DEL',
      `${prefix}list`,
      `${prefix}hash`,
      `${prefix}set`,
      `${prefix}zset`,
      `${prefix}stream`,
      `${prefix}sketch`,
    ],
    ['RPUSH', `${prefix}list`, `${value}-1`, `${value}-2`, `${value}-3`],
    ['HSET', `${prefix}hash`, `${value}-field`, `${value}-hash-value`, `${value}-number`, '1'],
    ['SADD', `${prefix}set`, `${value}-member`, `${value}-other`],
    ['ZADD', `${prefix}zset`, '1', `${value}-scored`, '2', `${value}-second`],
    ['XADD', `${prefix}stream`, '1-1', `${value}-name`, `${value}-entry`],
    ['XGROUP', 'CREATE', `${prefix}stream`, value, '0'],
    ['PFADD', `${prefix}sketch`, `${value}-a`, `${value}-b`],
    ...SCRIPTS.map((script) => ['SCRIPT', 'LOAD', script]),
    // Both have libraries and functions of the same names.
    ['FUNCTION', 'FLUSH'],
    ['FUNCTION', 'LOAD', `${LIBRARY}\n-- ${value}`],
    ['FUNCTION', 'LOAD', secretOf(value)],
    ['EXPIRE', `${prefix}hash`, '5000'],
  ]
  client.write(Buffer.concat(commands.map((args) => request(...args))))
  return client.replies(commands.length)
}

/** All of one automation as it lies in the backing Redis, to the byte. */
const dump = async (prefix: string): Promise<string> => {
  const names = (await backing.keysBuffer('*'))
    .filter((name) => name.toString('latin1').startsWith(prefix))
    .sort(Buffer.compare)
  const lines = await Promise.all(
    names.map(async (name) => {
      const [bytes, expiry] = await Promise.all([
        backing.callBuffer('DUMP', name),
        backing.call('PEXPIRETIME', name),
      ])
      return `${name.toString('latin1')} ${(bytes as Buffer).toString('hex')} ${String(expiry)}`
    }),
  )
  return lines.join('\n')
}

const leaks = (text: string): boolean =>
  text.toLowerCase().includes(CANARY) || text.includes(Buffer.from(CANARY).toString('base64').slice(0, 7))

beforeAll(async () => {
  server = await startServer({ AUTOMATION_KV_MAX_KEYS: '100000' })
  backing = server.backing()
  attacker = await login(ATTACKER)
  victim = await login(VICTIM)
  await seed(victim, CANARY)
  await seed(victim, CANARY, `${CANARY}:`)
  expect((await server.fetch(VICTIM, 'PUT', '/kv/document', `{"${CANARY}":["${CANARY}"]}`)).status).toBe(201)
  victimData = await dump(THEIRS)
  expect(victimData.split('\n').length).toBeGreaterThanOrEqual(11)
})

afterAll(async () => {
  attacker.destroy()
  victim.destroy()
  await server.stop()
})

const expectUntouched = async (what: string): Promise<void> => {
  const now = await dump(THEIRS)
  expect(
    now === victimData ? what : `${what} changed the victim's data:\n${now}\ninstead of\n${victimData}`,
  ).toBe(what)
}

describe('every command on data or keys', () => {
  test.each(dataRows().map((row) => [row.name, row] as const))('%s', async (name, row) => {
    await seed(attacker, OWN_VALUE)
    const values = [OWN_VALUE, `${OWN_VALUE}-field`, `${OWN_VALUE}-1`, '1', `${THEIRS}k:string`].map(
      (value) => Buffer.from(value),
    )
    const pool = {
      keys: HOSTILE,
      values,
      patterns: [
        Buffer.from('*'),
        Buffer.from(`*${VICTIM}*`),
        Buffer.from(`${THEIRS}*`),
        Buffer.from('[^a]*'),
      ],
    }
    const calls = HOSTILE.flatMap((_, offset) => sampleCalls(row, pool, offset))
    attacker.write(Buffer.concat(calls.map((args) => request(...args))))
    const replies = await attacker.replies(calls.length)
    for (const [i, reply] of replies.entries()) {
      const text = show(reply)
      if (leaks(text)) expect.fail(`${name} ${calls[i]!.map(String).join(' ')} answered ${text}`)
    }
    // Each command met at least one key that it works on; those on streams may need a group or an id that
    // nobody made, and RESTORE a payload: test/integration/dump.test.ts and functions.test.ts give it one of
    // another automation.
    if (row.group !== 'stream' && !/\brestore$/.test(name))
      expect(replies.some((reply) => !(reply instanceof Error))).toBe(true)
    await expectUntouched(name)
  })
})

test('no command ever names a key of the backing Redis outside of its automation', async () => {
  const monitor = await backing.monitor()
  const seen = new Map<string, string[]>()
  monitor.on('monitor', (_time: string, args: string[]) => {
    seen.set(args.join('\u0000').slice(0, 4_000), args)
  })
  const rows = dataRows()
  for (const row of rows) {
    await seed(attacker, OWN_VALUE)
    const calls = [0, 3, 7, 12].flatMap((offset) => sampleCalls(row, HOSTILE, offset))
    attacker.write(Buffer.concat(calls.map((args) => request(...args))))
    await attacker.replies(calls.length)
  }
  monitor.disconnect()
  expect(seen.size).toBeGreaterThan(rows.length)
  const keyless = /^(ping|info|time|command|script|multi|exec|client|hello)$/i
  for (const [command = '', ...args] of seen.values()) {
    if (keyless.test(command)) continue
    // A command without keys by Redis's own account names a channel first (PUBLISH).
    const keys = (await backing
      .call('COMMAND', 'GETKEYS', command, ...args)
      .catch(() => args.slice(0, 1))) as string[]
    const foreign = keys.filter((key) => key !== PROBE && !key.startsWith(OWN))
    expect([command, foreign]).toEqual([command, []])
  }
  await expectUntouched('all rows')
})

test('all that the attacker made lies under its own prefix', async () => {
  await seed(attacker, OWN_VALUE)
  for (const name of HOSTILE) expect(await attacker.text('SET', name, OWN_VALUE)).toBe('OK')
  const names = (await backing.keysBuffer('*')).map((name) => name.toString('latin1'))
  expect(names.filter((name) => name !== PROBE && !name.startsWith(OWN) && !name.startsWith(THEIRS))).toEqual(
    [],
  )
  for (const name of HOSTILE) expect(names).toContain(`${OWN}k:${name.toString('latin1')}`)
  await expectUntouched('SET')
})

test('listings tell the attacker only of itself', async () => {
  expect(await attacker.text('FLUSHALL')).toBe('OK')
  await expectUntouched('FLUSHALL')
  for (const name of ['one', 'two', `${THEIRS}k:string`]) await attacker.call('SET', name, OWN_VALUE)
  const own = ['one', 'two', `${THEIRS}k:string`].sort()
  const sorted = (reply: RespReply): string[] => (reply as Buffer[]).map(String).sort()
  expect(sorted(await attacker.call('KEYS', '*'))).toEqual(own)
  expect(await attacker.call('DBSIZE')).toBe(3)
  const [cursor, found] = (await attacker.call('SCAN', '0', 'COUNT', '1000')) as [Buffer, Buffer[]]
  expect([String(cursor), sorted(found)]).toEqual(['0', own])
  for (let i = 0; i < 50; i++) expect(own).toContain(await attacker.text('RANDOMKEY'))
  expect(await attacker.text('INFO')).toContain('db0:keys=3,expires=0')
  expect(await attacker.text('INFO', 'clients')).toContain('connected_clients:1\r\n')
  expect((await attacker.text('CLIENT', 'LIST')).trim().split('\n')).toHaveLength(1)
  expect(await attacker.text('COMMAND', 'GETKEYS', 'GET', 'string')).toBe('[string]')
  expect(await attacker.text('EXISTS', 'string', 'list', 'document')).toBe('0')
})

test('scripts reach no further than commands', async () => {
  await seed(attacker, OWN_VALUE)
  const scripts = [
    'return redis.pcall(ARGV[2], ARGV[1])',
    'return redis.pcall(ARGV[2], KEYS[1])',
    "return redis.pcall('RENAME', KEYS[1], ARGV[1])",
    "return redis.pcall('COPY', ARGV[1], KEYS[1])",
    "return redis.pcall('EVAL', \"return redis.call('GET', KEYS[1])\", 1, ARGV[1])",
    "return redis.pcall('KEYS', '*')",
    "return redis.pcall('CONFIG', 'GET', '*')",
    'local names = {} for name in pairs(_G) do names[#names + 1] = name end return names',
    "return tostring(os and os.getenv and os.getenv('PATH') or 'none')",
  ]
  for (const script of scripts) {
    for (const name of HOSTILE) {
      for (const command of ['GET', 'DEL', 'LRANGE', 'HGETALL', 'SMEMBERS', 'TYPE', 'INCR']) {
        const text = await attacker.text('EVAL', script, '1', name, `${THEIRS}k:string`, command)
        if (leaks(text)) expect.fail(`${script} with ${String(name)} answered ${text}`)
      }
    }
  }
  const names = (await backing.keysBuffer('*')).map((name) => name.toString('latin1'))
  expect(names.filter((name) => name !== PROBE && !name.startsWith(OWN) && !name.startsWith(THEIRS))).toEqual(
    [],
  )
  await expectUntouched('EVAL')
})

test('ids of connections do not count those of others', async () => {
  const [first, , second] = [await login(ATTACKER), await login(VICTIM), await login(ATTACKER)]
  const ids = [Number(await first!.call('CLIENT', 'ID')), Number(await second!.call('CLIENT', 'ID'))]
  expect(Math.abs(ids[1]! - ids[0]!)).toBeGreaterThan(1_000)
  for (const client of [first!, second!]) client.destroy()
})

describe('REST', () => {
  /** A path as it is, with nothing normalized. */
  const raw = (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const call = httpRequest(
        { host: '127.0.0.1', port: server.app.ports.http, method, path, headers },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => (text += chunk))
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        },
      )
      call.on('error', reject)
      call.end(body)
    })

  test('keys that look like paths, prefixes or patterns stay in their automation', async () => {
    const token = await server.token(ATTACKER)
    const json = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const base = '/api/automation/v1/kv'
    const names = [
      ...HOSTILE.map((name) => encodeURIComponent(name.toString('latin1'))),
      '..',
      '../string',
      '..%2Fstring',
      '%2e%2e/string',
      `../${VICTIM}/string`,
      '%00',
      '%',
      '%ff',
      'string?automation_id=auto-10',
      'string#x',
      '//string',
      ';string',
    ]
    const calls: readonly [string, string, string?][] = [
      ['GET', ''],
      ['GET', '?path=a'],
      ['GET', '?meta=true'],
      ['GET', '/len'],
      ['POST', '/lpop'],
      ['POST', '/rpop'],
      ['POST', '/incr', '{"by":1}'],
      ['POST', '/decr'],
      ['POST', '/rpush', '{"value":"mine"}'],
      ['POST', '/lpush', '{"value":1}'],
      ['PATCH', '', '{"path":"a","value":1}'],
      ['PUT', '', '{"mine":true}'],
      ['DELETE', ''],
    ]
    for (const name of names) {
      for (const [method, suffix, body] of calls) {
        const { status, text } = await raw(method, `${base}/${name}${suffix}`, json, body)
        if (leaks(text) || status >= 500) expect.fail(`${method} ${name}${suffix} answered ${status} ${text}`)
      }
    }
    const operations = HOSTILE.slice(0, 30)
      .map((key) => ({ op: 'get', key: key.toString('latin1') }))
      .filter(({ key }) => /^[ -#%-~][ -~]*$/.test(key))
    const batch = await raw('POST', `${base}/batch`, json, JSON.stringify({ operations }))
    expect(batch.status).toBe(200)
    expect(leaks(batch.text)).toBe(false)
    for (const query of [
      '',
      '?prefix=',
      `?prefix=${THEIRS}`,
      '?prefix=*',
      '?limit=1000',
      `?automation_id=${VICTIM}`,
      '?cursor=AAAA',
      `?prefix=${CANARY}`,
    ]) {
      const { text } = await raw('GET', `${base}${query}`, json)
      if (query !== `?prefix=${CANARY}`) expect(leaks(text)).toBe(false)
      else expect(JSON.parse(text)).toEqual({ keys: [], count: 0 })
    }
    await expectUntouched('REST')
  })

  test('only the verified token says whose data it is', async () => {
    const [mine, theirs] = [await server.token(ATTACKER), await server.token(VICTIM)]
    const path = `/api/automation/v1/kv/${CANARY}:string`
    const [header, , signature] = theirs.split('.') as [string, string, string]
    const refused = [
      {},
      { authorization: '' },
      { authorization: 'Bearer' },
      { authorization: theirs },
      { authorization: `Basic ${Buffer.from(`x:${theirs}`).toString('base64')}` },
      { authorization: `Bearer ${mine}, Bearer ${theirs}` },
      { authorization: `Bearer ${header}.${mine.split('.')[1]}.${signature}` },
      { 'x-authorization': `Bearer ${theirs}` },
      { cookie: `token=${theirs}` },
    ]
    for (const headers of refused) {
      const { status, text } = await raw('GET', path, headers as Record<string, string>)
      expect([headers, status]).toEqual([headers, 401])
      expect(leaks(text.replace(`${CANARY}:string`, ''))).toBe(false)
    }
    for (const name of ['x-automation-id', 'x-forwarded-user', 'host']) {
      expect((await raw('GET', path, { authorization: `Bearer ${mine}`, [name]: VICTIM })).status).toBe(404)
    }
    expect((await raw('GET', path, { authorization: `Bearer ${theirs}` })).status).toBe(200)
  })
})
