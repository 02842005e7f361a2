import { createSecretKey, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mintToken } from '../../../src/auth/mint.ts'
import { type Automation, Automations } from '../../../src/automation/automation.ts'
import { Keyring } from '../../../src/automation/keyring.ts'
import { IdempotencyRecord } from '../../../src/engine/idempotency/idempotency-record.ts'
import { type Answer, KV, type RestClient, type RestServer, SECRET, startRest } from '../../helpers/http.ts'
import { startRedis } from '../../helpers/redis.ts'
import { Cluster } from '../../reliability/cluster.ts'

let rest: RestServer
let other: RestServer
beforeAll(async () => {
  rest = await startRest()
  other = await startRest({ redis: rest.redis })
})
afterAll(async () => {
  await other.stop()
  await rest.stop()
})

interface Request {
  readonly method: string
  readonly path: string
  readonly body?: string
}

const send = (
  client: RestClient,
  key: string,
  { method, path, body }: Request,
  token = client.token,
): Promise<Answer> =>
  client.call(method, `${KV}/${path}`, {
    ...(body === undefined ? {} : { body }),
    headers: { 'idempotency-key': key },
    token,
  })

const replayed = ({ headers }: Answer): boolean => headers['idempotency-replayed'] === 'true'

/** What a caller sees of an answer, but for the moment it was sent and the sign of a replay. */
const seen = ({
  status,
  text,
  headers: { date: _, 'idempotency-replayed': __, ...headers },
}: Answer): unknown => [status, text, headers]

const receiptsOf = async (automation: string): Promise<Buffer[]> =>
  (await rest.command(['KEYS', `kv:{${automation}}:r:*`])) as Buffer[]

const WRITES: readonly Request[] = [
  { method: 'PUT', path: 'new', body: '{"a":1.10}' },
  { method: 'PUT', path: 'doc?ex=100&xx=true', body: '"next"' },
  { method: 'PUT', path: 'made?nx=true', body: '1' },
  { method: 'PATCH', path: 'doc', body: '{"path":"b.c","value":[9007199254740993]}' },
  { method: 'DELETE', path: 'doc' },
  { method: 'DELETE', path: 'nothing' },
  { method: 'POST', path: 'n/incr' },
  { method: 'POST', path: 'n/incr', body: '{"by":9007199254740993}' },
  { method: 'POST', path: 'n/decr', body: '{"by":2}' },
  { method: 'POST', path: 'list/lpush', body: '{"value":"x"}' },
  { method: 'POST', path: 'list/rpush', body: '{"value":{"y":1}}' },
  { method: 'POST', path: 'array/rpush', body: '{"value":3}' },
  { method: 'POST', path: 'list/lpop' },
  { method: 'POST', path: 'array/rpop' },
  { method: 'POST', path: 'nothing/rpop' },
  {
    method: 'POST',
    path: 'batch',
    body: '{"operations":[{"op":"incr","key":"n"},{"op":"lpop","key":"list"},{"op":"get","key":"doc"}]}',
  },
  { method: 'POST', path: 'batch', body: '{"if_version":5,"operations":[{"op":"delete","key":"nothing"}]}' },
]

/** Found by looking at the data. */
const REFUSALS: readonly (readonly [status: number, request: Request])[] = [
  [409, { method: 'PUT', path: 'doc?nx=true', body: '1' }],
  [409, { method: 'PUT', path: 'nothing?xx=true', body: '1' }],
  [409, { method: 'PUT', path: 'doc?if_version=1', body: '1' }],
  [409, { method: 'DELETE', path: 'doc?if_version=1' }],
  [404, { method: 'PATCH', path: 'nothing', body: '{"path":"a","value":1}' }],
  [400, { method: 'PATCH', path: 'n', body: '{"path":"a","value":1}' }],
  [400, { method: 'POST', path: 'doc/incr' }],
  [400, { method: 'POST', path: 'doc/rpush', body: '{"value":1}' }],
  [
    400,
    {
      method: 'POST',
      path: 'batch',
      body: '{"operations":[{"op":"incr","key":"n"},{"op":"incr","key":"doc"}]}',
    },
  ],
  [409, { method: 'POST', path: 'batch', body: '{"if_version":1,"operations":[{"op":"incr","key":"n"}]}' }],
]

const name = ({ method, path, body = '' }: Request): string => `${method} ${path} ${body.slice(0, 60)}`

async function filled(): Promise<RestClient> {
  const client = await rest.client()
  await client.put('doc', '{"a":1}')
  await client.put('n', '7')
  await client.put('array', '[1,2]')
  await client.post('list/rpush', '{"value":"first"}')
  await client.post('list/rpush', '{"value":"second"}')
  return client
}

/** Whatever was there is another thing now. */
async function stir(client: RestClient): Promise<void> {
  for (const key of ['doc', 'n', 'array', 'list', 'new', 'made', 'nothing']) {
    await client.delete(key)
    await client.put(key, '{"other":true}')
  }
}

describe('a retry', () => {
  test.each(WRITES.map((request) => [name(request), request] as const))('of %s', async (_, write) => {
    const [client, plain] = [await filled(), await filled()]
    const first = await send(client, 'key-1', write)
    expect(first.status).toBeLessThan(300)
    expect(replayed(first)).toBe(false)
    const { method, path, body } = write
    const unkeyed = await plain.call(method, `${KV}/${path}`, body === undefined ? {} : { body })
    const timeless = (text: string): string => text.replace(/"updated_at":"[^"]*"/, '')
    expect([first.status, timeless(first.text)]).toEqual([unkeyed.status, timeless(unkeyed.text)])
    expect(await client.version()).toBe(await plain.version())
    await stir(client)
    const version = await client.version()
    for (const server of [client, await other.client()]) {
      const again = await send(server, 'key-1', write, client.token)
      expect(seen(again)).toEqual(seen(first))
      expect(replayed(again)).toBe(true)
    }
    expect(await client.version()).toBe(version)
    const { json } = await client.call('GET', `${KV}/doc`)
    expect(json.value).toEqual({ other: true })
  })

  test.each(REFUSALS.map(([status, request]) => [name(request), status, request] as const))(
    'of a refused %s',
    async (_, status, write) => {
      const client = await filled()
      const first = await send(client, 'key-1', write)
      expect(first.status).toBe(status)
      expect(replayed(first)).toBe(false)
      const unkeyed = await client.call(
        write.method,
        `${KV}/${write.path}`,
        write.body === undefined ? {} : { body: write.body },
      )
      expect(seen(first)).toEqual(seen(unkeyed))
      expect(await client.version()).toBe(5)
      await stir(client)
      const again = await send(client, 'key-1', write)
      expect(seen(again)).toEqual(seen(first))
      expect(replayed(again)).toBe(true)
    },
  )

  test('of many requests at once through two servers: one write, and one answer for all', async () => {
    const client = await rest.client()
    const sibling = await other.client()
    const write: Request = { method: 'POST', path: 'n/incr' }
    for (let round = 1; round <= 5; round++) {
      const calls = Array.from({ length: 20 }, (_, i) =>
        send(i % 2 === 0 ? client : sibling, `key-${round}`, write, client.token),
      )
      const answers = await Promise.all(calls)
      expect(new Set(answers.map(({ text }) => text))).toEqual(new Set([`{"key":"n","value":${round}}`]))
      expect(answers.filter(replayed)).toHaveLength(19)
    }
    expect(await client.version()).toBe(5)
  })

  test('many keys at once, each three times, beside writes without: none lost, none doubled', async () => {
    const client = await rest.client()
    const sibling = await other.client()
    const write: Request = { method: 'POST', path: 'n/incr' }
    const calls = Array.from({ length: 50 }, (_, i) => [
      client.post('n/incr'),
      ...[client, client, sibling].map((server) => send(server, `key-${i}`, write, client.token)),
    ])
    const answers = await Promise.all(calls.map((four) => Promise.all(four)))
    for (const [, ...same] of answers) {
      expect(new Set(same.map(({ text }) => text)).size).toBe(1)
      expect(same.filter(replayed)).toHaveLength(2)
    }
    expect((await client.get('n')).json.value).toBe(100)
    expect(await client.version()).toBe(100)
  })

  test('after FLUSHDB does not write again', async () => {
    const client = await rest.client()
    const first = await send(client, 'key-1', { method: 'PUT', path: 'k', body: '1' })
    await rest.store.flush(new Automations(Keyring.fromSettings({ secret: SECRET })).get(client.automation))
    expect(seen(await send(client, 'key-1', { method: 'PUT', path: 'k', body: '1' }))).toEqual(seen(first))
    expect((await client.get('k')).status).toBe(404)
  })
})

describe('what is no retry', () => {
  const write: Request = { method: 'POST', path: 'n/incr', body: '{"by":1}' }

  test.each<[string, Request]>([
    ['another body', { ...write, body: '{"by":2}' }],
    ['no body', { method: 'POST', path: 'n/incr' }],
    ['another key of the store', { ...write, path: 'm/incr' }],
    ['another parameter', { ...write, path: 'n/incr?x=1' }],
    ['another endpoint', { ...write, path: 'n/decr' }],
    ['another method', { method: 'PUT', path: 'n', body: '{"by":1}' }],
  ])('%s: 422, and nothing is written', async (_, changed) => {
    const client = await rest.client()
    await send(client, 'key-1', write)
    const answer = await send(client, 'key-1', changed)
    expect(answer.status).toBe(422)
    expect(answer.json).toEqual({
      error: 'idempotency_key_reused',
      message: 'this idempotency key came with another request before',
      detail: 'idempotency_key_reused: this idempotency key came with another request before',
    })
    expect(replayed(answer)).toBe(false)
    expect(await client.version()).toBe(1)
    expect(replayed(await send(client, 'key-1', write))).toBe(true)
  })

  test('another run, a token without a run, another automation, another key', async () => {
    const client = await rest.client()
    const { automation: automationId } = client
    const tokens = await Promise.all([
      mintToken({ secret: SECRET, automationId, runId: 'run-2', ttlSeconds: 60 }),
      mintToken({ secret: SECRET, automationId, ttlSeconds: 60 }),
      mintToken({ secret: SECRET, automationId: `${automationId}-b`, runId: 'run-1', ttlSeconds: 60 }),
    ])
    const values = [(await send(client, 'key', write)).json.value]
    for (const token of tokens) values.push((await send(client, 'key', write, token)).json.value)
    values.push((await send(client, 'kez', write)).json.value)
    expect(values).toEqual([1, 2, 3, 1, 4])
    // A new token of the same run
    const same = await mintToken({ secret: SECRET, automationId, runId: 'run-1', ttlSeconds: 99 })
    expect(replayed(await send(client, 'key', write, same))).toBe(true)
  })

  test('a request that could not be read, and one that was over quota', async () => {
    const small = await startRest({ redis: rest.redis, maxKeys: 1 })
    try {
      const client = await small.client()
      const tenantToken = await mintToken({
        secret: SECRET,
        automationId: `${client.automation}-small`,
        runId: 'run-1',
        ttlSeconds: 60,
      })
      expect((await send(client, 'key', { method: 'PUT', path: 'k', body: '{' }, tenantToken)).status).toBe(
        400,
      )
      expect((await send(client, 'key', { method: 'PUT', path: 'k', body: '1' }, tenantToken)).status).toBe(
        201,
      )
      const second: Request = { method: 'PUT', path: 'l', body: '1' }
      expect((await send(client, 'key-2', second, tenantToken)).json.error).toBe('quota_exceeded')
      await client.call('DELETE', `${KV}/k`, { token: tenantToken })
      const made = await send(client, 'key-2', second, tenantToken)
      expect([made.status, replayed(made)]).toEqual([201, false])
    } finally {
      await small.stop()
    }
  })

  test('a request that met an outage', async () => {
    const alone = await startRest({ redis: await startRedis({ aof: true }) })
    try {
      const client = await alone.client()
      await alone.redis.kill()
      expect((await send(client, 'key', write)).status).toBe(503)
      await alone.redis.restart()
      let answer: Answer
      do answer = await send(client, 'key', write)
      while (answer.status === 503)
      expect([answer.text, replayed(answer)]).toEqual(['{"key":"n","value":1}', false])
    } finally {
      await alone.stop()
      await alone.redis.stop()
    }
  })
})

describe('the header', () => {
  const write: Request = { method: 'POST', path: 'n/incr' }

  test.each([
    ['empty', ''],
    ['empty in quotes', '""'],
    ['too long', 'x'.repeat(256)],
    ['with a control character', 'a\tb'],
    ['half in quotes', '"abc'],
    ['two strings', '"a", "b"'],
  ])('%s: 400', async (_, key) => {
    const client = await rest.client()
    for (const request of WRITES.slice(0, 1).concat(write)) {
      const answer = await send(client, key, request)
      expect(answer.status).toBe(400)
      expect(answer.json.error).toBe('invalid_idempotency_key')
    }
    expect(await client.version()).toBe(0)
  })

  test('twice: 400', async () => {
    const client = await rest.client()
    const { port } = new URL(rest.url)
    const headers = [
      'host',
      'localhost',
      'authorization',
      `Bearer ${client.token}`,
      'idempotency-key',
      'a',
      'idempotency-key',
      'b',
      'content-length',
      '0',
    ]
    const call = request({ port, method: 'POST', path: `${KV}/n/incr`, headers })
    call.end()
    const [response] = await once(call, 'response')
    response.resume()
    expect(response.statusCode).toBe(400)
    expect(await client.version()).toBe(0)
  })

  test('a quoted string, as the draft has it, and the bare text are the same key', async () => {
    const client = await rest.client()
    await send(client, '"8e03978e-\\"1\\""', write)
    expect(replayed(await send(client, '8e03978e-"1"', write))).toBe(true)
    expect((await send(client, 'x'.repeat(255), write)).json.value).toBe(2)
  })

  test('is passed over by what only reads', async () => {
    const client = await filled()
    const batch: Request = { method: 'POST', path: 'batch', body: '{"operations":[{"op":"get","key":"n"}]}' }
    for (const read of [
      { method: 'GET', path: 'n' },
      { method: 'GET', path: 'list/len' },
      { method: 'GET', path: 'n?meta=true' },
      batch,
    ]) {
      for (let i = 0; i < 2; i++) {
        const answer = await send(client, 'key', read)
        expect([answer.status, replayed(answer)]).toEqual([200, false])
      }
    }
    expect(await receiptsOf(client.automation)).toEqual([])
  })
})

describe('in the backing Redis', () => {
  test('what is kept is sealed, lasts 24 hours, and is no key of the automation', async () => {
    const client = await rest.client()
    const texts = ['canary-key', 'canary-value', 'canary-name', 'run-1', 'rpush']
    await send(client, 'canary-key', {
      method: 'POST',
      path: 'canary-name/rpush',
      body: '{"value":"canary-value"}',
    })
    await send(client, 'canary-key-2', { method: 'POST', path: 'canary-name/lpop' })
    const receipts = await receiptsOf(client.automation)
    expect(receipts).toHaveLength(2)
    for (const idempotency of receipts) {
      expect(idempotency.toString()).toMatch(/:r:[\w-]{43}$/)
      const stored = ((await rest.command(['GET', idempotency])) as Buffer).toString()
      expect(stored).toMatch(/^[12]:\d{13}:eyJ[\w-]+\.\.[\w-]{16}\.[\w-]+\.[\w-]{22}$/)
      const shown = [
        idempotency.toString(),
        stored,
        ...stored.split(/[.:]/).map((part) => Buffer.from(part, 'base64url').toString('latin1')),
      ]
      for (const text of texts) expect(shown.join('\n')).not.toContain(text)
      const ttl = (await rest.command(['PTTL', idempotency])) as number
      expect(ttl).toBeGreaterThan(86_340_000)
      expect(ttl).toBeLessThanOrEqual(86_400_000)
    }
    expect((await client.call('GET', KV)).json).toEqual({ keys: ['canary-name'], count: 1 })
    expect(await rest.command(['HLEN', `kv:{${client.automation}}:i`])).toBe(1)
    expect(await client.version()).toBe(2)
    expect(JSON.stringify(rest.lines)).not.toContain('canary')
  })

  test('nothing is kept without the header', async () => {
    const client = await filled()
    expect(await receiptsOf(client.automation)).toEqual([])
  })

  test('what was damaged, or put in place of another, is refused, and nothing is written', async () => {
    const client = await rest.client()
    const write: Request = { method: 'POST', path: 'n/incr' }
    await send(client, 'a', write)
    const [a] = await receiptsOf(client.automation)
    await send(client, 'b', write)
    const b = (await receiptsOf(client.automation)).find((idempotency) => !idempotency.equals(a!))!
    const stored = (await rest.command(['GET', a!])) as Buffer
    const broken = Buffer.from(stored)
    broken[broken.length - 30]! ^= 1
    for (const [at, content] of [
      [b, stored],
      [a!, broken],
      [a!, Buffer.from('x')],
      [a!, Buffer.from('1:1:')],
    ] as const) {
      await rest.command(['SET', at, content])
      const answer = await send(client, at === a ? 'a' : 'b', write)
      expect([answer.status, answer.json.error]).toEqual([500, 'value_unreadable'])
    }
    expect((await client.get('n')).json.value).toBe(2)
  })

  test('is found when the order of the root keys has changed, or is being changed', async () => {
    const roots = ['old', 'new'].map((kid) => ({ kid, root: createSecretKey(randomBytes(32)) }))
    const before = new Automations(new Keyring(roots)).get(`rotated-${process.pid}`)
    const after = new Automations(new Keyring(roots.toReversed())).get(`rotated-${process.pid}`)
    const increment = (
      store: RestServer['store'],
      automation: Automation,
      idempotency: IdempotencyRecord,
    ): Promise<string> =>
      new Promise((resolve, reject) => {
        const key = Buffer.from('n')
        store.compute(automation, {
          needs: [{ name: key, extent: 'all' }],
          run: (db) => {
            const sum = String(Number(db.bytes(key) ?? 0) + 1)
            db.setBytes(key, Buffer.from(sum))
            return sum
          },
          idempotency,
          done: (error, result) => (error === null ? resolve(result!) : reject(error)),
        })
      })
    const calls: Promise<string>[] = []
    for (let i = 0; i < 10; i++) {
      calls.push(increment(rest.store, before, new IdempotencyRecord(before, 'run', 'key', '')))
      calls.push(increment(other.store, after, new IdempotencyRecord(after, 'run', 'key', '')))
    }
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['1']))
    expect(await increment(rest.store, after, new IdempotencyRecord(after, 'run', 'key', ''))).toBe('1')
  })
})

describe('a server that ends with kill -9', () => {
  test.each([
    ['after the write and before its answer', 'commit:after:1', true],
    ['before the write', 'commit:before:1', false],
  ])('%s: the retry at another server gives the one answer', async (_, crash, written) => {
    const cluster = await Cluster.start(2)
    try {
      const token = await cluster.token('crashed')
      const post = async (httpPort: number): Promise<Response> =>
        fetch(`http://127.0.0.1:${httpPort}${KV}/n/incr`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${token}`,
            'idempotency-key': 'key-1',
            'content-type': 'application/json',
          },
          body: '{"by":5}',
        })
      await cluster.kill(0)
      const { httpPort, process: child } = await cluster.launch(0, crash)
      const ended = once(child, 'exit')
      await expect(post(httpPort)).rejects.toThrow()
      expect((await ended)[1]).toBe('SIGKILL')
      const there = await cluster.onRedis((redis) => redis.get('kv:{crashed}:v'))
      expect(there).toBe(written ? '1' : null)
      for (const expected of [written ? 'true' : null, 'true']) {
        const answer = await post(cluster.member(1)!.httpPort)
        expect([answer.status, await answer.text()]).toEqual([200, '{"key":"n","value":5}'])
        expect(answer.headers.get('idempotency-replayed')).toBe(expected)
      }
      expect(await cluster.onRedis((redis) => redis.get('kv:{crashed}:v'))).toBe('1')
    } finally {
      await cluster.stop()
    }
  })
})
