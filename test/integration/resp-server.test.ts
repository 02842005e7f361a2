import { generateKeyPairSync } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ARGUMENT_BYTES, COMMAND_BYTES } from '../../src/commands/execution/transaction.ts'
import { COMMANDS } from '../../src/commands/table.ts'
import { keyIndexes, type LeafRow } from '../../src/registry/row.ts'
import { eventually } from '../helpers/eventually.ts'
import { RespClient, request, show } from '../helpers/resp-client.ts'
import { leaves, sampleCalls } from '../helpers/sample-calls.ts'
import { SECRET, SHORT_LIFE_SECONDS, startServer, type TestServer } from '../helpers/server.ts'

const WRONGPASS = '-WRONGPASS invalid username-password pair or user is disabled.'
const NOAUTH = '-NOAUTH Authentication required.'

let server: TestServer
const clients: RespClient[] = []

beforeAll(async () => {
  server = await startServer({ AUTOMATION_KV_MAX_KEYS: '100000' })
})
afterAll(() => server.stop())
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy()
})

const connect = async (): Promise<RespClient> => {
  const client = await RespClient.connect(server.app.ports.resp)
  clients.push(client)
  return client
}

/** Logged in as an automation of its own, so that no test meets another's keys. */
let automations = 0
const login = async (automation = `door-${++automations}`, scope?: string): Promise<RespClient> => {
  const client = await connect()
  expect(await client.text('AUTH', await server.token(automation, { scope }))).toBe('OK')
  return client
}

describe('login', () => {
  test('AUTH takes the token alone or behind any username', async () => {
    const token = await server.token('auth-forms')
    for (const args of [
      ['AUTH', token],
      ['AUTH', 'default', token],
      ['auth', 'anyone at all', token],
    ]) {
      const client = await connect()
      expect(await client.text(...args)).toBe('OK')
      expect(await client.text('PING')).toBe('PONG')
    }
    const client = await connect()
    expect(await client.text('AUTH', 'a', 'b', token)).toBe('-ERR syntax error')
    expect(await client.text('AUTH')).toBe("-ERR wrong number of arguments for 'auth' command")
  })

  test('HELLO logs in, names the connection and picks the protocol', async () => {
    const token = await server.token('hello')
    const two = await connect()
    const greeting = await two.text('HELLO', '2', 'AUTH', 'default', token, 'SETNAME', 'worker')
    expect(greeting).toMatch(
      /^\[server, redis, version, 7\.0\.15, proto, 2, id, \d+, mode, standalone, role, master, modules, \[\]\]$/,
    )
    expect(await two.text('CLIENT', 'GETNAME')).toBe('worker')
    expect(await two.text('HELLO')).toContain('proto, 2')

    const three = await server.respClient()
    three
      .send('HELLO', '3', 'AUTH', 'default', token)
      .send('HGETALL', 'none')
      .send('GET', 'none')
      .send('HELLO', '2')
    expect(await three.until('$7\r\nmodules\r\n*0\r\n')).toMatch(/^%7\r\n\$6\r\nserver\r\n\$5\r\nredis\r\n/)
    expect(await three.until('_\r\n')).toBe('%0\r\n_\r\n')
    expect(await three.until('*14\r\n')).toBe('*14\r\n')
  })

  test('HELLO refuses other protocols, unknown options and strangers', async () => {
    const token = await server.token('hello')
    const client = await connect()
    expect(await client.text('HELLO', '3')).toMatch(
      /^-NOAUTH HELLO must be called with the client already authenticated/,
    )
    expect(await client.text('HELLO')).toMatch(/^-NOAUTH HELLO must be called/)
    expect(await client.text('HELLO', '4', 'AUTH', 'default', token)).toBe(
      '-NOPROTO unsupported protocol version',
    )
    expect(await client.text('HELLO', 'x')).toBe('-ERR Protocol version is not an integer or out of range')
    expect(await client.text('HELLO', '2', 'AUTH', 'default', 'nonsense')).toBe(WRONGPASS)
    expect(await client.text('HELLO', '2', 'AUTH', 'default')).toBe('-ERR Syntax error in HELLO option')
    expect(await client.text('HELLO', '2', 'SETNAME', 'a b', 'AUTH', 'default', token)).toMatch(
      /^-ERR Client names cannot contain spaces/,
    )
    expect(await client.text('PING')).toBe(NOAUTH)
  })

  test('before login everything but AUTH, HELLO, QUIT and RESET is refused', async () => {
    const client = await connect()
    const open = new Set(['auth', 'hello', 'quit', 'reset'])
    for (const row of leaves().filter(({ name }) => !open.has(name))) {
      const name = row.name.split('|')
      const args = Array.from({ length: Math.max(0, Math.abs(row.arity) - name.length) }, () => 'x')
      expect([row.name, await client.text(...name, ...args)]).toEqual([row.name, NOAUTH])
    }
    expect(await client.text('RESET')).toBe('RESET')
    expect(await client.text('QUIT')).toBe('OK')
    expect(await client.repliesUntilClosed()).toEqual([])
  })

  test('a token that does not hold is refused, and says no more than that', async () => {
    const claims = { automation_id: 'victim', run_id: 'r' }
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
    const sign = (alg: string, key: Parameters<SignJWT['sign']>[0], extra: object = {}) =>
      new SignJWT({ ...claims, ...extra })
        .setProtectedHeader({ alg })
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(key)
    const secret = Buffer.from(SECRET)
    const good = await server.token('victim')
    const [header, body, signature] = good.split('.') as [string, string, string]
    const other = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(body, 'base64url').toString()), automation_id: 'else' }),
    ).toString('base64url')
    const refused: Record<string, string> = {
      empty: '',
      garbage: 'garbage',
      'dots only': '..',
      'alg none': new UnsecuredJWT(claims).setExpirationTime('1h').encode(),
      'alg none with a signature': `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.${signature}`,
      'RS256 with no JWKS': await sign('RS256', privateKey),
      'a public key as HMAC secret': await sign('HS256', Buffer.from(pem)),
      'another secret': await sign('HS256', Buffer.from('another-secret-that-is-32-bytes-long!')),
      HS512: await sign('HS512', Buffer.concat([secret, secret])),
      'another payload': `${header}.${other}.${signature}`,
      'no signature': `${header}.${body}.`,
      'no expiry': await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(secret),
      'an automation id with braces': await sign('HS256', secret, { automation_id: '{victim}' }),
      'no automation id': await sign('HS256', secret, { automation_id: undefined }),
      'an unknown scope': await sign('HS256', secret, { scope: 'mail:send' }),
      'NUL behind it': `${good}\0`,
    }
    for (const [what, token] of Object.entries(refused)) {
      const client = await connect()
      expect([what, await client.text('AUTH', token)]).toEqual([what, WRONGPASS])
      expect([what, await client.text('GET', 'x')]).toEqual([what, NOAUTH])
      client.destroy()
    }
    const expired = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuedAt(1)
      .setExpirationTime(2)
      .sign(secret)
    const client = await connect()
    expect(await client.text('AUTH', expired)).toBe('-NOAUTH token expired')
    expect(await client.text('AUTH', good)).toBe('OK')
  })

  test('AUTH again refreshes the same automation; another one is refused and harms nothing', async () => {
    const client = await login('owner')
    await client.call('SET', 'mine', '1')
    expect(await client.text('AUTH', await server.token('owner', { runId: 'run-2' }))).toBe('OK')
    expect(await client.text('AUTH', await server.token('thief'))).toMatch(
      /^-NOPERM this connection belongs to another automation/,
    )
    expect(await client.text('HELLO', '2', 'AUTH', 'u', await server.token('thief'), 'SETNAME', 'x')).toMatch(
      /^-NOPERM /,
    )
    expect(await client.text('AUTH', 'garbage')).toBe(WRONGPASS)
    expect(await client.text('CLIENT', 'GETNAME')).toBe('(nil)')
    expect(await client.text('GET', 'mine')).toBe('1')
  })

  test('commands behind AUTH in the same packet wait for it, also large ones', async () => {
    const client = await connect()
    const big = 'v'.repeat(100_000)
    const token = await server.token('packet', { runId: 'never seen before' })
    client.write(
      Buffer.concat([
        request('GET', 'x'),
        request('AUTH', token),
        request('SET', 'x', big),
        request('GET', 'x'),
      ]),
    )
    expect((await client.replies(4)).map(show)).toEqual([NOAUTH, 'OK', 'OK', big])
  })

  test('RESET logs out and forgets name, protocol and limits', async () => {
    const client = await login()
    await client.call('CLIENT', 'SETNAME', 'worker')
    expect(await client.text('RESET')).toBe('RESET')
    expect(await client.text('GET', 'x')).toBe(NOAUTH)
    expect(await client.text('AUTH', await server.token('someone-else'))).toBe('OK')
    expect(await client.text('CLIENT', 'GETNAME')).toBe('(nil)')
    expect(await client.text('RESET')).toBe('RESET')
    expect(await client.text('SET', 'x', 'v'.repeat(20_000))).toBe(
      '-ERR Protocol error: unauthenticated bulk length',
    )
    await client.repliesUntilClosed()
  })

  test('QUIT answers what came before, closes, and runs nothing that came after', async () => {
    const client = await login('quitter')
    client.write(
      Buffer.concat([
        request('SET', 'before', '1'),
        request('QUIT'),
        request('SET', 'after', '1'),
        request('PING'),
      ]),
    )
    expect((await client.repliesUntilClosed()).map(show)).toEqual(['OK', 'OK'])
    expect(await (await login('quitter')).text('MGET', 'before', 'after')).toBe('[1, (nil)]')
  })

  test('a read-only token may read and not write', async () => {
    const writer = await login('scoped')
    await writer.call('SET', 'k', '1')
    const reader = await login('scoped', 'kv:read')
    expect(await reader.text('GET', 'k')).toBe('1')
    expect(await reader.text('KEYS', '*')).toBe('[k]')
    let refused = 0
    for (const row of leaves()) {
      if (!row.flags.includes('write')) continue
      for (const args of sampleCalls(row, [Buffer.from('k')])) {
        const reply = await reader.text(...args)
        expect([row.name, reply]).toEqual([row.name, '-NOPERM this token is read-only: its scope is kv:read'])
        refused++
      }
    }
    expect(refused).toBeGreaterThan(30)
    expect(await writer.text('GET', 'k')).toBe('1')
    expect(await writer.text('KEYS', '*')).toBe('[k]')
  })
})

describe('the end of a token', () => {
  test('closes an idle connection', async () => {
    const client = await connect()
    expect(await client.text('AUTH', await server.token('short', { ttlSeconds: SHORT_LIFE_SECONDS }))).toBe(
      'OK',
    )
    expect((await client.repliesUntilClosed()).map(show)).toEqual([])
  })

  test('answers what is queued with NOAUTH token expired, and a refresh in time prevents it', async () => {
    const client = await connect()
    const other = await connect()
    for (const each of [client, other])
      expect(await each.text('AUTH', await server.token('short', { ttlSeconds: SHORT_LIFE_SECONDS }))).toBe(
        'OK',
      )
    expect(await other.text('AUTH', await server.token('short', { ttlSeconds: 60 }))).toBe('OK')
    let replies: string[] = []
    // One command after the other until the server has had enough of it.
    const asking = (async () => {
      for (;;) replies.push(await client.text('GET', 'x'))
    })().catch(() => {})
    await client.repliesUntilClosed()
    await asking
    replies = replies.filter((reply) => reply !== '(nil)')
    expect(replies.every((reply) => reply === '-NOAUTH token expired')).toBe(true)
    expect(await other.text('PING')).toBe('PONG')
  })
})

describe('a minute before the end of a token', () => {
  test('a RESP3 client gets a push message, a RESP2 client nothing', async () => {
    const [three, two] = [await server.respClient(), await connect()]
    const token = await server.token('warned', { ttlSeconds: 60 + SHORT_LIFE_SECONDS })
    three.send('HELLO', '3', 'AUTH', 'u', token)
    await three.until('modules\r\n*0\r\n')
    expect(await two.text('AUTH', token)).toBe('OK')
    expect(await three.until(':60\r\n')).toBe('>2\r\n$14\r\ntoken-expiring\r\n:60\r\n')
    expect(await two.text('PING')).toBe('PONG')
    three.send('PING')
    expect(await three.until('\r\n')).toBe('+PONG\r\n')
  })
})

describe('connection commands', () => {
  test('PING, ECHO, SELECT, READONLY, TIME, LOLWUT', async () => {
    const client = await login()
    expect(await client.text('PING')).toBe('PONG')
    expect(await client.text('PING', 'hi')).toBe('hi')
    expect(await client.text('PING', 'a', 'b')).toBe("-ERR wrong number of arguments for 'ping' command")
    expect(await client.text('ECHO', 'a\r\n\0b')).toBe('a\r\n\0b')
    expect(await client.text('SELECT', '0')).toBe('OK')
    expect(await client.text('SELECT', '1')).toBe('-ERR DB index is out of range')
    expect(await client.text('SELECT', 'x')).toBe('-ERR value is not an integer or out of range')
    expect(await client.text('READONLY')).toBe('OK')
    expect(await client.text('TIME')).toMatch(/^\[\d{10,}, \d{1,6}\]$/)
    expect(await client.text('LOLWUT')).toContain('Redis ver. 7.0.15')
  })

  test('CLIENT subcommands', async () => {
    const client = await login('named')
    const sibling = await login('named')
    const stranger = await login('other-automation')
    expect(await client.text('CLIENT', 'GETNAME')).toBe('(nil)')
    expect(await client.text('CLIENT', 'SETNAME', 'worker-1')).toBe('OK')
    expect(await client.text('CLIENT', 'GETNAME')).toBe('worker-1')
    expect(await client.text('CLIENT', 'SETNAME', 'a b')).toMatch(/^-ERR Client names cannot contain spaces/)
    expect(await client.text('CLIENT', 'SETINFO', 'LIB-NAME', 'mylib')).toBe('OK')
    expect(await client.text('CLIENT', 'SETINFO', 'lib-ver', '1.2')).toBe('OK')
    expect(await client.text('CLIENT', 'SETINFO', 'LIB-X', '1')).toMatch(/^-ERR /)
    const id = Number(await client.call('CLIENT', 'ID'))
    expect(await client.text('CLIENT', 'INFO')).toMatch(
      new RegExp(`^id=${id} addr=127\\.0\\.0\\.1:\\d+ .*name=worker-1 .*lib-name=mylib lib-ver=1\\.2\n$`),
    )
    const siblingId = Number(await sibling.call('CLIENT', 'ID'))
    const strangerId = Number(await stranger.call('CLIENT', 'ID'))
    const list = await client.text('CLIENT', 'LIST')
    expect(list.match(/^id=\d+/gm)!.sort()).toEqual([`id=${id}`, `id=${siblingId}`].sort())
    expect(await client.text('CLIENT', 'LIST', 'ID', strangerId)).toBe('')
    expect(await client.text('CLIENT', 'LIST', 'TYPE', 'pubsub')).toBe('')
    expect(await client.text('CLIENT', 'NO-EVICT', 'on')).toBe('OK')
    expect(await client.text('CLIENT', 'NO-TOUCH', 'maybe')).toBe('-ERR syntax error')
    expect(await client.text('CLIENT', 'GETREDIR')).toBe('-1')
    expect(await client.text('CLIENT', 'HELP')).toContain('SETNAME <name>')
    expect(await client.text('CLIENT', 'NONSENSE')).toBe(
      "-ERR unknown subcommand 'NONSENSE'. Try CLIENT HELP.",
    )
    expect(await client.text('CLIENT')).toBe("-ERR wrong number of arguments for 'client' command")
  })

  test("INFO and CLIENT LIST tell what the automation's connections do, and no other's", async () => {
    const [asking, waiting, collecting] = [await login('busy'), await login('busy'), await login('busy')]
    const stranger = await login('other')
    for (const client of [waiting, stranger]) client.write(request('BLPOP', 'nothing', '0'))
    for (const args of [['MULTI'], ['GET', 'a'], ['GET', 'b']]) await collecting.call(...args)
    await eventually(async () =>
      /^connected_clients:3\r\n[^]*^blocked_clients:1\r$/m.test(await asking.text('INFO', 'clients')),
    )
    const states = (await asking.text('CLIENT', 'LIST'))
      .trim()
      .split('\n')
      .map((line) => /flags=\w+|multi=-?\d+/g[Symbol.match](line)!.join(' '))
    expect(states).toEqual(['flags=N multi=-1', 'flags=b multi=-1', 'flags=x multi=2'])
    const queue = 2 * (COMMAND_BYTES + 'GETa'.length + 2 * ARGUMENT_BYTES)
    expect(await asking.text('CLIENT', 'LIST')).toMatch(
      new RegExp(`flags=x .* multi-mem=${queue} .* tot-mem=${queue} events=r cmd=multi `),
    )
    await asking.call('SET', 'lasting', '1')
    for (const seconds of ['100', '300']) await asking.call('SET', `for-${seconds}`, '1', 'EX', seconds)
    const [, ttl] = /db0:keys=3,expires=2,avg_ttl=(\d+)/.exec(await asking.text('INFO', 'keyspace'))!
    expect(Math.round(Number(ttl) / 10_000)).toBe(20)
  })

  test('CLIENT REPLY OFF and SKIP silence replies, errors too, and not their effects', async () => {
    const client = await login()
    const commands = [
      ['CLIENT', 'REPLY', 'SKIP'],
      ['SET', 'skipped', '1'],
      ['GET', 'skipped'],
      ['CLIENT', 'REPLY', 'SKIP'],
      ['NOSUCH'],
      ['ECHO', 'one'],
      ['CLIENT', 'REPLY', 'OFF'],
      ['SET', 'off', '1'],
      ['INCR', 'off'],
      ['NOSUCH'],
      ['GET'],
      ['PING'],
      ['CLIENT', 'REPLY', 'SKIP'],
      ['PING'],
      ['PING'],
      ['CLIENT', 'REPLY', 'ON'],
      ['GET', 'off'],
    ]
    client.write(Buffer.concat(commands.map((args) => request(...args))))
    expect((await client.replies(4)).map(show)).toEqual(['1', 'one', 'OK', '2'])
    expect(await client.text('PING')).toBe('PONG')
  })

  test('COMMAND and its subcommands speak of what is served', async () => {
    const client = await login()
    const served = [...COMMANDS.rows.values()].filter(({ kind }) => kind !== 'refused')
    expect(await client.call('COMMAND', 'COUNT')).toBe(served.length)
    expect(((await client.call('COMMAND')) as unknown[]).length).toBe(served.length)
    expect(await client.text('COMMAND', 'INFO', 'get', 'nosuch', 'debug')).toMatch(
      /^\[\[get, 2, \[readonly, fast\], 1, 1, 1, .*\], \(nil\), \(nil\)\]$/,
    )
    const docs = await client.text('COMMAND', 'DOCS', 'set')
    expect(docs).toMatch(/^\[set, \[summary, /)
    expect(docs).not.toContain('[get, [summary')
    const list = show(await client.call('COMMAND', 'LIST'))
      .slice(1, -1)
      .split(', ')
    expect(list).toEqual(expect.arrayContaining(['get', 'client|id', 'object|encoding']))
    expect(list).not.toEqual(expect.arrayContaining(['debug']))
    expect(await client.text('COMMAND', 'LIST', 'FILTERBY', 'PATTERN', 'hk*')).toBe('[hkeys]')
    expect(await client.text('COMMAND', 'GETKEYS', 'MSET', 'a', '1', 'b', '2')).toBe('[a, b]')
    expect(await client.text('COMMAND', 'GETKEYS', 'EVAL', 'return 1', '0')).toBe('[]')
    expect(await client.text('COMMAND', 'GETKEYS', 'XREAD', 'STREAMS', 'k', '0', '1')).toBe(
      '-ERR Invalid arguments specified for command',
    )
    expect(await client.text('COMMAND', 'GETKEYS', 'PING')).toBe('-ERR The command has no key arguments')
    expect(await client.text('COMMAND', 'GETKEYS', 'GET')).toBe(
      '-ERR Invalid number of arguments specified for command',
    )
    expect(await client.text('COMMAND', 'GETKEYS', 'nosuch', 'x')).toBe('-ERR Invalid command specified')
    expect(await client.text('COMMAND', 'NOSUCH')).toBe("-ERR unknown subcommand 'NOSUCH'. Try COMMAND HELP.")
  })

  test('INFO has its sections, and counts what the pipeline wrote before it', async () => {
    const client = await login()
    client.write(
      Buffer.concat([
        request('SET', 'a', '1'),
        request('INCR', 'b'),
        request('EXPIRE', 'b', '100'),
        request('INFO'),
      ]),
    )
    const info = show((await client.replies(4))[3]!)
    expect(info.match(/^# \w+/gm)).toEqual([
      '# Server',
      '# Clients',
      '# Memory',
      '# Persistence',
      '# Stats',
      '# Replication',
      '# Cluster',
      '# Automation',
      '# Keyspace',
    ])
    expect(info).toContain('db0:keys=2,expires=1,')
    expect(info).toContain('connected_clients:1\r\n')
    const server = await client.text('INFO', 'server')
    expect(server).toMatch(/^# Server\r\nredis_version:7\.0\.15\r\n/)
    expect(server).not.toContain('# Clients')
    expect(await client.text('INFO', 'nosuch')).toBe('')
  })
})

describe('refusals', () => {
  test('unknown commands, wrong arity and what is not offered', async () => {
    const client = await login()
    expect(await client.text('NOSUCH', 'secret argument')).toBe(
      "-ERR unknown command 'NOSUCH', with args beginning with: ",
    )
    expect(await client.text('__proto__')).toMatch(/^-ERR unknown command '__proto__'/)
    expect(await client.text('bad\r\n+OK')).toBe(
      "-ERR unknown command 'bad  +OK', with args beginning with: ",
    )
    expect(await client.text('get|x', 'k')).toMatch(/^-ERR unknown command/)
    expect(await client.text('client|id')).toMatch(/^-ERR unknown command/)
    for (const row of leaves()) {
      const name = row.name.split('|')
      const fill = (count: number): string[] => [
        ...name,
        ...Array.from({ length: Math.max(0, count - name.length) }, () => '1'),
      ]
      const wrong = [
        ...(Math.abs(row.arity) > name.length ? [fill(Math.abs(row.arity) - 1)] : []),
        ...(row.arity > 0 ? [fill(row.arity + 1)] : []),
      ]
      const prefix = row.name === 'exec' ? '-EXECABORT Transaction discarded because of:' : '-ERR'
      for (const args of wrong)
        expect([args, await client.text(...args)]).toEqual([
          args,
          `${prefix} wrong number of arguments for '${row.name}' command`,
        ])
    }
    for (const row of COMMANDS.rows.values()) {
      if (row.kind !== 'refused') continue
      expect(await client.text(row.name, 'x')).toBe(`-NOPERM '${row.name}' is not offered: ${row.reason}`)
    }
  })

  test('every command says of its keys what COMMAND GETKEYS says', async () => {
    const client = await login()
    for (const row of leaves()) {
      for (const args of sampleCalls(row, [Buffer.from('key-1'), Buffer.from('key-2')])) {
        const keys = keyIndexes(row as LeafRow, args).map((index) => args[index]!.toString())
        if (keys.length === 0) continue
        expect([row.name, await client.text('COMMAND', 'GETKEYS', ...args)]).toEqual([
          row.name,
          `[${keys.join(', ')}]`,
        ])
      }
    }
  })
})
