import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KV, type RestServer, startRest } from '../../helpers/http.ts'

let rest: RestServer
beforeAll(async () => {
  rest = await startRest({ maxValueSize: 2_000 })
})
afterAll(() => rest.stop())

describe('PATCH', () => {
  test('sets a part, keeps the rest of the text and the TTL', async () => {
    const client = await rest.client()
    await client.put('k?ex=100', '{ "z": 9007199254740993, "a": {"b":1} }')
    const patched = await client.patch('k', '{"path":"a.b","value": 1.10 }')
    expect(patched.status).toBe(200)
    expect(patched.text).toMatch(
      /^\{"key":"k","path":"a\.b","value":1\.10,"version":2,"updated_at":"\d{4}-.*Z"\}$/,
    )
    expect((await client.patch('k', '{"path":"new.deep[\\"x.y\\"]","value":null}')).status).toBe(200)
    const read = await client.get('k?meta=true')
    expect(read.text).toContain(
      '"value":{ "z": 9007199254740993, "a": {"b":1.10},"new":{"deep":{"x.y":null}} }',
    )
    expect(read.json).toMatchObject({ ttl: 100, version: 3 })
    expect((await client.patch('k', '{"path":"__proto__","value":1}')).status).toBe(200)
    expect((await client.get('k?path=__proto__')).json.value).toBe(1)
  })

  test.each([
    ['missing', '{"path":"a","value":1}', 404, 'key_not_found'],
    ['list', '{"path":"a","value":1}', 400, 'type_mismatch'],
    ['list', '{"path":"[0]","value":1}', 400, 'type_mismatch'],
    ['text', '{"path":"a","value":1}', 400, 'type_mismatch'],
    ['object', '{"path":"n.x","value":1}', 400, 'type_mismatch'],
    ['object', '{"path":"a[","value":1}', 400, 'invalid_path'],
    ['object', '{"path":"l[9]","value":1}', 400, 'invalid_path'],
    ['object', '{"path":"","value":1}', 400, 'invalid_path'],
    ['object', '{"path":"a","value":}', 400, 'invalid_value'],
    ['object', `{"path":"a.b","value":${'['.repeat(31)}${']'.repeat(31)}}`, 400, 'invalid_value'],
    ['object', `{"path":"a","value":${'['.repeat(33)}${']'.repeat(33)}}`, 400, 'invalid_value'],
    ['object', `{"path":"a","value":"${'x'.repeat(1_990)}"}`, 413, 'value_too_large'],
    ['object', `{"path":"a","value":"${'x'.repeat(2_990)}"}`, 413, 'value_too_large'],
    ['object', '{"path":"a"}', 422, 'invalid_request'],
    ['object', '{"value":1}', 422, 'invalid_request'],
    ['object', '{"path":1,"value":1}', 422, 'invalid_request'],
    ['object', '{"path":"a","value":1,"more":1}', 422, 'invalid_request'],
    ['object', '{"path":"a","path":"b","value":1}', 422, 'invalid_request'],
    ['object', '[]', 422, 'invalid_request'],
    ['object', '', 422, 'invalid_request'],
  ])('%s %s: %i %s', async (key, body, status, error) => {
    const client = await rest.client()
    await client.put('list', '[1]')
    await client.put('text', '"x"')
    await client.put('object', '{"n":1,"l":[]}')
    const answer = await client.patch(key, body)
    expect([answer.status, answer.json.error]).toEqual([status, error])
    expect(String(answer.json.detail).startsWith(error)).toBe(true)
    expect((await client.get('object')).json.value).toEqual({ n: 1, l: [] })
    expect(await client.version()).toBe(3)
  })
})

describe('incr and decr', () => {
  test('count from 0 or from what is there, exactly, and keep the TTL', async () => {
    const client = await rest.client()
    expect((await client.post('n/incr')).text).toBe('{"key":"n","value":1}')
    expect((await client.post('n/incr', '')).json.value).toBe(2)
    expect((await client.post('n/incr', '{}')).json.value).toBe(3)
    expect((await client.post('n/decr', '{"by":10}')).json.value).toBe(-7)
    expect((await client.post('n/incr', '{"by":-3}')).json.value).toBe(-10)
    await client.put('big?ex=50', '9007199254740993')
    expect((await client.post('big/incr', '{"by":2}')).text).toBe('{"key":"big","value":9007199254740995}')
    expect((await client.get('big?meta=true')).text).toContain('"value":9007199254740995,')
    expect((await client.get('big?meta=true')).json.ttl).toBe(50)
    expect((await client.post('low/decr', '{"by":9223372036854775807}')).text).toContain(
      '-9223372036854775807}',
    )
    expect((await client.post('low/decr')).text).toContain('-9223372036854775808}')
  })

  test.each(['1.5', '1.0', '1e3', '"5"', 'true', 'null', '[]', '{}', '9223372036854775808', '-0'])(
    '%s is not an integer',
    async (text) => {
      const client = await rest.client()
      await client.put('n', text)
      const answer = await client.post('n/incr')
      expect([answer.status, answer.json.error, answer.json.detail]).toEqual([
        400,
        'type_mismatch',
        'type_mismatch: value is not an integer',
      ])
      expect((await client.get('n')).text).toContain(`"value":${text}}`)
    },
  )

  test('beyond 64 bits is refused', async () => {
    const client = await rest.client()
    await client.put('max', '9223372036854775807')
    await client.put('min', '-9223372036854775808')
    const requests = [
      ['max/incr', '{}'],
      ['min/decr', '{}'],
      ['max/decr', '{"by":-9223372036854775808}'],
      ['x/incr', '{"by":9223372036854775808}'],
    ] as const
    for (const [path, body] of requests) {
      const answer = await client.post(path, body)
      expect([answer.status, answer.json.error]).toEqual([400, 'type_mismatch'])
    }
    expect(await client.version()).toBe(2)
  })

  const BAD_BODIES = [
    '{"by":1.5}',
    '{"by":"1"}',
    '{"by":true}',
    '{"by":null}',
    '{"by":1e2}',
    '{"to":1}',
    '[1]',
    '5',
    'null',
  ]
  test.each(BAD_BODIES)('body %s is 422', async (body) => {
    const client = await rest.client()
    const answer = await client.post('n/incr', body)
    expect([answer.status, answer.json.error]).toEqual([422, 'invalid_request'])
  })

  test('a list cannot be counted', async () => {
    const client = await rest.client()
    await client.post('l/rpush', '{"value":1}')
    expect((await client.post('l/incr')).json.error).toBe('type_mismatch')
  })

  test('100 at once lose nothing', async () => {
    const client = await rest.client()
    const values = await Promise.all(
      Array.from({ length: 100 }, async () => (await client.post('n/incr')).json.value as number),
    )
    expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    expect(await client.version()).toBe(100)
  })
})

describe('lists', () => {
  test('push, pop, len at both ends', async () => {
    const client = await rest.client()
    expect((await client.post('l/rpush', '{"value":{"id":9007199254740993}}')).text).toBe(
      '{"key":"l","length":1}',
    )
    expect((await client.post('l/rpush', '{"value":1.10}')).json.length).toBe(2)
    expect((await client.post('l/lpush', '{"value":null}')).json.length).toBe(3)
    expect((await client.get('l')).text).toBe('{"key":"l","value":[null,{"id":9007199254740993},1.10]}')
    expect((await client.get('l?meta=true')).json.type).toBe('list')
    expect((await client.get('l?path=[1].id')).text).toContain('"value":9007199254740993}')
    expect((await client.get('l/len')).text).toBe('{"key":"l","length":3}')
    expect((await client.post('l/rpop')).text).toBe('{"key":"l","value":1.10}')
    expect((await client.post('l/lpop')).text).toBe('{"key":"l","value":null}')
    expect((await client.get('l')).json.value).toEqual([{ id: 9007199254740993 }])
  })

  test('the last pop leaves an empty list with its TTL', async () => {
    const client = await rest.client()
    await client.put('l?ex=77', '["only"]')
    expect((await client.post('l/lpop')).json.value).toBe('only')
    const before = await client.version()
    expect((await client.get('l?meta=true')).json).toMatchObject({ value: [], ttl: 77 })
    expect((await client.get('l/len')).json.length).toBe(0)
    expect((await client.post('l/rpop')).json).toEqual({ key: 'l', value: null })
    expect((await client.post('l/lpop', '{}')).json.value).toBeNull()
    expect(await client.version()).toBe(before)
    expect((await client.post('l/rpush', '{"value":1}')).json.length).toBe(1)
    expect((await client.get('l?meta=true')).json).toMatchObject({ value: [1], ttl: 77, type: 'list' })
    expect((await client.post('l/rpop')).json.value).toBe(1)
    expect((await client.get('l?meta=true')).json).toMatchObject({ value: [], ttl: 77 })
  })

  test('a missing list: pop null, len 404', async () => {
    const client = await rest.client()
    expect((await client.post('l/lpop')).json).toEqual({ key: 'l', value: null })
    expect((await client.get('l/len')).json.error).toBe('key_not_found')
    expect((await client.get('l')).status).toBe(404)
    expect(await client.version()).toBe(0)
  })

  test('an array that was PUT is a list', async () => {
    const client = await rest.client()
    await client.put('a?ex=60', '[ 1 , {"b": 2} ]')
    expect((await client.get('a/len')).json.length).toBe(2)
    expect((await client.post('a/lpush', '{"value":0}')).json.length).toBe(3)
    expect((await client.get('a?meta=true')).json).toMatchObject({
      value: [0, 1, { b: 2 }],
      ttl: 60,
      type: 'list',
    })
    expect((await client.get('a')).text).toContain('[0,1,{"b": 2}]')
  })

  test.each(['"x"', '{"a":1}', '5', 'null'])('%s is no list', async (text) => {
    const client = await rest.client()
    await client.put('k', text)
    for (const answer of [
      await client.post('k/rpush', '{"value":1}'),
      await client.post('k/lpop'),
      await client.get('k/len'),
    ]) {
      expect([answer.status, answer.json.detail]).toEqual([400, 'type_mismatch: value is not a list'])
    }
  })

  test.each([
    ['rpush', undefined, 422],
    ['rpush', '{}', 422],
    ['rpush', '{"value":1,"x":1}', 422],
    ['lpush', '[1]', 422],
    ['rpush', '{"value":NaN}', 400],
    ['rpush', `{"value":${'['.repeat(33)}${']'.repeat(33)}}`, 400],
    ['rpush', `{"value":"${'x'.repeat(2_000)}"}`, 413],
    ['lpop', '{"count":2}', 422],
  ])('%s %s: %i', async (op, body, status) => {
    const client = await rest.client()
    expect((await client.post(`l/${op}`, body)).status).toBe(status)
    expect(await client.version()).toBe(0)
  })

  test('each element is taken once, whoever asks', async () => {
    const client = await rest.client()
    await client.put('l', `[${Array.from({ length: 40 }, (_, i) => i).join(',')}]`)
    const taken = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => (await client.post(`l/${i % 2 ? 'l' : 'r'}pop`)).json.value),
    )
    expect(taken.filter((value) => value !== null).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, i) => i),
    )
    expect((await client.get('l')).json.value).toEqual([])
  })
})

test('a parameter of another endpoint is refused, not passed over', async () => {
  const client = await rest.client()
  for (const path of ['n/incr?if_version=1', 'l/lpop?if_version=1', 'batch?if_version=1', 'l/rpush?ex=1']) {
    expect((await client.call('POST', `${KV}/${path}`, { body: '{"value":1}' })).status).toBe(400)
  }
  expect((await client.get('l/len?path=a')).json.error).toBe('invalid_request')
})
