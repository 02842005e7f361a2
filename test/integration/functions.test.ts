import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import type { TestRedis } from '../helpers/redis.ts'
import { startRedis } from '../helpers/redis.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

/** Two processes' worth of servers before one Redis. */
let redis: TestRedis
let one: TestServer
let two: TestServer

beforeAll(async () => {
  redis = await startRedis()
  ;[one, two] = await Promise.all([startServer({}, redis), startServer({}, redis)])
})

afterAll(async () => {
  await Promise.all([one.stop(), two.stop()])
  await redis.stop()
})

const library = (name: string, body: string): string => `#!lua name=${name}\n${body}`
const answering = (name: string, answer: string, called = name): string =>
  library(name, `redis.register_function('${called}', function() return '${answer}' end)`)

const load = (client: Redis, ...args: string[]): Promise<unknown> => client.call('FUNCTION', 'LOAD', ...args)

const both = async (automation: string): Promise<[Redis, Redis]> => [
  await one.client(automation),
  await two.client(automation),
]

describe('several processes', () => {
  test('share the libraries, and each call runs what was loaded last', async () => {
    const [here, there] = await both('shared')
    await load(here, answering('lib', 'first'))
    expect(await there.call('FCALL', 'lib', 0)).toBe('first')
    for (const answer of ['second', 'third', 'fourth']) {
      await load(here, 'REPLACE', answering('lib', answer))
      expect(await there.call('FCALL', 'lib', 0)).toBe(answer)
      await load(there, 'REPLACE', answering('lib', `${answer} there`))
      expect(await here.call('FCALL', 'lib', 0)).toBe(`${answer} there`)
    }
    await here.call('FUNCTION', 'DELETE', 'lib')
    await expect(there.call('FCALL', 'lib', 0)).rejects.toThrow('ERR Function not found')
  })

  test('of several that load the same library one wins, whatever they write besides', async () => {
    const clients = [...(await both('race')), ...(await both('race'))]
    for (let i = 0; i < 20; i++) {
      const outcomes = await Promise.allSettled(
        clients.map((client) => load(client, answering(`lib${i}`, 'x'))),
      )
      const refusals = outcomes.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []))
      expect(refusals).toEqual(Array(3).fill(`ReplyError: ERR Library 'lib${i}' already exists`))
    }
    const stats = (await clients[0]!.call('FUNCTION', 'STATS')) as unknown[]
    expect(stats[3]).toEqual(['LUA', ['libraries_count', 20, 'functions_count', 20]])
  })

  test('a function that writes is not lost and not run twice while its library changes', async () => {
    const [here, there] = await both('changing')
    const code = library(
      'lib',
      "redis.register_function('add', function(keys) return redis.call('INCR', keys[1]) end)",
    )
    await load(here, code)
    const calls = Array.from({ length: 200 }, (_, i) =>
      (i % 2 === 0 ? here : there).call('FCALL', 'add', 1, 'n'),
    )
    const loads = Array.from({ length: 20 }, () => load(there, 'REPLACE', code))
    const counted = (await Promise.all(calls)) as number[]
    await Promise.all(loads)
    expect(counted.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  })

  test('other automations see nothing of them', async () => {
    const [here] = await both('owner')
    const other = await two.client('stranger')
    await load(here, answering('lib', 'x'))
    const payload = (await here.callBuffer('FUNCTION', 'DUMP')) as Buffer
    await expect(other.call('FCALL', 'lib', 0)).rejects.toThrow('ERR Function not found')
    expect(await other.call('FUNCTION', 'LIST')).toEqual([])
    await expect(other.call('FUNCTION', 'RESTORE', payload)).rejects.toThrow(
      'ERR DUMP payload version or checksum are wrong',
    )
  })
})

test('a commit that finds other libraries is computed anew, also in a transaction', async () => {
  const [here, there] = await both('anew')
  await load(
    here,
    library(
      'lib',
      "redis.register_function('f', function(keys) return redis.call('APPEND', keys[1], 'a') end)",
    ),
  )
  await here.call('FCALL', 'f', 1, 'k')
  await load(
    there,
    'REPLACE',
    library(
      'lib',
      "redis.register_function('f', function(keys) return redis.call('APPEND', keys[1], 'bb') end)",
    ),
  )
  // This process wrote the key last, and computes from what it remembers.
  expect(await here.call('FCALL', 'f', 1, 'k')).toBe(3)
  expect(await here.get('k')).toBe('abb')
  await there.call('FUNCTION', 'FLUSH')
  const replies = await here.multi().set('k', 'v').call('FCALL', 'f', 1, 'k').get('k').exec()
  expect(replies!.map(([error, reply]) => error?.message ?? reply)).toEqual([
    'OK',
    'ERR Function not found',
    'v',
  ])
})

describe('what is kept', () => {
  const FIELD = /^(s|c|[\w-]{16})$/

  test('is ciphertext with names that tell nothing, and moved or damaged it is not used', async () => {
    const client = await one.client('sealed')
    await load(client, answering('library_of_secrets', 'a secret in code', 'function_of_secrets'))
    await load(client, answering('library_beside', 'beside'))
    const backing = one.backing()
    const key = 'kv:{sealed}:f'
    const stored = await backing.hgetall(key)
    expect(Object.keys(stored).every((field) => FIELD.test(field))).toBe(true)
    expect(JSON.stringify(stored)).not.toMatch(/secret|beside|register/)
    const ids = Object.keys(stored).filter((field) => field.length === 16)
    expect(ids).toHaveLength(2)
    expect(ids.every((id) => /^eyJ[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/.test(stored[id]!))).toBe(true)

    // Another server has nothing in memory.
    await backing.hset(key, { [ids[0]!]: stored[ids[1]!]!, [ids[1]!]: stored[ids[0]!]! })
    const other = await two.client('sealed')
    await expect(other.call('FCALL', 'library_beside', 0)).rejects.toThrow('ERR a stored value could not be')
    await expect(other.call('FUNCTION', 'LIST')).rejects.toThrow('ERR a stored value could not be')
    await expect(load(other, answering('more', 'x'))).rejects.toThrow('ERR a stored value could not be')
    await other.call('FUNCTION', 'FLUSH')
    expect(await backing.exists(key)).toBe(0)
    await load(other, answering('more', 'x'))
    expect(await client.call('FCALL', 'more', 0)).toBe('x')
  })

  test('counts toward the quota, and is given back', async () => {
    const limited = await startServer({ AUTOMATION_KV_MAX_BYTES: '20000' }, redis)
    try {
      const client = await limited.client('quota')
      const backing = limited.backing()
      const used = async (): Promise<number> => Number((await backing.get('kv:{quota}:u')) ?? 0)
      const code = (name: string, bytes: number): string => `${answering(name, 'x')} --${'c'.repeat(bytes)}`
      await client.set('k', 'v')
      const before = await used()
      await load(client, code('a', 5_000))
      const one = await used()
      expect(one - before).toBeGreaterThan(5_000)
      await load(client, code('b', 5_000))
      await expect(load(client, code('c', 5_000))).rejects.toThrow('OOM automation quota exceeded')
      expect(await client.call('FCALL', 'b', 0)).toBe('x')
      await client.call('FUNCTION', 'DELETE', 'b')
      expect(await used()).toBe(one)
      // A smaller one takes the place of a larger one, also when the quota is full.
      await client.set('large', Buffer.alloc(7_000))
      await load(client, 'REPLACE', code('a', 10))
      expect(await used()).toBeLessThan(before + 12_000)
      await client.flushall()
      const left = await used()
      expect(left).toBeGreaterThan(0)
      expect(await client.call('FCALL', 'a', 0)).toBe('x')
      // The sum is taken anew when it is missing.
      await backing.del('kv:{quota}:u')
      await client.set('k', 'v')
      expect(await used()).toBe(before + left)
      await client.call('FUNCTION', 'FLUSH')
      expect(await used()).toBe(before)
      expect(await backing.exists('kv:{quota}:f')).toBe(0)
    } finally {
      await limited.stop()
    }
  })

  test('is bounded in number and size', async () => {
    const client = await one.client('bounded')
    const long = `${answering('long', 'x')} --${'c'.repeat(600_000)}`
    await load(client, long)
    await expect(
      load(client, long.replace('name=long', 'name=other').replace("'long'", "'o'")),
    ).rejects.toThrow('OOM automation quota exceeded')
    await client.call('FUNCTION', 'FLUSH')
    const loads = Array.from({ length: 300 }, (_, i) => load(client, answering(`lib${i}`, 'x')))
    const outcomes = await Promise.allSettled(loads)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(256)
    expect(((await client.call('FUNCTION', 'LIST', 'WITHCODE')) as unknown[]).length).toBe(256)
    const many = library('many', "for i = 1, 100000 do redis.register_function('f' .. i, function() end) end")
    await client.call('FUNCTION', 'FLUSH')
    await expect(load(client, many)).rejects.toThrow('functions of one library')
    const described = library(
      'described',
      "local text = ('x'):rep(100000) for i = 1, 900 do redis.register_function{function_name='f' .. i, callback=function() end, description=text} end",
    )
    await expect(load(client, described)).rejects.toThrow("bytes of one library's functions")
  })
})

test('rights: a token that may only read lists and calls what does not write', async () => {
  const writer = await one.client('rights')
  const reader = await one.client('rights', { password: await one.token('rights', { scope: 'kv:read' }) })
  await load(
    writer,
    library(
      'lib',
      `redis.register_function('write', function(keys) return redis.call('SET', keys[1], 'v') end)
       redis.register_function{function_name='read', callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'}}`,
    ),
  )
  await writer.call('FCALL', 'write', 1, 'k')
  expect(await reader.call('FCALL', 'read', 1, 'k')).toBe('v')
  expect(await reader.call('FCALL_RO', 'read', 1, 'k')).toBe('v')
  await expect(reader.call('FCALL', 'write', 1, 'k')).rejects.toThrow('NOPERM this token is read-only')
  expect(await reader.call('FUNCTION', 'LIST')).toHaveLength(1)
  expect(await reader.callBuffer('FUNCTION', 'DUMP')).toBeInstanceOf(Buffer)
  expect(await reader.call('FUNCTION', 'STATS')).toHaveLength(4)
  for (const command of [
    ['LOAD', answering('x', 'x')],
    ['DELETE', 'lib'],
    ['FLUSH'],
    ['RESTORE', 'x'],
    ['KILL'],
  ])
    await expect(reader.call('FUNCTION', ...command)).rejects.toThrow('NOPERM this token is read-only')
})

test('what a function publishes is a part of its commit, and no call finds what another left', async () => {
  const [here, there] = await both('publishing')
  const listener = await two.client('publishing')
  const heard: string[] = []
  listener.on('message', (_channel, message) => heard.push(message))
  await listener.subscribe('news')
  await load(
    here,
    library(
      'lib',
      `local calls = 0
       redis.register_function('tell', function(keys, args)
         calls = calls + 1
         redis.call('SET', keys[1], args[1])
         redis.call('PUBLISH', 'news', args[1])
         if args[2] then error('no') end
         return calls
       end)`,
    ),
  )
  expect(await here.call('FCALL', 'tell', 1, 'k', 'first')).toBe(1)
  // As in Redis, what was done before an error stays.
  await expect(there.call('FCALL', 'tell', 1, 'k', 'second', 'fail')).rejects.toThrow('no')
  expect(await there.call('FCALL', 'tell', 1, 'k', 'third')).toBe(1)
  await eventually(() => heard.length === 3)
  expect(heard).toEqual(['first', 'second', 'third'])
})

test('a call takes no more round trips than EVAL, and what was sent before it is seen', async () => {
  const client = await one.client('trips')
  const backing = one.backing()
  const source = "return redis.call('HINCRBY', KEYS[1], 'f', 1)"
  const loaded = client.call(
    'FUNCTION',
    'LOAD',
    library('lib', `redis.register_function('f', function(KEYS) ${source} end)`),
  )
  const [, stats] = await Promise.all([loaded, client.call('FUNCTION', 'STATS')])
  expect((stats as unknown[])[3]).toEqual(['LUA', ['libraries_count', 1, 'functions_count', 1]])
  const trips = async (call: () => Promise<unknown>): Promise<number> => {
    await call()
    await backing.config('RESETSTAT')
    for (let i = 0; i < 10; i++) await call()
    const calls = [...(await backing.info('commandstats')).matchAll(/cmdstat_(evalsha|hgetall):calls=(\d+)/g)]
    return calls.reduce((sum, [, , count]) => sum + Number(count), 0)
  }
  const ofEval = await trips(() => client.eval(source, 1, 'k'))
  expect(await trips(() => client.call('FCALL', 'f', 1, 'k'))).toBe(ofEval)
})

test('a function that only reads never sees the data of another version of its library', async () => {
  const [here, there] = await both('versions')
  const code = (version: number): string =>
    library(
      'lib',
      `redis.register_function{function_name='look', flags={'no-writes'}, callback=function(keys)
         return {${version}, tonumber(redis.call('GET', keys[1])), tonumber(redis.call('GET', 'not declared'))}
       end}`,
    )
  const change = (version: number): Promise<unknown> =>
    here
      .multi()
      .set('v', version)
      .call('FUNCTION', 'LOAD', 'REPLACE', code(version))
      .set('not declared', version)
      .exec()
  await change(0)
  const seen = new Set<number>()
  let last = 0
  const changes = (async () => {
    for (let version = 1; version <= 100; version++) {
      await change(version)
      last = version
    }
  })()
  do {
    const before = last
    const replies = await Promise.all(
      Array.from({ length: 5 }, () => there.call('FCALL_RO', 'look', 1, 'v') as Promise<number[]>),
    )
    for (const [version, ...data] of replies) {
      expect(data).toEqual([version, version])
      // What was answered before the call was sent is not undone.
      expect(version).toBeGreaterThanOrEqual(before)
      seen.add(version!)
    }
  } while (last < 100)
  await changes
  expect(seen.size).toBeGreaterThan(1)
})
