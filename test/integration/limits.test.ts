import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { startRedis } from '../helpers/redis.ts'
import { RespClient, request, show } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

const MIB = 1024 * 1024
const STRANGERS = 100

let server: TestServer
const clients: RespClient[] = []
let extra: TestServer[] = []

beforeAll(async () => {
  server = await startServer({ AUTOMATION_KV_MAX_UNAUTHENTICATED: String(STRANGERS) })
})
afterAll(() => server.stop())
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  for (const each of extra.splice(0)) await each.stop()
})

const start = async (env: Record<string, string>): Promise<TestServer> => {
  const started = await startServer(env)
  extra.push(started)
  return started
}

const connect = async (to = server): Promise<RespClient> => {
  const client = await RespClient.connect(to.app.ports.resp)
  clients.push(client)
  return client
}

let automations = 0
const login = async (to = server, automation = `limits-${++automations}`): Promise<RespClient> => {
  const client = await connect(to)
  expect(await client.text('AUTH', await to.token(automation))).toBe('OK')
  return client
}

test('keys of one command', async () => {
  const few = await start({ AUTOMATION_KV_MAX_KEYS_PER_COMMAND: '3' })
  const client = await login(few)
  const refusal = (used: number): string =>
    `ERR too many keys in one command: ${used} of 3 that AUTOMATION_KV_MAX_KEYS_PER_COMMAND allows`
  const keys = (count: number): string[] => Array.from({ length: count }, (_, i) => `k${i}`)
  expect(await client.text('EXISTS', ...keys(3))).toBe('0')
  expect(await client.text('EXISTS', ...keys(4))).toBe(`-${refusal(4)}`)
  expect(await client.text('MSET', ...keys(8))).toBe(`-${refusal(4)}`)
  expect(await client.text('WATCH', ...keys(5))).toBe(`-${refusal(5)}`)
  expect(await client.text('SUNION', ...keys(3))).toBe('[]')
  expect(await client.text('MULTI')).toBe('OK')
  expect(await client.text('DEL', ...keys(4))).toBe(`-${refusal(4)}`)
  expect(await client.text('EXEC')).toMatch(/^-EXECABORT/)
  expect(await client.text('EVAL', 'return #KEYS', '4', ...keys(4))).toBe(`-${refusal(4)}`)
})

test('names of commands that are asked about at once', async () => {
  const client = await login()
  const names = (count: number): string[] => Array.from({ length: count }, () => 'get')
  expect(await client.call('COMMAND', 'INFO', ...names(1_024))).toHaveLength(1_024)
  for (const subcommand of ['INFO', 'DOCS'])
    expect(await client.text('COMMAND', subcommand, ...names(1_025))).toBe(
      '-ERR too many names of commands: 1025 of 1024',
    )
})

describe('bytes that are no request', () => {
  const header = (text: string): string => `-ERR Protocol error: ${text}`
  const CASES: readonly [what: string, bytes: string | Buffer, stranger: string, known: string][] = [
    [
      'a huge multibulk',
      '*1000000000\r\n',
      header('invalid multibulk length'),
      header('invalid multibulk length'),
    ],
    [
      'more arguments than a request may have',
      '*262145\r\n',
      header('unauthenticated multibulk length'),
      header('invalid multibulk length'),
    ],
    ['a negative bulk', '*1\r\n$-5\r\n', header('invalid bulk length'), header('invalid bulk length')],
    [
      'a bulk length that is no number',
      '*1\r\n$abc\r\n',
      header('invalid bulk length'),
      header('invalid bulk length'),
    ],
    [
      'a multibulk length that is no number',
      '*x\r\n',
      header('invalid multibulk length'),
      header('invalid multibulk length'),
    ],
    ['a huge bulk', '*1\r\n$999999999\r\n', header('invalid bulk length'), header('invalid bulk length')],
    ['eleven arguments', '*11\r\n', header('unauthenticated multibulk length'), ''],
    [
      'no bulk in a multibulk',
      '*1\r\n+OK\r\n',
      header("expected '$', got '+'"),
      header("expected '$', got '+'"),
    ],
    [
      'a bulk without its end',
      '*1\r\n$4\r\nPINGxx',
      header('expected CRLF after bulk'),
      header('expected CRLF after bulk'),
    ],
    [
      'an endless header',
      `*${'1'.repeat(70_000)}`,
      header('too big mbulk count string'),
      header('too big mbulk count string'),
    ],
    [
      'an endless line',
      'x'.repeat(70_000),
      header('too big inline request'),
      header('too big inline request'),
    ],
    [
      'HTTP',
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      "-ERR wrong number of arguments for 'get' command",
      "-ERR wrong number of arguments for 'get' command",
    ],
  ]

  test.each(CASES)('%s', async (_what, bytes, stranger, known) => {
    const client = await connect()
    client.write(bytes)
    expect(show(await client.reply())).toBe(stranger)
    if (known === '') return
    const member = await login()
    member.write(
      Buffer.concat([request('SET', 'kept', '1'), Buffer.from(bytes), request('SET', 'kept', '2')]),
    )
    expect((await member.replies(2)).map(show)).toEqual(['OK', known])
    if (!known.includes('Protocol')) return
    await member.repliesUntilClosed()
  })

  test('random bytes cost their connection, never the server', async () => {
    const bystander = await login()
    let seed = 42
    const random = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) >>> 16
    for (let round = 0; round < 40; round++) {
      const noise = Buffer.from(Array.from({ length: 400 }, () => random() & 0xff))
      const client = round % 2 === 0 ? await connect() : await login()
      client.write(noise).write('\r\n*1\r\n$4\r\nQUIT\r\n')
      client.socket.end()
      await client.repliesUntilClosed()
    }
    expect(await bystander.text('PING')).toBe('PONG')
  })

  test('null and empty multibulks are skipped, as in Redis', async () => {
    const client = await login()
    client.write('*-1\r\n*0\r\n\r\n*1\r\n$4\r\nPING\r\n')
    expect(show(await client.reply())).toBe('PONG')
  })
})

describe('strangers', () => {
  test('have an absolute time to log in, that traffic does not extend', async () => {
    const hasty = await start({ AUTOMATION_KV_LOGIN_TIMEOUT_MS: '300' })
    const silent = await connect(hasty)
    silent.write('*2\r\n$4\r\nAUTH\r\n$10\r\nhal')
    expect(await silent.framesUntilClosed()).toEqual([])
    const busy = await connect(hasty)
    const replies: string[] = []
    while (!busy.closed) replies.push(await busy.text('PING').catch(() => 'closed'))
    expect(replies.filter((reply) => !reply.startsWith('-NOAUTH Authentication'))).toEqual(['closed'])
  })

  test('after RESET the time runs again', async () => {
    const hasty = await start({ AUTOMATION_KV_LOGIN_TIMEOUT_MS: '1500' })
    const client = await login(hasty)
    expect(await client.text('RESET')).toBe('RESET')
    expect(await client.framesUntilClosed()).toEqual([])
  })

  test('2,000 of them do not keep a login out: the oldest give way', async () => {
    const patient = await start({ AUTOMATION_KV_MAX_UNAUTHENTICATED: String(STRANGERS) })
    const strangers = await Promise.all(Array.from({ length: 2_000 }, () => connect(patient)))
    const client = await login(patient)
    expect(await client.text('SET', 'k', '1')).toBe('OK')
    await eventually(() => strangers.filter(({ closed }) => !closed).length < STRANGERS)
    const left = strangers.filter(({ closed }) => !closed)
    expect(await left[0]!.text('PING')).toBe('-NOAUTH Authentication required.')
    const gone = strangers.find(({ closed }) => closed)!
    expect((await gone.repliesUntilClosed()).map(show)).toEqual([
      '-ERR max number of unauthenticated clients reached',
    ])
    expect(await client.text('GET', 'k')).toBe('1')
  })

  test('connections have a limit', async () => {
    const small = await start({ AUTOMATION_KV_MAX_CONNECTIONS: '3' })
    const open = [await login(small), await login(small), await connect(small)]
    const over = await connect(small)
    expect((await over.repliesUntilClosed()).map(show)).toEqual(['-ERR max number of clients reached'])
    open[2]!.destroy()
    await eventually(async () => {
      const next = await connect(small)
      return !(await next.text('PING').catch(() => 'max number')).includes('max number')
    })
    expect(await open[0]!.text('PING')).toBe('PONG')
  })
})

describe('keys and values', () => {
  test('a value that is too large costs its own command only', async () => {
    const client = await login()
    const tooLarge = '-ERR value too large: it is longer than AUTOMATION_KV_MAX_VALUE_SIZE allows'
    client.write(
      Buffer.concat([
        request('SET', 'a', '1'),
        request('SET', 'a', Buffer.alloc(2 * MIB)),
        request('GET', 'a'),
      ]),
    )
    expect((await client.replies(3)).map(show)).toEqual(['OK', tooLarge, '1'])
    expect(await client.text('RPUSH', 'l', 'x', Buffer.alloc(MIB + 1))).toBe(tooLarge)
    expect(await client.text('EXISTS', 'l')).toBe('0')
    const largest = Buffer.alloc(MIB, 0xff)
    expect(await client.text('SET', 'a', largest)).toBe('OK')
    expect(largest.equals((await client.call('GET', 'a')) as Buffer)).toBe(true)
  })

  test('a value cannot grow beyond the limit either', async () => {
    const client = await login()
    const tooLong = '-ERR string exceeds maximum allowed size (proto-max-bulk-len)'
    await client.call('SET', 'a', Buffer.alloc(MIB - 1))
    expect(await client.text('APPEND', 'a', 'x')).toBe(String(MIB))
    expect(await client.text('APPEND', 'a', 'x')).toBe(tooLong)
    expect(await client.text('SETRANGE', 'a', MIB, 'x')).toBe(tooLong)
    expect(await client.text('SETRANGE', 'b', '4000000000', 'x')).toBe(tooLong)
    expect(await client.text('SETRANGE', 'b', MIB - 1, 'x')).toBe(String(MIB))
    expect(await client.text('STRLEN', 'a')).toBe(String(MIB))
  })

  test('names of keys: 255 bytes, any byte, no dollar in front', async () => {
    const client = await login()
    const long = 'k'.repeat(255)
    expect(await client.text('SET', long, '1')).toBe('OK')
    expect(await client.text('SET', `${long}k`, '1')).toBe(
      '-ERR invalid key: the name is longer than AUTOMATION_KV_MAX_KEY_LENGTH allows',
    )
    expect(await client.text('MSET', 'fine', '1', `${long}k`, '1')).toMatch(/^-ERR invalid key/)
    expect(await client.text('EXISTS', 'fine')).toBe('0')
    expect(await client.text('SET', '$reserved', '1')).toBe(
      "-ERR invalid key: names that start with '$' are reserved",
    )
    expect(await client.text('RENAME', long, '$x')).toMatch(/^-ERR invalid key/)
    expect(await client.text('BLPOP', `${long}k`, '0')).toMatch(/^-ERR invalid key/)
    const names = [
      Buffer.from('a\r\nb\0c\x1b'),
      Buffer.from(Array.from({ length: 255 }, (_, i) => (i + 1) & 0xff)),
      Buffer.from([0xff, 0xfe, 0]),
      Buffer.alloc(0),
      Buffer.from('{a}*?['),
    ]
    for (const [i, name] of names.entries()) expect(await client.text('SET', name, i)).toBe('OK')
    for (const [i, name] of names.entries()) {
      expect(await client.text('INCRBY', name, '10')).toBe(String(i + 10))
      expect(await client.text('GET', name)).toBe(String(i + 10))
    }
    const keys = (await client.call('KEYS', '*')) as Buffer[]
    expect(keys.map((name) => name.toString('latin1')).sort()).toEqual(
      [...names.map((name) => name.toString('latin1')), long].sort(),
    )
  })

  test('the number of keys: a pipeline that deletes and makes keys fills the quota exactly', async () => {
    const small = await start({ AUTOMATION_KV_MAX_KEYS: '10' })
    const client = await login(small, 'pipelined-quota')
    const pipeline = async (lines: readonly string[]): Promise<string[]> => {
      client.write(Buffer.concat(lines.map((line) => request(...line.split(' ')))))
      return (await client.replies(lines.length)).map(String)
    }
    const some = (count: number, command: (i: number) => string): string[] =>
      Array.from({ length: count }, (_, i) => command(i))
    await pipeline(some(10, (i) => `SET k${i} v`))
    for (let round = 0; round < 3; round++) {
      await pipeline([...some(5, (i) => `DEL k${i}`), ...some(60, (i) => `SET new${round}-${i} v`)])
      expect(await client.text('DBSIZE')).toBe('10')
      await pipeline(['FLUSHALL', ...some(10, (i) => `SET k${i} v`)])
    }
    await pipeline(['FLUSHALL', ...some(6, (i) => `SET a${i} v PX 5`), 'SET b v'])
    await eventually(async () => (await client.text('DBSIZE')) === '1')
    await pipeline(some(6, (i) => `SET a${i} v PX 5`))
    await eventually(async () => (await small.backing().exists('kv:{pipelined-quota}:k:a5')) === 0)
    expect(await pipeline(some(9, (i) => `SET a${i} v`))).toEqual(Array.from({ length: 9 }, () => 'OK'))
    expect(await client.text('DBSIZE')).toBe('10')
  })

  test('the number of keys: nothing of a command that goes beyond it is written', async () => {
    const small = await start({ AUTOMATION_KV_MAX_KEYS: '5' })
    const client = await login(small, 'quota')
    const full = '-OOM automation quota exceeded: 5 of 5 keys are used'
    expect(await client.text('MSET', 'a', '1', 'b', '2', 'c', '3')).toBe('OK')
    expect(await client.text('MSET', 'd', '1', 'e', '2', 'f', '3')).toBe(
      '-OOM automation quota exceeded: 3 of 5 keys are used',
    )
    expect(await client.text('EXISTS', 'd', 'e', 'f')).toBe('0')
    expect(await client.text('RPUSH', 'd', 'x')).toBe('1')
    expect(await client.text('INCR', 'e')).toBe('1')
    for (const args of [
      ['SET', 'f', '1'],
      ['INCR', 'f'],
      ['APPEND', 'f', 'x'],
      ['HSET', 'f', 'a', 'b'],
      ['HINCRBY', 'f', 'a', '1'],
      ['LPUSH', 'f', 'x'],
      ['COPY', 'a', 'f'],
      ['SETRANGE', 'f', '0', 'x'],
      ['MSETNX', 'f', '1'],
      ['LMOVE', 'd', 'f', 'LEFT', 'LEFT'],
    ]) {
      if (args[0] === 'LMOVE') await client.call('RPUSH', 'd', 'y')
      expect([args, await client.text(...args)]).toEqual([args, full])
    }
    expect(await client.text('EXISTS', 'f')).toBe('0')
    expect((await small.fetch('quota', 'PUT', '/kv/f', '1')).status).toBe(413)
    expect(await client.text('RENAME', 'a', 'f')).toBe('OK')
    expect(await client.text('LRANGE', 'd', '0', '-1')).toBe('[x, y]')
    expect(await client.text('SET', 'b', 'changed')).toBe('OK')
    expect(await client.text('INCR', 'e')).toBe('2')
    expect(await client.text('DBSIZE')).toBe('5')
    expect(await client.text('SET', 'b', 'soon gone', 'PX', '1')).toBe('OK')
    await eventually(async () => (await client.call('EXISTS', 'b')) === 0)
    await eventually(async () => (await client.text('SET', 'new', '1')) === 'OK')
    expect(await client.text('SET', 'newer', '1')).toBe(full)
    client.write(
      Buffer.concat([request('DEL', 'new'), ...['p', 'q', 'r'].map((key) => request('INCR', key))]),
    )
    expect((await client.replies(4)).map(show)).toEqual(['1', '1', full, full])
    expect(await (await login(small, 'other')).text('SET', 'k', '1')).toBe('OK')
  })
})

describe('a client that sends and never reads', () => {
  test('is no longer read from; memory stays bounded and others are served', async () => {
    const hog = await login()
    expect(await hog.text('SET', 'big', Buffer.alloc(MIB, 0x61))).toBe('OK')
    hog.socket.pause()
    const gets = Buffer.concat(Array.from({ length: 1_000 }, () => request('GET', 'big')))
    const before = process.memoryUsage().rss
    let accepted = 0
    for (let i = 0; i < 400; i++) hog.socket.write(gets, () => accepted++)
    const bystander = await login()
    let last = -1
    // Until the server has stopped reading what was sent.
    await eventually(async () => {
      for (let i = 0; i < 50; i++) expect(await bystander.text('INCR', 'n')).toMatch(/^\d+$/)
      const still = accepted === last
      last = accepted
      return still && hog.socket.writableLength > 0
    })
    expect(accepted).toBeLessThan(400)
    expect((process.memoryUsage().rss - before) / MIB).toBeLessThan(300)
    expect(await bystander.text('PING')).toBe('PONG')
  })
})

describe('the backing Redis', () => {
  test('gone and back: commands fail at once and say so, then all is well again', async () => {
    const redis = await startRedis({ aof: true })
    const before = await startServer({}, redis)
    extra.push(before)
    const client = await login(before, 'outage')
    expect(await client.text('SET', 'kept', '1')).toBe('OK')
    await redis.kill()
    await eventually(
      async () =>
        (await client.text('GET', 'kept')) ===
        '-TRYAGAIN the backing Redis is unavailable; nothing was written',
    )
    const startedAt = Date.now()
    const unavailable = '-TRYAGAIN the backing Redis is unavailable; nothing was written'
    for (const args of [
      ['SET', 'kept', '2'],
      ['INCR', 'kept'],
      ['KEYS', '*'],
      ['DEL', 'kept'],
      ['HSET', 'h', 'a', '1'],
      ['FLUSHALL'],
    ]) {
      expect([args, await client.text(...args)]).toEqual([args, unavailable])
    }
    expect(await client.text('INFO')).toBe(unavailable)
    expect(await client.text('PING')).toBe('PONG')
    const answer = await before.fetch('outage', 'GET', '/kv/kept')
    expect([answer.status, JSON.parse(answer.text).error, answer.headers.get('retry-after')]).toEqual([
      503,
      'unavailable',
      '1',
    ])
    expect((await fetch(`http://127.0.0.1:${before.app.ports.admin}/readyz`)).status).toBe(503)
    expect(await (await connect(before)).text('AUTH', await before.token('outage', { runId: 'new' }))).toBe(
      'OK',
    )
    expect(Date.now() - startedAt).toBeLessThan(before.config.commandTimeoutMs)
    await redis.restart()
    await eventually(async () => (await client.text('INCR', 'kept')) === '2')
    expect((await fetch(`http://127.0.0.1:${before.app.ports.admin}/readyz`)).status).toBe(200)
    // It can also be stopped without a Redis.
    await redis.kill()
    await before.stop()
    extra = []
    await redis.stop()
  })

  test('forgets its scripts: a pipeline goes on in order', async () => {
    const client = await login()
    const backing = server.backing()
    for (let round = 0; round < 20; round++) {
      await backing.script('FLUSH')
      expect(await client.text('SET', 'k', round)).toBe('OK')
      await backing.script('FLUSH')
      expect(await client.text('INCR', 'k')).toBe(String(round + 1))
      await backing.script('FLUSH')
      const parts: Buffer[] = []
      for (let i = 0; i < 60; i++) parts.push(request('SET', 'p', i), request('GET', 'p'))
      client.write(Buffer.concat(parts))
      const flushed = backing.script('FLUSH')
      const replies = (await client.replies(120)).map(show)
      await flushed
      let expected = round === 0 ? '(nil)' : '59'
      for (let i = 0; i < 60; i++) {
        if (replies[2 * i] === 'OK') expected = String(i)
        else
          expect(replies[2 * i]).toBe('-TRYAGAIN the backing Redis had lost its scripts; nothing was written')
        expect([i, replies[2 * i + 1]]).toEqual([i, expected])
      }
      await eventually(async () => (await client.text('SET', 'p', '59')) === 'OK')
    }
  })

  test('drops the connection: what was under way has a clear end, what comes next works', async () => {
    const client = await login()
    const backing = server.backing()
    const stop = { now: false }
    const odd: string[] = []
    const load = (async () => {
      while (!stop.now) {
        const reply = await client.text('INCR', 'n')
        if (!/^\d+$/.test(reply)) odd.push(reply)
      }
    })()
    for (let i = 0; i < 5; i++) {
      await backing.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await eventually(async () => (await client.text('GET', 'n')).match(/^\d+$/) !== null)
    }
    stop.now = true
    await load
    for (const reply of odd)
      expect(reply).toMatch(
        /^-TRYAGAIN the (backing Redis is unavailable; nothing was written|link to the backing Redis broke before it answered; the outcome of this write is unknown)$/,
      )
  })

  test('is full, or read-only: the refusal says that nothing was written', async () => {
    const other = await start({})
    const client = await login(other, 'full')
    const backing = other.backing()
    expect(await client.text('MSET', 'a', '1', 'l', '2')).toBe('OK')
    const refusal = (prefix: string): string =>
      `-TRYAGAIN the backing Redis refused the command (${prefix}); nothing was written`
    const version = JSON.parse((await other.fetch('full', 'GET', '/kv/a?meta=true')).text).version
    await backing.config('SET', 'maxmemory', '1')
    for (const args of [
      ['SET', 'a', '2'],
      ['MSET', 'a', '2', 'b', '3'],
      ['INCR', 'a'],
      ['APPEND', 'a', 'x'],
      ['RPUSH', 'list', 'x'],
      ['HSET', 'h', 'f', 'v'],
    ]) {
      expect([args, await client.text(...args)]).toEqual([args, refusal('OOM')])
    }
    const answer = await other.fetch('full', 'PUT', '/kv/a', '2')
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([503, 'unavailable'])
    expect(await client.text('MGET', 'a', 'b', 'h')).toBe('[1, (nil), (nil)]')
    expect(await client.text('DEL', 'l')).toBe('1')
    await backing.config('SET', 'maxmemory', '0')
    expect(JSON.parse((await other.fetch('full', 'GET', '/kv/a?meta=true')).text).version).toBe(version + 1)
    await backing.replicaof('127.0.0.1', '1')
    for (const args of [['SET', 'a', '2'], ['INCR', 'a'], ['DEL', 'a'], ['FLUSHALL']]) {
      expect([args, await client.text(...args)]).toEqual([args, refusal('READONLY')])
    }
    expect(await client.text('GET', 'a')).toBe('1')
    await backing.replicaof('NO', 'ONE')
    expect(await client.text('INCR', 'a')).toBe('2')
  })
})
