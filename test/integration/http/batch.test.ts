import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KV, type RestClient, type RestServer, startRest } from '../../helpers/http.ts'

let rest: RestServer
beforeAll(async () => {
  rest = await startRest({ maxValueSize: 2_000, maxKeys: 20 })
})
afterAll(() => rest.stop())

const run = (client: RestClient, operations: unknown[], more: object = {}) =>
  client.post('batch', JSON.stringify({ ...more, operations }))

describe('POST /kv/batch', () => {
  test('runs every operation in order as one write request', async () => {
    const client = await rest.client()
    await client.put('old', '1')
    await client.post('jobs/rpush', '{"value":"first"}')
    const answer = await run(client, [
      { op: 'set', key: 'new', value: { a: 1 } },
      { op: 'set', key: 'old', value: 2, xx: true, ex: 60 },
      { op: 'incr', key: 'n' },
      { op: 'incr', key: 'n', by: 5 },
      { op: 'decr', key: 'n', by: 2 },
      { op: 'rpush', key: 'jobs', value: 'last' },
      { op: 'lpush', key: 'jobs', value: 0 },
      { op: 'lpop', key: 'jobs' },
      { op: 'rpop', key: 'jobs' },
      { op: 'rpop', key: 'nothing' },
      { op: 'patch', key: 'new', path: 'b.c', value: [1] },
      { op: 'patch', key: 'made', path: 'x', value: 1 },
      { op: 'get', key: 'new' },
      { op: 'get', key: 'nothing' },
      { op: 'delete', key: 'made' },
      { op: 'delete', key: 'nothing' },
    ])
    expect(answer.status).toBe(200)
    expect(answer.json).toEqual({
      version: 3,
      results: [
        { op: 'set', key: 'new', success: true, created: true, value: { a: 1 } },
        { op: 'set', key: 'old', success: true, created: false, value: 2 },
        { op: 'incr', key: 'n', success: true, value: 1 },
        { op: 'incr', key: 'n', success: true, value: 6 },
        { op: 'decr', key: 'n', success: true, value: 4 },
        { op: 'rpush', key: 'jobs', success: true, length: 2 },
        { op: 'lpush', key: 'jobs', success: true, length: 3 },
        { op: 'lpop', key: 'jobs', success: true, value: 0 },
        { op: 'rpop', key: 'jobs', success: true, value: 'last' },
        { op: 'rpop', key: 'nothing', success: true, value: null },
        { op: 'patch', key: 'new', success: true, path: 'b.c', value: [1] },
        { op: 'patch', key: 'made', success: true, path: 'x', value: 1 },
        { op: 'get', key: 'new', success: true, exists: true, value: { a: 1, b: { c: [1] } } },
        { op: 'get', key: 'nothing', success: true, exists: false, value: null },
        { op: 'delete', key: 'made', success: true, deleted: true },
        { op: 'delete', key: 'nothing', success: true, deleted: false },
      ],
    })
    expect(await client.version()).toBe(3)
    expect((await client.call('GET', KV)).json.keys).toEqual(['jobs', 'n', 'new', 'old'])
    expect((await client.get('old?meta=true')).json).toMatchObject({ value: 2, ttl: 60, version: 3 })
    expect((await client.get('jobs')).json.value).toEqual(['first'])
  })

  test('what changes nothing adds no version', async () => {
    const client = await rest.client()
    await client.put('k', '1')
    const answer = await run(client, [
      { op: 'get', key: 'k' },
      { op: 'delete', key: 'x' },
      { op: 'lpop', key: 'x' },
    ])
    expect(answer.json.version).toBe(1)
  })

  test('keeps numbers exact', async () => {
    const client = await rest.client()
    const body =
      '{"operations":[{"op":"set","key":"k","value":9007199254740993},{"op":"incr","key":"k","by":2},{"op":"get","key":"k"}]}'
    const { text } = await client.post('batch', body)
    expect(text).toContain('{"op":"incr","key":"k","success":true,"value":9007199254740995}')
    expect(text).toContain('{"op":"get","key":"k","success":true,"exists":true,"value":9007199254740995}')
  })

  test.each<[string, object, string]>([
    ['incr of text', { op: 'incr', key: 'text' }, 'type_mismatch'],
    ['push on text', { op: 'rpush', key: 'text', value: 1 }, 'type_mismatch'],
    ['pop from text', { op: 'lpop', key: 'text' }, 'type_mismatch'],
    ['patch of text', { op: 'patch', key: 'text', path: 'a', value: 1 }, 'type_mismatch'],
    ['bad path', { op: 'patch', key: 'o', path: 'a[', value: 1 }, 'invalid_path'],
    ['nx on a key that is there', { op: 'set', key: 'text', value: 1, nx: true }, 'key_exists'],
    ['xx on a key that is not', { op: 'set', key: 'none', value: 1, xx: true }, 'key_not_exists'],
    ['nx with xx', { op: 'set', key: 'none', value: 1, xx: true, nx: true }, 'invalid_request'],
    ['bad key', { op: 'set', key: '$x', value: 1 }, 'invalid_key'],
    ['lone surrogate in a key', { op: 'get', key: '\ud800' }, 'invalid_key'],
    ['large value', { op: 'set', key: 'k', value: 'x'.repeat(2_000) }, 'value_too_large'],
  ])('%s fails all', async (_name, failing, cause) => {
    const client = await rest.client()
    await client.put('text', '"x"')
    const fine = [
      { op: 'set', key: 'a', value: 1 },
      { op: 'delete', key: 'text' },
      { op: 'set', key: 'text', value: 'x' },
    ]
    const answer = await run(client, [...fine, failing])
    const { op } = failing as { op: string }
    expect(answer.status).toBe(400)
    const facts = { operation_index: 3, operation: op }
    expect(answer.json).toMatchObject({ error: 'operation_failed', ...facts, detail: facts })
    expect(answer.json.message).toContain(`operation 3 (${op}): ${cause}`)
    expect((await client.call('GET', KV)).json.keys).toEqual(['text'])
    expect((await client.get('text')).json.value).toBe('x')
    expect(await client.version()).toBe(1)
  })

  test('if_version', async () => {
    const client = await rest.client()
    expect((await run(client, [{ op: 'incr', key: 'n' }], { if_version: 0 })).json.version).toBe(1)
    const late = await run(client, [{ op: 'incr', key: 'n' }], { if_version: 0 })
    expect([late.status, late.headers['retry-after']]).toEqual([409, '1'])
    expect(late.json).toMatchObject({
      error: 'version_mismatch',
      expected_version: 0,
      actual_version: 1,
      detail: { expected_version: 0, actual_version: 1 },
    })
    expect((await run(client, [{ op: 'incr', key: 'n' }], { if_version: null })).json.version).toBe(2)
  })

  test.each([
    '',
    '[]',
    '{}',
    '{"operations":{}}',
    '{"operations":[]}',
    '{"operations":[1]}',
    '{"operations":[{}]}',
    '{"operations":[{"op":"get"}]}',
    '{"operations":[{"op":"flushall","key":"k"}]}',
    '{"operations":[{"op":1,"key":"k"}]}',
    '{"operations":[{"op":"get","key":1}]}',
    '{"operations":[{"op":"get","key":"k","x":1}]}',
    '{"operations":[{"op":"set","key":"k"}]}',
    '{"operations":[{"op":"incr","key":"k","by":"1"}]}',
    '{"operations":[{"op":"set","key":"k","value":1,"nx":1}]}',
    '{"operations":[{"op":"set","key":"k","value":1,"ex":0}]}',
    '{"operations":[{"op":"set","key":"k","value":1,"ex":1.5}]}',
    '{"operations":[{"op":"get","key":"k"}],"more":1}',
    '{"operations":[{"op":"get","key":"k"}],"if_version":"1"}',
    '{"operations":[{"op":"get","key":"k"}],"if_version":-1}',
    '{"operations":[{"op":"patch","key":"k","value":1}]}',
    '{"operations":[{"op":"get","key":"k","key":"l"}]}',
    `{"operations":[${Array(101).fill('{"op":"get","key":"k"}').join(',')}]}`,
  ])('%s is 422', async (body) => {
    const client = await rest.client()
    const answer = await client.post('batch', body)
    expect([answer.status, answer.json.error]).toEqual([422, 'invalid_request'])
  })

  test('100 operations, and values of 32 levels', async () => {
    const client = await rest.client()
    const deep = (levels: number): string =>
      `{"operations":[{"op":"set","key":"k","value":${'['.repeat(levels)}${']'.repeat(levels)}}]}`
    expect((await run(client, Array(100).fill({ op: 'incr', key: 'n' }))).json.results[99].value).toBe(100)
    expect((await client.post('batch', deep(32))).status).toBe(200)
    expect((await client.post('batch', deep(33))).status).toBe(400)
    expect((await client.post('batch', '{"operations":[')).json.error).toBe('invalid_value')
  })

  test('the quota holds for all of it', async () => {
    const client = await rest.client()
    const sets = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ({ op: 'set', key: `k${from + i}`, value: 1 }))
    expect((await run(client, sets(0, 15))).status).toBe(200)
    const over = await run(client, sets(15, 25))
    expect([over.status, over.json.error]).toEqual([413, 'quota_exceeded'])
    expect((await client.call('GET', KV)).json.count).toBe(15)
    expect((await run(client, sets(15, 20))).status).toBe(200)
    const put = await client.put('more', '1')
    expect([put.status, put.json.error]).toEqual([413, 'quota_exceeded'])
    expect((await client.put('k1', '2')).status).toBe(200)
  })

  test('no batch loses another, none is seen half', async () => {
    const client = await rest.client()
    const moves = Array.from({ length: 30 }, () =>
      run(client, [
        { op: 'incr', key: 'a' },
        { op: 'decr', key: 'b' },
      ]),
    )
    const looks = Array.from({ length: 30 }, async () => {
      const { results } = (
        await run(client, [
          { op: 'get', key: 'a' },
          { op: 'get', key: 'b' },
        ])
      ).json
      return (results[0].value ?? 0) + (results[1].value ?? 0)
    })
    expect(new Set(await Promise.all(looks))).toEqual(new Set([0]))
    await Promise.all(moves)
    expect([(await client.get('a')).json.value, (await client.get('b')).json.value]).toEqual([30, -30])
    expect(await client.version()).toBe(30)
  })
})

test('results larger than 16 MiB together are refused, and nothing is written', async () => {
  const large = await startRest({ redis: rest.redis })
  const client = await large.client()
  await client.put('large', JSON.stringify('x'.repeat(1_000_000)))
  const gets = Array.from({ length: 20 }, () => ({ op: 'get', key: 'large' }))
  const refused = await run(client, [{ op: 'incr', key: 'beside-results' }, ...gets])
  expect([refused.status, refused.json.error]).toEqual([413, 'value_too_large'])
  expect((await client.get('beside-results')).status).toBe(404)
  expect((await run(client, gets.slice(0, 10))).status).toBe(200)
  await large.stop()
})
