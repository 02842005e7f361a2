import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from './helpers/eventually.ts'
import { startRedis, type TestRedis } from './helpers/redis.ts'
import { RespClient, type RespReply, request, show } from './helpers/resp-client.ts'
import { leaves, sampleCalls } from './helpers/sample-calls.ts'
import { SECRET, startServer, type TestServer } from './helpers/server.ts'

const AUTOMATION = 'quiet'
/** Names of keys may be seen in the backing Redis, but in no log and no error of RESP. */
const KEY = 'kEyNaMe4711'
const VALUE = 'vAlUeQx93Zt'
const MEMBER = 'mEmBeR_77_k'
const FIELD = 'fIeLd-51-Wu'
const MESSAGE = 'mEsSaGe08Pj'
const SECRETS = [VALUE, MEMBER, FIELD, MESSAGE]

/**
 * A text in the forms in which a program lets it slip: as it is, base64 at each of its three positions, hex,
 * escaped.
 */
function forms(text: string): Buffer[] {
  const bytes = Buffer.from(text)
  const base64 = [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    // The characters at the edges also hold bits of what stands before and behind.
    return encoded.slice(shift === 0 ? 0 : shift + 1, (bytes.length + shift) % 3 === 0 ? undefined : -1)
  })
  const url = base64.map((encoded) => encoded.replaceAll('+', '-').replaceAll('/', '_'))
  const hex = bytes.toString('hex')
  const escaped = Array.from(text, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join(
    '',
  )
  const percent = Array.from(bytes, (byte) => `%${byte.toString(16)}`).join('')
  const codes = Array.from(bytes).join(',')
  return [
    ...new Set([
      text,
      text.toLowerCase(),
      text.toUpperCase(),
      ...base64,
      ...url,
      hex,
      hex.toUpperCase(),
      escaped,
      percent,
      codes,
    ]),
  ].map((form) => Buffer.from(form))
}

const found = (haystack: Buffer | string, texts: readonly string[]): string[] => {
  const bytes = Buffer.from(haystack)
  return texts.filter((text) => forms(text).some((form) => bytes.includes(form)))
}

let redis: TestRedis
let server: TestServer
let token: string
/** Every error that a client read, over either door. */
const respErrors: string[] = []
const restErrors: string[] = []
const badTokens: string[] = []

beforeAll(async () => {
  redis = await startRedis({ aof: true, args: ['--appendfsync', 'no', '--rdbcompression', 'no'] })
  server = await startServer(
    { AUTOMATION_KV_MAX_KEYS: '100000', AUTOMATION_KV_MAX_VALUE_SIZE: '20000' },
    redis,
  )
  token = await server.token(AUTOMATION)
}, 60_000)

afterAll(async () => {
  await server.stop()
  await redis.stop()
})

const errorsIn = (reply: RespReply): string[] =>
  reply instanceof Error ? [reply.message] : Array.isArray(reply) ? reply.flatMap(errorsIn) : []

/** All of it on a connection of its own, to its end; a reply may be missing (CLIENT REPLY OFF). */
const run = async (requests: readonly Buffer[], login = true): Promise<RespReply[]> => {
  const client = await RespClient.connect(server.app.ports.resp, { allowHalfOpen: true })
  client.write(Buffer.concat([...(login ? [request('AUTH', token)] : []), ...requests]))
  client.socket.end()
  const replies = await client.repliesUntilClosed()
  client.destroy()
  respErrors.push(...replies.flatMap(errorsIn))
  return replies
}

const rest = async (method: string, path: string, body?: string, bearer = token): Promise<number> => {
  const response = await fetch(`${server.api}${path}`, {
    method,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  if (response.status >= 400) restErrors.push(text)
  return response.status
}

const seed = [
  [
    'FUNCTION',
    'LOAD',
    'REPLACE',
    `#!lua name=${VALUE}\nredis.register_function('${MEMBER}', function() return '${VALUE}' end)`,
  ],
  ['FCALL', MEMBER, '0'],
  ['SET', `${KEY}-string`, VALUE],
  ['RPUSH', `${KEY}-list`, VALUE, MEMBER],
  ['HSET', `${KEY}-hash`, FIELD, VALUE],
  ['SADD', `${KEY}-set`, MEMBER, VALUE],
  ['ZADD', `${KEY}-zset`, '1', MEMBER],
  ['XADD', `${KEY}-stream`, '*', FIELD, VALUE],
  ['PFADD', `${KEY}-sketch`, MEMBER],
  ['SET', `${KEY}-number`, '12'],
].map((args) => request(...args))

const everyCommand = async (): Promise<void> => {
  const pool = {
    keys: ['string', 'list', 'hash', 'set', 'zset', 'stream', 'sketch', 'number', 'missing'].map((name) =>
      Buffer.from(`${KEY}-${name}`),
    ),
    values: [FIELD, VALUE, MEMBER, '5', MESSAGE].map((value) => Buffer.from(value)),
    patterns: [Buffer.from('*'), Buffer.from(`*${MEMBER}*`)],
  }
  for (const row of leaves()) {
    const calls = pool.keys.flatMap((_, offset) => sampleCalls(row, pool, offset))
    await run([...seed, ...calls.map((args) => request(...args)), ...seed])
  }
}

const everyEndpoint = async (): Promise<void> => {
  const document = JSON.stringify({ [FIELD]: VALUE, list: [MEMBER], deep: { [FIELD]: [1, VALUE] } })
  const names = ['string', 'list', 'hash', 'set', 'zset', 'stream', 'sketch', 'number', 'missing', 'doc'].map(
    (name) => `/kv/${KEY}-${name}`,
  )
  for (const path of names) {
    for (const suffix of ['', '?meta=true', `?path=${FIELD}`, `?path=deep.${FIELD}[1]`, '/len'])
      await rest('GET', `${path}${suffix}`)
    for (const suffix of ['/lpop', '/rpop', '/incr', '/decr'])
      await rest('POST', `${path}${suffix}`, suffix.endsWith('cr') ? '{"by":2}' : undefined)
    for (const suffix of ['/lpush', '/rpush'])
      await rest('POST', `${path}${suffix}`, JSON.stringify({ value: VALUE }))
    await rest('PATCH', path, JSON.stringify({ path: FIELD, value: VALUE }))
    await rest('PUT', `${path}?xx=true`, JSON.stringify(VALUE))
    await rest('PUT', `${path}?if_version=1`, document)
    await rest('PUT', path, document)
    await rest('PATCH', path, JSON.stringify({ path: `deep.${FIELD}[0]`, value: { [MEMBER]: VALUE } }))
  }
  const operations = [
    { op: 'set', key: `${KEY}-doc`, value: VALUE },
    { op: 'patch', key: `${KEY}-p`, path: FIELD, value: VALUE },
    { op: 'rpush', key: `${KEY}-r`, value: MEMBER },
    { op: 'get', key: `${KEY}-doc` },
  ]
  await rest('POST', '/kv/batch', JSON.stringify({ operations }))
  await rest(
    'POST',
    '/kv/batch',
    JSON.stringify({ operations: [...operations, { op: 'incr', key: `${KEY}-doc` }] }),
  )
  await rest(
    'POST',
    '/kv/batch',
    JSON.stringify({ operations: [{ op: VALUE, key: KEY }, { [FIELD]: VALUE }] }),
  )
}

const everyMistake = async (): Promise<void> => {
  for (const body of [
    `{"${FIELD}":`,
    VALUE,
    `["${VALUE}"`,
    `{"a":${VALUE}}`,
    `"${VALUE}\\x"`,
    `{"value":NaN,"x":"${VALUE}"}`,
    `${'['.repeat(100)}"${VALUE}"`,
    JSON.stringify(VALUE.repeat(3_000)),
    JSON.stringify(VALUE.repeat(30_000)),
  ]) {
    for (const path of ['', '/incr', '/rpush', '/lpush'])
      await rest(path === '' ? 'PUT' : 'POST', `/kv/${KEY}-bad${path}`, body)
    await rest('PATCH', `/kv/${KEY}-string`, body)
    await rest('POST', '/kv/batch', body)
  }
  await rest('PATCH', `/kv/${KEY}-string`, JSON.stringify({ path: `a[${VALUE}`, value: 1 }))
  await rest('POST', `/kv/${KEY}-string/incr`, JSON.stringify({ by: VALUE }))
  for (const bad of [
    `${token}x`,
    `${VALUE}.${MEMBER}.${FIELD}`,
    VALUE,
    await server.token(AUTOMATION, { runId: MEMBER }).then((good) => good.slice(0, -4)),
  ]) {
    badTokens.push(bad)
    await rest('GET', `/kv/${KEY}`, undefined, bad)
    await run([request('AUTH', bad), request('HELLO', '3', 'AUTH', VALUE, bad), request('GET', KEY)], false)
  }
  await run([
    request('SET', KEY, VALUE, VALUE),
    request('SET', KEY, VALUE, 'EX', VALUE),
    request('INCR', `${KEY}-string`),
    request('INCRBY', KEY, VALUE),
    request('HSET', KEY, FIELD),
    request('SET', KEY, VALUE.repeat(3_000)),
    request('APPEND', `${KEY}-string`, VALUE.repeat(1_800)),
    request('APPEND', `${KEY}-string`, VALUE.repeat(1_800)),
    request('LPUSH', `${KEY}-string`, VALUE),
    request('GET', `$${KEY}`),
    request('SETRANGE', KEY, '99999999', VALUE),
    request('GETEX', KEY, VALUE),
    request('RENAME', `${KEY}-none`, KEY),
    request('CLIENT', 'SETINFO', VALUE, MEMBER),
    request('CLIENT', 'SETNAME', `${VALUE} ${MEMBER}`),
    request('COMMAND', 'GETKEYS', 'NOSUCH', VALUE),
    request('NOSUCH', VALUE, MEMBER),
    request('CONFIG', 'SET', 'requirepass', VALUE),
    request('EVAL', `return '${VALUE}'`, '0'),
    Buffer.from(`*2\r\n$3\r\nGET\r\n$${VALUE}\r\n`),
  ])
  await run([Buffer.from(`SET ${KEY} "${VALUE}\r\n`)])
  await run([Buffer.from(`*1\r\n$4\r\n${VALUE}\r\n`)])
}

/** Values that cannot be opened. */
const damage = async (): Promise<void> => {
  const backing = server.backing()
  const prefix = `kv:{${AUTOMATION}}:k:${KEY}-`
  await run([
    request('SET', `${KEY}-broken`, VALUE),
    request('HSET', `${KEY}-broken-hash`, FIELD, VALUE),
    request('RPUSH', `${KEY}-broken-list`, MEMBER, VALUE),
  ])
  const sealed = (await backing.get(`${prefix}broken`))!
  await backing.set(`${prefix}broken`, `${sealed.slice(0, -3)}AAA`)
  await backing.set(`${prefix}plain`, VALUE)
  await backing.lset(`${prefix}broken-list`, 0, sealed)
  await backing.hset(`${prefix}broken-hash`, (await backing.hkeys(`${prefix}broken-hash`))[0]!, sealed)
  for (const name of ['broken', 'plain', 'broken-list', 'broken-hash']) {
    await run([
      request('GET', `${KEY}-${name}`),
      request('INCR', `${KEY}-${name}`),
      request('APPEND', `${KEY}-${name}`, VALUE),
      request('LRANGE', `${KEY}-${name}`, '0', '-1'),
      request('HGETALL', `${KEY}-${name}`),
    ])
    await rest('GET', `/kv/${KEY}-${name}`)
    await rest('PATCH', `/kv/${KEY}-${name}`, JSON.stringify({ path: FIELD, value: VALUE }))
  }
  await backing.del(...['broken', 'plain', 'broken-list', 'broken-hash'].map((name) => `${prefix}${name}`))
}

const whileDown = async (): Promise<void> => {
  await redis.kill()
  await eventually(async () =>
    (await run([request('GET', KEY)])).map(show).some((reply) => reply.startsWith('-TRYAGAIN')),
  )
  await run(seed)
  await run([request('APPEND', `${KEY}-string`, VALUE), request('LREM', `${KEY}-list`, '0', MEMBER)])
  await rest('PUT', `/kv/${KEY}-doc`, JSON.stringify(VALUE))
  await rest('PATCH', `/kv/${KEY}-doc`, JSON.stringify({ path: FIELD, value: VALUE }))
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    const stat = statSync(path)
    return stat.isDirectory() ? filesIn(path) : stat.isFile() ? [path] : []
  })

describe('canaries in values, members, fields, messages and tokens', () => {
  test('forms finds a text in other clothes', () => {
    for (const around of ['', 'a', 'ab', 'abc']) {
      for (const encoding of ['base64', 'base64url', 'hex', 'utf8'] as const) {
        expect(found(Buffer.from(`${around}${VALUE}${around}`).toString(encoding), [VALUE])).toEqual([VALUE])
      }
    }
    expect(found('nothing of the kind', SECRETS)).toEqual([])
  })

  test('are nowhere to be seen', async () => {
    await everyCommand()
    await everyEndpoint()
    await everyMistake()
    await damage()
    const admin = await Promise.all(
      ['/', '/healthz', '/readyz', '/metrics', '/stats'].map(async (path) => {
        const response = await fetch(`http://127.0.0.1:${server.app.ports.admin}${path}`)
        return `${JSON.stringify([...response.headers])}${await response.text()}`
      }),
    )

    // What lies in the backing Redis: its answers, its files, and what it keeps about its own work.
    const backing = server.backing()
    const names = await backing.keysBuffer('*')
    expect(names.length).toBeGreaterThan(8)
    const dumps = await Promise.all(
      names.map(async (name) => Buffer.from((await backing.callBuffer('DUMP', name)) as Buffer)),
    )
    const read = await Promise.all(
      names.map(async (name) => {
        const type = await backing.type(name)
        const commands: Record<string, [string, ...(string | Buffer)[]]> = {
          string: ['GET', name],
          list: ['LRANGE', name, '0', '-1'],
          hash: ['HGETALL', name],
          set: ['SMEMBERS', name],
          zset: ['ZRANGE', name, '0', '-1', 'WITHSCORES'],
          stream: ['XRANGE', name, '-', '+'],
        }
        const [command, ...args] = commands[type]!
        return JSON.stringify(await backing.call(command, ...args))
      }),
    )
    const slow = JSON.stringify([
      await backing.call('SLOWLOG', 'GET', '1000'),
      await backing.info('everything'),
      await backing.call('CLIENT', 'LIST'),
    ])
    await backing.call('SAVE')
    await backing.call('BGREWRITEAOF').catch(() => {})
    await eventually(async () =>
      /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/.test(await backing.info('persistence')),
    )
    await whileDown()
    const files = filesIn(redis.dataDir)
    expect(files.some((file) => file.endsWith('.rdb'))).toBe(true)
    expect(files.some((file) => file.endsWith('.aof'))).toBe(true)

    const credentials = [
      token,
      token.split('.')[2]!,
      token.split('.')[1]!,
      SECRET,
      ...badTokens.filter((bad) => bad.length > 60),
    ]
    for (const file of files)
      expect([file, found(readFileSync(file), [...SECRETS, ...credentials])]).toEqual([file, []])
    for (const bytes of dumps) expect(found(bytes, [...SECRETS, ...credentials])).toEqual([])
    expect(found(read.join('\n') + slow, [...SECRETS, ...credentials])).toEqual([])
    expect(found(admin.join('\n'), [...SECRETS, ...credentials, KEY])).toEqual([])

    const logged = server.logged()
    expect(logged).toContain('"command":"hgetall"')
    expect(logged).toContain('TRYAGAIN')
    for (const line of logged.split('\n'))
      expect(found(line, [...SECRETS, ...credentials, KEY]).length > 0 ? line : '').toBe('')

    expect(respErrors.length).toBeGreaterThan(1_000)
    // As in Redis, NOGROUP tells its caller the names that he sent, of a key and of a group.
    const texts = [...new Set(respErrors)].map((text) =>
      text.startsWith('NOGROUP ') ? text.replaceAll(KEY, '').replaceAll(FIELD, '') : text,
    )
    expect(texts.filter((text) => found(text, [...SECRETS, ...credentials, KEY]).length > 0)).toEqual([])
    expect(restErrors.length).toBeGreaterThan(50)
    expect(
      [...new Set(restErrors)].filter((text) => found(text, [...SECRETS, ...credentials]).length > 0),
    ).toEqual([])
    for (const text of [...respErrors, ...restErrors])
      expect(text).not.toMatch(/ERR internal error|internal_error/)
  })
})
