import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RestServer, startRest } from '../../helpers/http.ts'

let rest: RestServer
let sibling: RestServer
beforeAll(async () => {
  rest = await startRest()
  sibling = await startRest({ redis: rest.redis })
})
afterAll(async () => {
  await sibling.stop()
  await rest.stop()
})

test('each write request adds 1, and what changes nothing adds nothing', async () => {
  const client = await rest.client()
  const steps: [step: () => Promise<unknown>, added: number][] = [
    [() => client.put('k', '1'), 1],
    [() => client.put('k', '1'), 1],
    [() => client.put('k?nx=true', '1'), 0],
    [() => client.put('none?xx=true', '1'), 0],
    [() => client.put('k?xx=true&ex=100', '{}'), 1],
    [() => client.patch('k', '{"path":"a","value":1}'), 1],
    [() => client.patch('none', '{"path":"a","value":1}'), 0],
    [() => client.patch('k', '{"path":"a.b","value":1}'), 0],
    [() => client.post('n/incr'), 1],
    [() => client.post('k/incr'), 0],
    [() => client.post('l/rpush', '{"value":1}'), 1],
    [() => client.post('k/rpush', '{"value":1}'), 0],
    [() => client.post('l/lpop'), 1],
    [() => client.post('l/lpop'), 0],
    [() => client.post('none/lpop'), 0],
    [() => client.get('k'), 0],
    [() => client.get('k?meta=true'), 0],
    [() => client.post('batch', '{"operations":[{"op":"incr","key":"n"},{"op":"incr","key":"n"}]}'), 1],
    [() => client.post('batch', '{"operations":[{"op":"incr","key":"n"},{"op":"incr","key":"k"}]}'), 0],
    [() => client.resp('set', 'k', 'x'), 1],
    [() => client.resp('append', 'k', 'y'), 1],
    [() => client.delete('k'), 1],
    [() => client.delete('k'), 0],
    [() => client.put('k?if_version=1', '1'), 0],
  ]
  let version = 0
  for (const [step, added] of steps) {
    await step()
    version += added
    expect(await client.version(), String(step)).toBe(version)
  }
})

test('if_version on PUT, PATCH and DELETE', async () => {
  const client = await rest.client()
  expect((await client.put('k?if_version=0', '{}')).json.version).toBe(1)
  const facts = { expected_version: 0, actual_version: 1 }
  for (const late of [
    await client.put('k?if_version=0', '2'),
    await client.patch('k?if_version=0', '{"path":"a","value":1}'),
    await client.delete('k?if_version=0'),
  ]) {
    expect([late.status, late.headers['retry-after']]).toEqual([409, '1'])
    expect(late.json).toEqual({
      error: 'version_mismatch',
      message: expect.any(String),
      ...facts,
      detail: facts,
    })
  }
  expect((await client.patch('k?if_version=1', '{"path":"a","value":1}')).json.version).toBe(2)
  await client.resp('set', 'other', 'x')
  expect((await client.delete('k?if_version=2')).json.actual_version).toBe(3)
  expect((await client.delete('k?if_version=3')).json.deleted).toBe(true)
})

test.each(['put', 'patch'] as const)(
  'of many that race with one if_version by %s, one wins',
  async (method) => {
    const client = await rest.client()
    await client.put('k', '{}')
    const bodies = { put: (i: number) => String(i), patch: (i: number) => `{"path":"a","value":${i}}` }
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => {
        // Half of them over another server.
        const { call } = client
        const path = `/api/automation/v1/kv/k?if_version=1`
        return i % 2 === 0
          ? call(method.toUpperCase(), path, { body: bodies[method](i) })
          : fetch(`${sibling.url}${path}`, {
              method: method.toUpperCase(),
              body: bodies[method](i),
              headers: { authorization: `Bearer ${client.token}`, 'content-type': 'application/json' },
            })
      }),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(409)])
    expect(await client.version()).toBe(2)
  },
)

test('two servers lose no increment and no push', async () => {
  const client = await rest.client()
  const other = (path: string, body: string) =>
    fetch(`${sibling.url}/api/automation/v1/kv/${path}`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${client.token}`, 'content-type': 'application/json' },
    })
  await client.put('l', '[]')
  await Promise.all(
    Array.from({ length: 20 }, (_, i) => [
      client.post('n/incr'),
      other('n/incr', '{}'),
      client.post('l/rpush', `{"value":${i}}`),
      other('l/lpush', `{"value":${100 + i}}`),
    ]).flat(),
  )
  expect((await client.get('n')).json.value).toBe(40)
  expect((await client.get('l/len')).json.length).toBe(40)
  expect(await client.version()).toBe(81)
})
