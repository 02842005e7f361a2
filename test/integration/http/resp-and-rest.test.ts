import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cell } from '../../../src/engine/plaintext/cell.ts'
import type { Database } from '../../../src/engine/plaintext/database.ts'
import { addEntry } from '../../../src/engine/plaintext/stream-edit.ts'
import { encodeFields } from '../../../src/engine/plaintext/stream-entry.ts'
import { makeId } from '../../../src/redis-semantics/stream-id.ts'
import { ErrorReply } from '../../../src/reply/reply.ts'
import { type RestServer, startRest } from '../../helpers/http.ts'

let rest: RestServer
beforeAll(async () => {
  rest = await startRest()
})
afterAll(() => rest.stop())

const cells = (...items: (string | Buffer)[]): Cell[] => items.map((item) => Cell.bytes(Buffer.from(item)))
const NOT_UTF8 = Buffer.from([0xff, 0x00])

const setHash =
  (fields: [name: string | Buffer, value: string | Buffer][]) => (db: Database, name: Buffer) => {
    const hash = db.editHash(name)
    for (const [field, value] of fields) {
      const bytes = Buffer.from(field)
      hash.fields.set(bytes.toString('latin1'), { name: bytes, cell: Cell.bytes(Buffer.from(value)) })
    }
  }

describe('REST writes a document', () => {
  test.each([
    ['{"a": 1}', '{"a": 1}'],
    ['[1, 2]', '[1, 2]'],
    ['"text"', 'text'],
    ['"\\u00e9\\n"', 'é\n'],
    ['""', ''],
    ['5', '5'],
    ['1.10', '1.10'],
    ['null', 'null'],
  ])('%s, RESP reads %s', async (document, bytes) => {
    const client = await rest.client()
    await client.put('k', document)
    expect(await client.resp('get', 'k')).toEqual(Buffer.from(bytes))
  })

  test('counts with RESP on one number', async () => {
    const client = await rest.client()
    await client.put('n', '5')
    expect(await client.resp('incrby', 'n', '2')).toBe(7n)
    expect((await client.post('n/incr')).json.value).toBe(8)
    expect(await client.resp('get', 'n')).toEqual(Buffer.from('8'))
  })

  test('a list is no string, until its last element is gone', async () => {
    const client = await rest.client()
    await client.post('l/rpush', '{"value":"x"}')
    expect(await client.resp('get', 'l')).toBeInstanceOf(ErrorReply)
    await client.post('l/rpop')
    expect(await client.resp('get', 'l')).toEqual(Buffer.from('[]'))
  })
})

describe('RESP writes bytes', () => {
  test.each<[bytes: string | Buffer, shown: string]>([
    ['hello', '"value":"hello"'],
    ['', '"value":""'],
    ['5', '"value":5'],
    [' {"a": 1.10} ', '"value":{"a": 1.10}'],
    ['"quoted"', '"value":"quoted"'],
    ['{broken', '"value":"{broken"'],
    ['nan', '"value":"nan"'],
    ['01', '"value":"01"'],
    ['a"b\\c\n\u0000', '"value":"a\\"b\\\\c\\n\\u0000"'],
    ['['.repeat(33) + ']'.repeat(33), `"value":"${'['.repeat(33)}${']'.repeat(33)}"`],
    [NOT_UTF8, '"value":"/wA=","encoding":"base64"'],
  ])('%j is shown as %s', async (bytes, shown) => {
    const client = await rest.client()
    await client.resp('set', 'k', bytes)
    expect((await client.get('k')).text).toBe(`{"key":"k",${shown}}`)
    expect((await client.get('k?meta=true')).text).toContain(`{"key":"k",${shown},"version":1,`)
  })

  test('JSON bytes can be patched, counted and used as a list', async () => {
    const client = await rest.client()
    await client.resp('set', 'o', '{"a":1}', 'EX', '60')
    expect((await client.get('o?path=a')).json.value).toBe(1)
    expect((await client.patch('o', '{"path":"b","value":2}')).status).toBe(200)
    expect((await client.get('o?meta=true')).json).toMatchObject({ value: { a: 1, b: 2 }, ttl: 60 })
    await client.resp('set', 'n', '41', 'EX', '60')
    expect((await client.post('n/incr')).json.value).toBe(42)
    expect((await client.get('n?meta=true')).json.ttl).toBe(60)
    await client.resp('set', 'l', '[1,"x"]', 'EX', '60')
    expect((await client.get('l/len')).json.length).toBe(2)
    expect((await client.post('l/rpush', '{"value":3}')).json.length).toBe(3)
    expect((await client.get('l?meta=true')).json).toMatchObject({
      value: [1, 'x', 3],
      ttl: 60,
      type: 'list',
    })
    await client.resp('set', 'text', 'hello')
    expect((await client.patch('text', '{"path":"b","value":2}')).json.error).toBe('type_mismatch')
    expect((await client.post('text/incr')).json.error).toBe('type_mismatch')
    expect((await client.get('text?path=a')).json.error).toBe('invalid_path')
  })
})

describe('RESP writes native types', () => {
  test('a list is an array, a pop shows one element', async () => {
    const client = await rest.client()
    await client.plain(
      'l',
      (db, name) => void db.editList(name).cells.push(...cells('x', '{"a":1.10}', NOT_UTF8, NOT_UTF8)),
    )
    expect((await client.get('l')).text).toBe(
      '{"key":"l","value":["x",{"a":1.10},{"$base64":"/wA="},{"$base64":"/wA="}]}',
    )
    expect((await client.get('l/len')).json.length).toBe(4)
    expect((await client.post('l/rpop')).text).toBe('{"key":"l","value":"/wA=","encoding":"base64"}')
    const batch = await client.post('batch', '{"operations":[{"op":"rpop","key":"l"}]}')
    expect(batch.json.results[0]).toMatchObject({ value: '/wA=', encoding: 'base64' })
  })

  test('a hash is an object, of which a path reads and PATCH writes one field', async () => {
    const client = await rest.client()
    await client.plain(
      'h',
      setHash([
        ['name', 'Ada'],
        ['doc', '{"x":[1,2]}'],
        ['__proto__', '7'],
        [NOT_UTF8, NOT_UTF8],
      ]),
    )
    const { text, json } = await client.get('h')
    expect(Object.entries(json.value).sort()).toEqual([
      ['$base64:/wA=', { $base64: '/wA=' }],
      ['__proto__', 7],
      ['doc', { x: [1, 2] }],
      ['name', 'Ada'],
    ])
    expect(text).toContain('"doc":{"x":[1,2]}')
    expect((await client.get('h?meta=true')).json.type).toBe('hash')
    expect((await client.get('h?path=doc.x[1]')).json.value).toBe(2)
    expect((await client.get('h?path=none')).status).toBe(404)
    expect((await client.patch('h', '{"path":"name","value":"Grace"}')).status).toBe(200)
    expect((await client.patch('h', '{"path":"doc.y","value":3}')).status).toBe(200)
    expect((await client.patch('h', '{"path":"new.z","value":4}')).status).toBe(200)
    expect((await client.patch('h', '{"path":"name.z","value":4}')).json.error).toBe('type_mismatch')
    expect((await client.patch('h', '{"path":"[0]","value":4}')).json.error).toBe('type_mismatch')
    expect((await client.get('h')).json.value).toMatchObject({
      name: 'Grace',
      doc: { x: [1, 2], y: 3 },
      new: { z: 4 },
    })
    const seen = await client.plain('h', (db, name) =>
      db.hash(name)!.fields.get('name')!.cell.bytes.toString(),
    )
    expect(seen).toBe('Grace')
  })

  test('a set is an array, a sorted set an array of members with scores', async () => {
    const client = await rest.client()
    await client.plain('s', (db, name) => {
      const { members } = db.editSet(name)
      for (const member of ['b', '5', NOT_UTF8])
        members.set(Buffer.from(member).toString('latin1'), Buffer.from(member))
    })
    expect(new Set((await client.get('s')).json.value)).toEqual(new Set(['b', 5, { $base64: '/wA=' }]))
    await client.plain('z', (db, name) => {
      const { members } = db.editSortedSet(name)
      for (const [member, score] of [
        ['b', 1],
        ['a', 1],
        ['low', -Infinity],
        ['high', Infinity],
        ['half', 0.1],
      ] as const) {
        members.set(member, { member: Buffer.from(member), score })
      }
    })
    expect((await client.get('z')).text).toBe(
      '{"key":"z","value":[{"member":"low","score":"-inf"},{"member":"half","score":0.1},{"member":"a","score":1},' +
        '{"member":"b","score":1},{"member":"high","score":"inf"}]}',
    )
    expect((await client.get('z?path=[2].member')).json.value).toBe('a')
  })

  test('a stream is an array of entries', async () => {
    const client = await rest.client()
    await client.plain('x', (db, name) => {
      const stream = db.editStream(name)
      addEntry(
        stream,
        makeId(5n, 1n),
        Cell.bytes(encodeFields(['a', '1', 'b', 'text', 'a', '{"c":1.10}'].map((text) => Buffer.from(text)))),
      )
      addEntry(stream, makeId(6n, 0n), Cell.bytes(encodeFields([NOT_UTF8, NOT_UTF8])))
    })
    expect((await client.get('x')).text).toBe(
      '{"key":"x","value":[{"id":"5-1","fields":{"a":1,"b":"text","a":{"c":1.10}}},' +
        '{"id":"6-0","fields":{"$base64:/wA=":{"$base64":"/wA="}}}]}',
    )
    expect((await client.get('x?meta=true')).json.type).toBe('stream')
    expect((await client.post('x/rpush', '{"value":1}')).json.error).toBe('type_mismatch')
  })

  test.each(['incr', 'rpush', 'lpop', 'len', 'patch'])('%s of a set is type_mismatch', async (action) => {
    const client = await rest.client()
    await client.plain('s', (db, name) => void db.editSet(name).members.set('a', Buffer.from('a')))
    const answer =
      action === 'len'
        ? await client.get('s/len')
        : action === 'patch'
          ? await client.patch('s', '{"path":"a","value":1}')
          : await client.post(`s/${action}`, action === 'rpush' ? '{"value":1}' : undefined)
    expect([answer.status, answer.json.error]).toEqual([400, 'type_mismatch'])
    expect((await client.put('s', '1')).status).toBe(200)
    expect((await client.delete('s')).json.deleted).toBe(true)
  })
})
