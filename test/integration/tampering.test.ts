import type { Redis } from 'ioredis'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { HeaderCache } from '../../src/automation/headers.ts'
import { type DerivedKeys, Keyring } from '../../src/automation/keyring.ts'
import { type Location, locations } from '../../src/automation/location.ts'
import { RespClient } from '../helpers/resp-client.ts'
import { SECRET, startServer, type TestServer } from '../helpers/server.ts'

const UNREADABLE =
  '-ERR a stored value could not be opened: it is damaged, was moved, or its key is not configured'
const OWNER = 'owner'
const OTHER = 'other'
const PREFIX = `kv:{${OWNER}}:k:`

let server: TestServer
let backing: Redis
let client: RespClient
const clients: RespClient[] = []

const login = async (automation: string): Promise<RespClient> => {
  const made = await RespClient.connect(server.app.ports.resp)
  clients.push(made)
  expect(await made.text('AUTH', await server.token(automation))).toBe('OK')
  return made
}

beforeAll(async () => {
  server = await startServer()
  backing = server.backing()
})
beforeEach(async () => {
  client = await login(OWNER)
  await client.call('FLUSHALL')
})
afterEach(() => {
  for (const each of clients.splice(0)) each.destroy()
})
afterAll(() => server.stop())

const keysOf = (automation: string): DerivedKeys =>
  Keyring.fromSettings({ secret: SECRET }).automation(automation).sealing

/** Everything sealed in the backing Redis. */
const allSealed = async (): Promise<string[]> => {
  const sealed: string[] = []
  for (const name of await backing.keys(`${PREFIX}*`)) {
    switch (await backing.type(name)) {
      case 'string':
        sealed.push((await backing.get(name))!)
        break
      case 'list':
        sealed.push(...(await backing.lrange(name, 0, -1)))
        break
      case 'hash':
        sealed.push(...(await backing.hkeys(name)), ...(await backing.hvals(name)))
        break
      case 'set':
        sealed.push(...(await backing.smembers(name)))
        break
      case 'zset':
        sealed.push(...(await backing.zrange(name, '0', '-1')))
        break
    }
  }
  return sealed
}

describe('what lies in the backing Redis', () => {
  test('is compact JWE, each value in other bytes, and jose opens it with the derived key', async () => {
    await client.call('MSET', 'a', 'same text', 'b', 'same text')
    await client.call('SET', 'empty', '')
    await client.call('RPUSH', 'l', 'same text', 'same text')
    await client.call('HSET', 'h', 'field', 'same text')
    await client.call('SADD', 's', 'same text')
    await client.call('ZADD', 'z', '1', 'same text')
    await server.fetch(OWNER, 'PUT', '/kv/doc', '{"same":"text"}')
    const sealed = await allSealed()
    expect(sealed.length).toBeGreaterThanOrEqual(8)
    const opened: string[] = []
    for (const text of sealed) {
      const parts = text.split('.')
      expect(parts.map((part) => part === '')).toEqual([false, true, false, parts[3] === '', false])
      const header = JSON.parse(Buffer.from(parts[0]!, 'base64url').toString())
      expect(header).toEqual({
        alg: 'dir',
        enc: 'A256GCM',
        kid: 's1',
        loc: expect.stringMatching(/^[\w-]{16}$/),
        ...('cty' in header ? { cty: 'json' } : {}),
      })
      const { plaintext } = await compactDecrypt(text, keysOf(OWNER).contentBytes)
      opened.push(Buffer.from(plaintext).toString())
      await expect(compactDecrypt(text, keysOf(OTHER).contentBytes)).rejects.toThrow()
    }
    expect(new Set(opened)).toEqual(new Set(['same text', '', 'field', '{"same":"text"}']))
    const [a, b] = await backing.mget(`${PREFIX}a`, `${PREFIX}b`)
    expect(a!.split('.')[3]).not.toBe(b!.split('.')[3])
    await client.call('SET', 'a', 'same text')
    expect(await backing.get(`${PREFIX}a`)).not.toBe(a)
  })

  test('may as well have been sealed by jose', async () => {
    const keys = keysOf(OWNER)
    const seal = (location: Location, text: string, cty?: 'json'): Promise<string> =>
      new CompactEncrypt(Buffer.from(text))
        .setProtectedHeader({
          loc: new HeaderCache(keys).at(location).loc,
          kid: keys.kid,
          enc: 'A256GCM',
          alg: 'dir',
          ...(cty === undefined ? {} : { cty }),
        })
        .encrypt(keys.contentBytes)
    await client.call('SET', 'theirs', 'x')
    await client.call('RPUSH', 'list', 'x')
    await backing.set(`${PREFIX}theirs`, await seal(locations.string('theirs'), '41'))
    await backing.lset(`${PREFIX}list`, 0, await seal(locations.element('list'), 'sealed by jose'))
    expect(await client.text('GET', 'theirs')).toBe('41')
    expect(await client.text('INCR', 'theirs')).toBe('42')
    expect(await client.text('LRANGE', 'list', '0', '-1')).toBe('[sealed by jose]')
    await backing.set(`${PREFIX}theirs`, await seal(locations.string('theirs'), '{"a":[1,2]}', 'json'))
    expect((await server.fetch(OWNER, 'GET', '/kv/theirs?path=a[1]')).text).toContain('"value":2')
    // The same key and text, but for another place or with a header that we never write.
    for (const header of [
      { loc: 'x' },
      { zip: 'DEF' },
      { cty: 'text' },
      { kid: 'nope' },
      { crit: ['b64'] },
    ]) {
      const sealed = await new CompactEncrypt(Buffer.from('x'))
        .setProtectedHeader({
          alg: 'dir',
          enc: 'A256GCM',
          kid: keys.kid,
          loc: new HeaderCache(keys).at(locations.string('theirs')).loc,
          ...header,
        } as never)
        .encrypt(keys.contentBytes, { crit: { b64: true } } as never)
        .catch(() => undefined)
      if (sealed === undefined) continue
      await backing.set(`${PREFIX}theirs`, sealed)
      expect([header, await client.text('GET', 'theirs')]).toEqual([header, UNREADABLE])
    }
  })
})

describe('what someone changed there is not opened', () => {
  const expectUnreadable = async (
    commands: readonly (readonly string[])[],
    healthy: readonly [readonly string[], string],
  ): Promise<void> => {
    for (const args of commands) expect([args, await client.text(...args)]).toEqual([args, UNREADABLE])
    expect(await client.text(...healthy[0])).toBe(healthy[1])
  }

  test('a changed byte, wherever it is', async () => {
    await client.call('SET', 'healthy', 'fine')
    await client.call('SET', 'k', 'some text')
    const sealed = (await backing.getBuffer(`${PREFIX}k`))!
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed)
      changed[at] = changed[at] === 0x41 ? 0x42 : 0x41
      if (changed.equals(sealed)) continue
      await backing.set(`${PREFIX}k`, changed)
      expect([at, await client.text('GET', 'k')]).toEqual([at, UNREADABLE])
    }
    const others = [
      '',
      '.',
      '....',
      'plain text',
      sealed.toString().slice(0, -1),
      `${sealed}A`,
      `${sealed}=`,
      `${sealed}.A`,
      sealed.toString().split('.').slice(0, 4).join('.'),
      `${sealed} `,
    ]
    for (const other of others) {
      await backing.set(`${PREFIX}k`, other)
      await expectUnreadable(
        [
          ['GET', 'k'],
          ['GETRANGE', 'k', '0', '1'],
          ['INCR', 'k'],
          ['APPEND', 'k', 'x'],
          ['MGET', 'healthy', 'k'],
        ],
        [['GET', 'healthy'], 'fine'],
      )
    }
    const answer = await server.fetch(OWNER, 'GET', '/kv/k')
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([500, 'value_unreadable'])
    // What does not have to look at it still works, and replaces it.
    expect(await client.text('TYPE', 'k')).toBe('string')
    expect(await client.text('SET', 'k', 'anew')).toBe('OK')
    expect(await client.text('GET', 'k')).toBe('anew')
  })

  test('a value at another key, of the same or another automation', async () => {
    const other = await login(OTHER)
    await client.call('MSET', 'a', 'of a', 'b', 'of b', 'healthy', 'fine')
    await other.call('SET', 'a', 'of the other')
    await backing.set(`${PREFIX}b`, (await backing.get(`${PREFIX}a`))!)
    await expectUnreadable(
      [
        ['GET', 'b'],
        ['APPEND', 'b', 'x'],
        ['GETDEL', 'b'],
        ['SET', 'b', 'x', 'GET'],
      ].slice(0, 2),
      [['GET', 'a'], 'of a'],
    )
    await backing.set(`${PREFIX}a`, (await backing.get(`kv:{${OTHER}}:k:a`))!)
    await expectUnreadable(
      [
        ['GET', 'a'],
        ['STRLEN', 'a'],
      ],
      [['GET', 'healthy'], 'fine'],
    )
    await backing.set(`kv:{${OTHER}}:k:a`, (await backing.get(`${PREFIX}healthy`))!)
    expect(await other.text('GET', 'a')).toBe(UNREADABLE)
    await other.call('FLUSHALL')
  })

  test('an element in another list', async () => {
    await client.call('RPUSH', 'l1', 'a1', 'a2')
    await client.call('RPUSH', 'l2', 'b1', 'b2')
    const [mine] = await backing.lrange(`${PREFIX}l1`, 0, 0)
    await backing.lset(`${PREFIX}l2`, 0, mine!)
    await expectUnreadable(
      [
        ['LRANGE', 'l2', '0', '-1'],
        ['LINDEX', 'l2', '0'],
        ['LPOS', 'l2', 'b2'],
      ],
      [['LRANGE', 'l1', '0', '-1'], '[a1, a2]'],
    )
    expect(await client.text('LINDEX', 'l2', '1')).toBe('b2')
    // Nor as a whole string.
    await backing.del(`${PREFIX}l2`)
    await backing.set(`${PREFIX}l2`, mine!)
    expect(await client.text('GET', 'l2')).toBe(UNREADABLE)
  })

  test('hash values swapped between fields, fields between kinds', async () => {
    await client.call('HSET', 'h', 'one', '1', 'two', '2', 'three', '3')
    const key = `${PREFIX}h`
    const fields = await backing.hkeys(key)
    const byName: Record<string, string> = {}
    for (const field of fields)
      byName[Buffer.from((await compactDecrypt(field, keysOf(OWNER).contentBytes)).plaintext).toString()] =
        field
    const [one, two] = await backing.hmget(key, byName.one!, byName.two!)
    await backing.hset(key, { [byName.one!]: two!, [byName.two!]: one! })
    await expectUnreadable(
      [
        ['HGET', 'h', 'one'],
        ['HGETALL', 'h'],
        ['HVALS', 'h'],
        ['HINCRBY', 'h', 'two', '1'],
      ],
      [['HGET', 'h', 'three'], '3'],
    )
    expect(await client.text('HLEN', 'h')).toBe('3')
    await backing.hset(key, 'not sealed', one!)
    expect(await client.text('HKEYS', 'h')).toBe(UNREADABLE)
    const answer = await server.fetch(OWNER, 'GET', '/kv/h')
    expect(JSON.parse(answer.text).error).toBe('value_unreadable')
  })

  test('bookkeeping that was changed costs its automation an error at most', async () => {
    const other = await login(OTHER)
    await client.call('SET', 'k', '1')
    for (const entry of ['', 'x', '1:2:3', '::::', '9'.repeat(400), '1:2:3:4:5', 'nan:inf:-1:1e9']) {
      await backing.hset(`kv:{${OWNER}}:i`, 'k', entry)
      for (const args of [['GET', 'k'], ['KEYS', '*'], ['SCAN', '0'], ['DBSIZE'], ['TTL', 'k']]) {
        expect(await client.text(...args)).not.toMatch(/user_script|internal error/)
      }
      await server.fetch(OWNER, 'GET', '/kv/k?meta=true')
      expect(await client.text('SET', 'k', '5')).toBe('OK')
      expect(await client.text('INCR', 'k')).toBe('6')
      expect(await other.text('PING')).toBe('PONG')
    }
    expect(server.logged()).not.toContain('"plaintext"')
  })
})
