import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KV, type RestServer, startRest } from '../../helpers/http.ts'

let rest: RestServer
beforeAll(async () => {
  rest = await startRest({ maxValueSize: 2_000 })
})
afterAll(() => rest.stop())

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

describe('PUT and GET', () => {
  test('201 when created, 200 when replaced, with version and time', async () => {
    const client = await rest.client()
    const made = await client.put('greeting', '{"hello":"world"}')
    expect(made.status).toBe(201)
    const updated_at = expect.stringMatching(TIME)
    expect(made.json).toEqual({
      key: 'greeting',
      value: { hello: 'world' },
      created: true,
      version: 1,
      updated_at,
    })
    const replaced = await client.put('greeting', 'null')
    expect(replaced.status).toBe(200)
    expect(replaced.json).toMatchObject({ value: null, created: false, version: 2 })
    const read = await client.get('greeting')
    expect([read.status, read.text]).toEqual([200, '{"key":"greeting","value":null}'])
    expect(read.headers['content-type']).toBe('application/json; charset=utf-8')
  })

  test('a missing key is 404 key_not_found', async () => {
    const client = await rest.client()
    const answer = await client.get('nothing')
    expect([answer.status, answer.json]).toEqual([
      404,
      { error: 'key_not_found', message: 'the key does not exist', detail: 'key_not_found' },
    ])
  })

  test.each([
    '9007199254740993',
    '-9223372036854775808',
    '123456789012345678901234567890',
    '1.10',
    '1E400',
    '-0',
    '0.1e-7',
    '"é"',
    '"\\u00e9"',
    '"\\ud83d"',
    '{"__proto__":1,"constructor":2}',
    '{"b":1,"a":2,"b":3}',
    '{"1":0,"0":1}',
    '[ 1 , {"a" : [ ] } ]',
    '""',
    'true',
    '[]',
    '{}',
    `${'['.repeat(32)}${']'.repeat(32)}`,
    '"</script>\\u2028"',
    '"\u2028"',
  ])('%s comes back as it was written', async (text) => {
    const client = await rest.client()
    const put = await client.put('exact', `\r\n\t ${text} \n`)
    expect(put.status).toBe(201)
    expect(put.text).toContain(`"value":${text},"created"`)
    expect((await client.get('exact')).text).toBe(`{"key":"exact","value":${text}}`)
    const batch = await client.post(
      'batch',
      `{"operations":[{"op":"set","key":"b","value":${text}},{"op":"get","key":"b"}]}`,
    )
    expect(batch.text).toContain(`"exists":true,"value":${text}}`)
  })

  test.each([
    ['NaN'],
    ['Infinity'],
    ['{"a":1,}'],
    ["{'a':1}"],
    ['[1'],
    ['1 2'],
    ['01'],
    ['"\u0001"'],
    ['\ufeff1'],
    ['undefined'],
    [`${'['.repeat(33)}${']'.repeat(33)}`],
  ])('%s is 400 invalid_value', async (body) => {
    const client = await rest.client()
    const answer = await client.put('bad', body)
    expect([answer.status, answer.json.error]).toEqual([400, 'invalid_value'])
    expect(answer.json.detail).toMatch(/^invalid_value: /)
    expect((await client.get('bad')).status).toBe(404)
  })

  test('bytes that are not UTF-8 are 400 invalid_value', async () => {
    const client = await rest.client()
    const answer = await client.call('PUT', `${KV}/bad`, { body: Buffer.from([0x22, 0xff, 0x22]) })
    expect([answer.status, answer.json.detail]).toEqual([400, 'invalid_value: not valid UTF-8'])
  })

  test('a body is needed, and no larger than allowed', async () => {
    const client = await rest.client()
    const sized = (bytes: number): string => `"${'é'.repeat((bytes - 2) / 2)}"`
    expect((await client.call('PUT', `${KV}/k`)).status).toBe(422)
    expect((await client.call('PUT', `${KV}/k`, { body: '' })).json.error).toBe('invalid_request')
    expect((await client.put('k', '   ')).json.error).toBe('invalid_value')
    expect((await client.put('k', sized(2_000))).status).toBe(201)
    for (const bytes of [2_002, 100_000, 1_000_000]) {
      const answer = await client.put('k', sized(bytes))
      expect([answer.status, answer.json.error]).toEqual([413, 'value_too_large'])
    }
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense'])(
    '%s is 415',
    async (type) => {
      const client = await rest.client()
      const answer = await client.call('PUT', `${KV}/k`, { body: '1', headers: { 'content-type': type } })
      expect([answer.status, answer.json.error]).toEqual([415, 'invalid_request'])
    },
  )

  test('a type without a body does not matter', async () => {
    const client = await rest.client()
    for (const type of ['application/json', 'application/x-www-form-urlencoded']) {
      const headers = { 'content-type': type }
      expect((await client.call('DELETE', `${KV}/k`, { headers })).status).toBe(200)
      expect((await client.call('POST', `${KV}/n/incr`, { headers })).status).toBe(200)
      expect((await client.call('PUT', `${KV}/k`, { headers })).status).toBe(422)
    }
  })

  test('a charset does not matter', async () => {
    const client = await rest.client()
    const answer = await client.call('PUT', `${KV}/k`, {
      body: '1',
      headers: { 'content-type': 'application/json; charset=UTF-8' },
    })
    expect(answer.status).toBe(201)
  })
})

describe('PUT options', () => {
  test('nx and xx', async () => {
    const client = await rest.client()
    const absent = await client.put('k?xx=true', '1')
    expect(absent.status).toBe(409)
    expect(absent.json).toMatchObject({
      key: 'k',
      created: false,
      error: 'key_not_exists',
      detail: 'key_not_exists',
    })
    expect((await client.put('k?nx=true', '1')).json).toMatchObject({ created: true, version: 1 })
    const there = await client.put('k?nx=1', '2')
    expect(there.status).toBe(409)
    expect(there.json).toMatchObject({ key: 'k', created: false, error: 'key_exists', detail: 'key_exists' })
    expect((await client.put('k?xx=True', '3')).json).toMatchObject({ created: false, version: 2 })
    expect((await client.put('k?nx=false&xx=0', '4')).json).toMatchObject({ created: false, version: 3 })
    expect((await client.get('k')).json.value).toBe(4)
  })

  test('ex, px and keepttl', async () => {
    const client = await rest.client()
    const ttl = async (): Promise<unknown> => (await client.get('k?meta=true')).json.ttl
    await client.put('k?ex=3600', '1')
    expect(await ttl()).toBe(3_600)
    await client.put('k?keepttl=true', '2')
    expect(await ttl()).toBe(3_600)
    await client.put('k', '3')
    expect(await ttl()).toBeNull()
    await client.put('k?px=1500', '4')
    expect(await ttl()).toBe(2)
    await client.put('k?px=1', '5')
    await expect.poll(async () => (await client.get('k')).status).toBe(404)
    expect((await client.call('GET', KV)).json).toEqual({ keys: [], count: 0 })
    expect((await client.put('k?nx=true', '6')).json.created).toBe(true)
  })

  test.each([
    'nx=true&xx=true',
    'nx=yes',
    'nx=',
    'ex=0',
    'ex=-1',
    'ex=1.5',
    'ex=1e3',
    'ex=abc',
    'ex=',
    'ex=99999999999999',
    'px=0',
    'ex=1&px=1',
    'ex=1&keepttl=true',
    'px=1&keepttl=1',
    'nx=true&nx=true',
    'if_version=-1',
    'if_version=x',
    'prefix=a',
    'path=a',
  ])('?%s is 400 invalid_request', async (query) => {
    const client = await rest.client()
    const answer = await client.put(`k?${query}`, '1')
    expect([answer.status, answer.json.error]).toEqual([400, 'invalid_request'])
    expect(await client.version()).toBe(0)
  })
})

describe('GET with meta and path', () => {
  test('meta tells version, times, TTL and type', async () => {
    const client = await rest.client()
    const first = await client.put('k', '1')
    await client.put('other', '1')
    const second = await client.put('k?ex=100', '[2]')
    expect((await client.get('k?meta=true')).json).toEqual({
      key: 'k',
      value: [2],
      version: 3,
      created_at: first.json.updated_at,
      updated_at: second.json.updated_at,
      ttl: 100,
      type: 'string',
    })
    expect((await client.get('k?meta=false')).json).toEqual({ key: 'k', value: [2] })
    expect((await client.get('missing?meta=true')).status).toBe(404)
    expect((await client.get('k?meta=true&path=[0]')).json).toMatchObject({
      key: 'k',
      path: '[0]',
      value: 2,
      version: 3,
    })
  })

  test('a path leads to a part, exactly', async () => {
    const client = await rest.client()
    await client.put('k', '{"a":{"b":[1.10,{"c":9007199254740993}]},"my.key":1,"é":2,"a b":3}')
    const part = async (path: string): Promise<string> =>
      (await client.get(`k?path=${encodeURIComponent(path)}`)).text
    expect(await part('a.b[0]')).toBe('{"key":"k","path":"a.b[0]","value":1.10}')
    expect(await part('a.b[1].c')).toContain('"value":9007199254740993}')
    expect(await part('["my.key"]')).toBe('{"key":"k","path":"[\\"my.key\\"]","value":1}')
    expect(await part('é')).toContain('"value":2}')
    expect(await part('a b')).toContain('"value":3}')
  })

  test.each(['zzz', 'a.x', 'a[0]', 'list[5]', 'list.length', 'a.b.c'])(
    'nothing at %s: 404 invalid_path',
    async (path) => {
      const client = await rest.client()
      await client.put('k', '{"a":{"b":1},"list":[1]}')
      const answer = await client.get(`k?path=${encodeURIComponent(path)}`)
      expect([answer.status, answer.json.error]).toEqual([404, 'invalid_path'])
    },
  )

  const BAD_PATHS = ['', '.', 'a.', 'a[', 'a[x]', 'a[-1]', '[01]', 'a..b', Array(33).fill('a').join('.')]
  test.each(BAD_PATHS)('bad path %s: 400 invalid_path', async (path) => {
    const client = await rest.client()
    await client.put('k', '{"a":1}')
    const answer = await client.get(`k?path=${encodeURIComponent(path)}`)
    expect([answer.status, answer.json.error]).toEqual([400, 'invalid_path'])
  })
})

describe('DELETE', () => {
  test('says whether there was anything', async () => {
    const client = await rest.client()
    await client.put('k', '1')
    expect((await client.delete('k')).json).toEqual({ key: 'k', deleted: true })
    expect((await client.delete('k')).json).toEqual({ key: 'k', deleted: false })
    expect((await client.get('k')).status).toBe(404)
  })
})

describe('keys', () => {
  test.each([
    'a/b',
    '../x',
    '..',
    '.',
    '%',
    '%25',
    '100%',
    'a%2Fb',
    'a+b',
    'a b',
    'ü?#;&=',
    '\u{1f600}',
    'batch',
    'incr',
    ':key',
    '*',
    'a\\b',
    '"',
    ' x ',
    'x'.repeat(255),
    '\u{1f600}'.repeat(255),
  ])('%s is a key', async (key) => {
    const client = await rest.client()
    const path = encodeURIComponent(key).replaceAll('.', '%2E')
    expect((await client.put(path, '1')).json).toMatchObject({ key, created: true })
    expect((await client.get(path)).json).toEqual({ key, value: 1 })
    expect((await client.post(`${path}/incr`)).json).toEqual({ key, value: 2 })
    expect((await client.call('GET', KV)).json.keys).toEqual([key])
    expect((await client.delete(path)).json).toEqual({ key, deleted: true })
  })

  test.each([
    '',
    '%20',
    '%20%09',
    '%00',
    'a%0Ab',
    '%7F',
    '%C2%85',
    '$x',
    '%24x',
    'x'.repeat(256),
    '%zz',
    '%',
    '%FF',
    '%ED%A0%80',
  ])('%s is 400 invalid_key', async (path) => {
    const client = await rest.client()
    const answers = [
      await client.get(path),
      await client.put(path, '1'),
      await client.post(`${path}/incr`),
      await client.delete(path),
    ]
    for (const answer of answers) {
      expect([answer.status, answer.json.error]).toEqual([400, 'invalid_key'])
      expect(answer.json.detail).toMatch(/^invalid_key: /)
    }
  })
})

describe('GET /kv', () => {
  test('lists in byte order, by prefix, in pages', async () => {
    const client = await rest.client()
    expect((await client.call('GET', KV)).text).toBe('{"keys":[],"count":0}')
    for (const key of ['b', 'a', 'B', 'ab', 'é', 'aa', '\u{1f600}', '\uffee'])
      await client.put(encodeURIComponent(key), '1')
    const all = ['B', 'a', 'aa', 'ab', 'b', 'é', '\uffee', '\u{1f600}']
    expect((await client.call('GET', KV)).json).toEqual({ keys: all, count: 8 })
    expect((await client.call('GET', `${KV}?prefix=a`)).json).toEqual({ keys: ['a', 'aa', 'ab'], count: 3 })
    expect((await client.call('GET', `${KV}?prefix=%F0%9F`)).status).toBeLessThan(500)
    const pages: string[][] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`
      const page: { keys: string[]; count: number; next_cursor?: string } = (
        await client.call('GET', `${KV}?limit=3${query}`)
      ).json
      expect(page.count).toBe(page.keys.length)
      pages.push(page.keys)
      cursor = page.next_cursor
    }
    expect(pages.map((page) => page.length)).toEqual([3, 3, 2])
    expect(pages.flat()).toEqual(all)
    expect((await client.call('GET', `${KV}?limit=8`)).json.next_cursor).toBeUndefined()
  })

  test('counts what REST cannot name', async () => {
    const client = await rest.client()
    await client.put('a', '1')
    await client.resp('set', Buffer.from([0x61, 0xff]), 'x')
    await client.resp('set', 'a\n', 'x')
    await client.resp('set', ' ', 'x')
    expect((await client.call('GET', KV)).json).toEqual({ keys: ['a'], count: 1, omitted: 3 })
    expect((await client.call('GET', `${KV}?prefix=a&limit=1`)).json).toEqual({
      keys: ['a'],
      count: 1,
      omitted: 2,
    })
  })

  test('shows no other automation', async () => {
    const [one, two] = [await rest.client(), await rest.client()]
    await one.put('mine', '1')
    expect((await two.call('GET', KV)).json.keys).toEqual([])
    expect((await two.get('mine')).status).toBe(404)
  })

  const BAD_QUERIES = [
    'limit=0',
    'limit=1001',
    'limit=x',
    'cursor=',
    'cursor=%3D%3D',
    'cursor=a',
    'nx=true',
    'if_version=1',
  ]
  test.each(BAD_QUERIES)('?%s is 400', async (query) => {
    const client = await rest.client()
    const answer = await client.call('GET', `${KV}?${query}`)
    expect([answer.status, answer.json.error]).toEqual([400, 'invalid_request'])
  })
})
