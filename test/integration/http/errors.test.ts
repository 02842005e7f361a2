import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mintToken } from '../../../src/auth/mint.ts'
import { Automations } from '../../../src/automation/automation.ts'
import { Keyring } from '../../../src/automation/keyring.ts'
import type { Store } from '../../../src/engine/store.ts'
import { KvError } from '../../../src/errors/errors.ts'
import { Turns } from '../../../src/fair-share/turns.ts'
import { Gate } from '../../../src/gate/gate.ts'
import type { LogFields } from '../../../src/observability/log.ts'
import { createHttpServer } from '../../../src/servers/rest/rest-server.ts'
import { KV, type RestServer, SECRET, startRest } from '../../helpers/http.ts'

let rest: RestServer
beforeAll(async () => {
  rest = await startRest()
})
afterAll(() => rest.stop())

describe('tokens', () => {
  const mint = (more: object) =>
    mintToken({ secret: SECRET, automationId: 'someone', ttlSeconds: 60, ...more })

  test('missing or wrong: 401 with WWW-Authenticate', async () => {
    const client = await rest.client()
    const foreign = await mint({ secret: 'another secret of the tests, long enough' })
    const tokens: (string | null)[] = [null, 'nonsense', `${client.token}x`, foreign]
    for (const token of tokens) {
      const answer = await client.call('GET', `${KV}/k`, { token })
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer'])
      expect(answer.json).toMatchObject({ error: 'unauthorized', detail: 'unauthorized' })
    }
    for (const authorization of [
      `Basic ${client.token}`,
      client.token,
      'Bearer',
      'Bearer ',
      `Bearer a ${client.token}`,
    ]) {
      expect((await client.call('GET', `${KV}/k`, { token: null, headers: { authorization } })).status).toBe(
        401,
      )
    }
    expect(
      (await client.call('GET', KV, { token: null, headers: { authorization: `bearer  ${client.token}` } }))
        .status,
    ).toBe(200)
  })

  test('expired: 403 token_expired', async () => {
    const client = await rest.client()
    const token = await mint({ now: () => Date.now() - 120_000 })
    const answer = await client.call('GET', `${KV}/k`, { token })
    expect([answer.status, answer.json.error, answer.json.detail]).toEqual([
      403,
      'token_expired',
      'token_expired',
    ])
  })

  test('one that may only read cannot write', async () => {
    const client = await rest.client('kv:read')
    const body = '{"value":1}'
    const refused = await Promise.all([
      client.put('k', '1'),
      client.patch('k', body),
      client.delete('k'),
      client.post('k/incr'),
      client.post('k/decr'),
      client.post('k/lpush', body),
      client.post('k/rpush', body),
      client.post('k/lpop'),
      client.post('k/rpop'),
      client.post('batch', '{"operations":[{"op":"delete","key":"k"}]}'),
    ])
    expect(refused.map(({ status }) => status)).toEqual(Array(10).fill(403))
    expect((await client.call('GET', KV)).status).toBe(200)
    expect((await client.get('k')).status).toBe(404)
    expect((await client.post('batch', '{"operations":[{"op":"get","key":"k"}]}')).status).toBe(200)
    expect(await client.version()).toBe(0)
  })

  test('the body of a stranger is not read', async () => {
    const client = await rest.client()
    const answer = await client.call('PUT', `${KV}/k`, {
      token: null,
      body: '{',
      headers: { 'content-type': 'text/plain' },
    })
    expect(answer.status).toBe(401)
  })
})

describe('addresses', () => {
  test.each(['/', '/api/automation/v1', `${KV}/k/unknown`, `${KV}/k/incr/more`, '/api/automation/v2/kv'])(
    '%s is 404',
    async (path) => {
      const client = await rest.client()
      for (const method of ['GET', 'POST']) {
        const answer = await client.call(method, path, {
          body: 'x',
          headers: { 'content-type': 'text/plain' },
        })
        expect([answer.status, answer.json]).toEqual([
          404,
          { error: 'not_found', message: expect.any(String), detail: 'not_found' },
        ])
      }
    },
  )

  test.each([
    ['POST', '', 'GET'],
    ['DELETE', '', 'GET'],
    ['POST', '/k', 'GET, PUT, PATCH, DELETE'],
    ['OPTIONS', '/k', 'GET, PUT, PATCH, DELETE'],
    ['GET', '/k/incr', 'POST'],
    ['PUT', '/k/rpush', 'POST'],
    ['POST', '/k/len', 'GET'],
  ])('%s %s is 405', async (method, path, allow) => {
    const client = await rest.client()
    const answer = await client.call(method, `${KV}${path}`)
    expect([answer.status, answer.headers.allow]).toEqual([405, allow])
    expect(answer.json).toMatchObject({ error: 'method_not_allowed', detail: 'method_not_allowed' })
  })

  test('what is not HTTP gets an error in the same shape', async () => {
    const socket = connect(Number(new URL(rest.url).port), '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.end('NOT HTTP\r\n\r\n')
    await new Promise((resolve) => socket.once('close', resolve))
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toMatchObject({ error: 'invalid_request' })
  })
})

describe('failures beneath', () => {
  const failing = (error: Error, verify?: () => Promise<never>) => {
    const lines: LogFields[] = []
    const log = (fields: LogFields): void => void lines.push(fields)
    const identity = {
      automationId: 'a',
      runId: 'r',
      expiresAt: Infinity,
      issuedAt: undefined,
      readOnly: false,
    }
    type Done = (error: Error, ...rest: unknown[]) => void
    const store = {
      read: (_automation: unknown, _command: unknown, done: Done) => done(error, null),
      tellsEvents: () => false,
      write: (_automation: unknown, _operations: unknown, done: Done) => done(error, [], {}),
      backing: {
        script: (_automation: unknown, _script: unknown, _writes: unknown, _args: unknown, done: Done) =>
          done(error),
      },
      compute: (_automation: unknown, { done }: { done: Done }) => done(error),
    } as unknown as Store
    const app = createHttpServer({
      store,
      automations: new Automations(Keyring.fromSettings({ secret: SECRET })),
      verifier:
        verify === undefined
          ? { cached: () => identity, verify: async () => identity }
          : { cached: () => undefined, verify },
      log: { debug: log, info: log, warn: log, error: log, enabled: () => true },
      gate: new Gate({ maxKeyLength: 255, maxKeysPerCommand: 4_096, maxValueSize: 1_000 }),
      turns: new Turns(() => {}),
      maxValueSize: 1_000,
      maxRequestSize: 4_000,
    })
    const ask = (method: 'GET' | 'PUT' | 'POST', path: string) =>
      app.inject({
        method,
        url: `${KV}${path}`,
        headers: { authorization: 'Bearer x.y.z', 'content-type': 'application/json' },
        ...(method === 'PUT' ? { payload: '1' } : {}),
      })
    return { ask, lines }
  }

  test.each([
    ['busy', 409, 'kv_store_busy', '1'],
    ['unavailable', 503, 'unavailable', '1'],
    ['outcome_unknown', 503, 'unavailable', '1'],
    ['backing_refused', 503, 'unavailable', '1'],
    ['quota_exceeded', 413, 'quota_exceeded', undefined],
    ['unreadable', 500, 'value_unreadable', undefined],
  ] as const)('%s: %i %s', async (code, status, error, retry) => {
    const { ask } = failing(
      code === 'backing_refused'
        ? new KvError(code, { prefix: 'OOM' })
        : code === 'quota_exceeded'
          ? new KvError(code, { used: '2', allowed: '2', limit: 'bytes' })
          : new KvError(code),
    )
    for (const answer of await Promise.all([
      ask('GET', '/k'),
      ask('PUT', '/k'),
      ask('POST', '/k/incr'),
      ask('GET', ''),
    ])) {
      expect([answer.statusCode, answer.json().error, answer.headers['retry-after']]).toEqual([
        status,
        error,
        retry,
      ])
      expect(answer.json().detail).toMatch(new RegExp(`^${error}: `))
    }
  })

  test('an outcome that is unknown is said to be', async () => {
    expect((await failing(new KvError('outcome_unknown')).ask('PUT', '/k')).json().message).toContain(
      'unknown',
    )
  })

  test('a revoked token: 403 token_revoked', async () => {
    const { ask } = failing(new Error('not reached'), () => Promise.reject(new KvError('token_revoked')))
    expect([(await ask('GET', '/k')).statusCode, (await ask('GET', '/k')).json().error]).toEqual([
      403,
      'token_revoked',
    ])
  })

  test('an unforeseen error tells nobody its text', async () => {
    const { ask, lines } = failing(new TypeError('canary'))
    const answer = await ask('PUT', '/k')
    expect([answer.statusCode, answer.json().error]).toEqual([500, 'internal_error'])
    expect(answer.body + JSON.stringify(lines)).not.toContain('canary')
    expect(lines.some(({ reason }) => reason?.startsWith('TypeError at '))).toBe(true)
  })

  test('a Redis that is gone: 503 with Retry-After, and service when it is back', async () => {
    const own = await startRest()
    try {
      const client = await own.client()
      await client.put('k', '1')
      await own.redis.kill()
      await expect.poll(async () => (await client.get('k')).status).toBe(503)
      for (const answer of [
        await client.get('k'),
        await client.put('k', '2'),
        await client.post('k/incr'),
        await client.call('GET', KV),
      ]) {
        expect([answer.status, answer.json.error, answer.headers['retry-after']]).toEqual([
          503,
          'unavailable',
          '1',
        ])
      }
      await own.redis.restart()
      await expect.poll(async () => (await client.put('k', '3')).status, { timeout: 5_000 }).toBe(201)
    } finally {
      await own.stop()
    }
  })
})

test('no key, value or token reaches a log, an error or the backing Redis', async () => {
  const client = await rest.client()
  const canary = 'canary-5c1a'
  const doc = `{"${canary}-name":"${canary}"}`
  await client.put(`${canary}-key`, doc)
  await client.patch(`${canary}-key`, `{"path":"${canary}-path","value":"${canary}"}`)
  await client.post('list/rpush', `{"value":"${canary}"}`)
  await client.post('list/rpush', `{"value":"${canary}2"}`)
  await client.put('array', `["${canary}","${canary}2","${canary}3"]`)
  await client.post('array/lpop')
  await client.post(
    'batch',
    `{"operations":[{"op":"set","key":"b","value":"${canary}"},{"op":"rpush","key":"c","value":"${canary}"}]}`,
  )
  const errors = await Promise.all([
    client.post(`${canary}-key/incr`),
    client.post(`${canary}-key/rpush`, `{"value":"${canary}"}`),
    client.get(`${canary}-none`),
    client.get(`${canary}-key?path=${canary}[`),
    client.put('k', `{"${canary}"`),
    client.patch(`${canary}-key`, `{"${canary}":1}`),
    client.get(`%zz${canary}`),
    client.call('GET', `/${canary}`),
    client.put(`k?ex=${canary}`, '1'),
    client.post('batch', `{"operations":[{"op":"${canary}","key":"${canary}"}]}`),
    client.post('batch', `{"operations":[{"op":"incr","key":"b"}]}`),
    client.call('GET', `${KV}/k`, { token: canary }),
  ])
  for (const { status, text } of errors) {
    expect(status).toBeGreaterThanOrEqual(400)
    expect(text).not.toContain(canary)
  }
  const logged = JSON.stringify(rest.lines)
  expect(logged).not.toContain(canary)
  expect(logged).not.toContain(client.token)
  const names = (await rest.command(['KEYS', '*'])) as Buffer[]
  const stored: string[] = []
  for (const name of names.map(String).filter((name) => name.includes(client.automation))) {
    const type = String(await rest.command(['TYPE', name]))
    if (type === 'string') stored.push(String(await rest.command(['GET', name])))
    if (type === 'list')
      stored.push(...((await rest.command(['LRANGE', name, 0, -1])) as Buffer[]).map(String))
  }
  expect(stored.length).toBeGreaterThanOrEqual(8)
  expect(stored.join('\n')).not.toContain(canary)
  expect(
    stored
      .filter((text) => !/^\d+$/.test(text))
      .every((text) => /^eyJ[\w-]+\.\.[\w-]{16}\.[\w-]*\.[\w-]{22}$/.test(text)),
  ).toBe(true)
})

test('each request is one line, with the pattern of its route', async () => {
  const client = await rest.client()
  const before = rest.lines.length
  await client.put('secret-name', '1')
  await client.get('secret-none')
  await expect.poll(() => rest.lines.length).toBe(before + 2)
  const common = {
    automation: client.automation,
    run: 'run-1',
    route: '/api/automation/v1/kv/:key',
    durationMs: expect.any(Number),
  }
  expect(rest.lines.slice(before).map(({ fields }) => fields)).toEqual([
    { ...common, method: 'PUT', status: 201, outcome: 'ok' },
    { ...common, method: 'GET', status: 404, outcome: 'key_not_found' },
  ])
})
