import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { encodeReply, OutputBuffer } from '../../src/protocol/encode.ts'
import type { Reply } from '../../src/reply/reply.ts'
import { startEngine } from '../helpers/engine.ts'
import { startServer } from '../helpers/server.ts'
import { useComparison } from './lib/comparison.ts'
import { LANGUAGE, LIBRARIES, PROGRAMS, REPLIES } from './scripting-scripts.ts'

/** Scripts on a real Redis 7.0 and here: replies byte for byte in RESP2 and RESP3. */
const comparison = useComparison()
let automations = 0

const wire = (reply: Reply): [string, string] =>
  ([2, 3] as const).map((protocol) => {
    const out = new OutputBuffer()
    encodeReply(reply, protocol, out)
    return Buffer.concat(out.take()).toString('latin1')
  }) as [string, string]

type Command = readonly (string | Buffer)[]

async function same(commands: readonly Command[]): Promise<void> {
  await comparison.reference.clear()
  const automation = `scripts-${++automations}`
  for (const command of commands) {
    const args = command.map((arg) => Buffer.from(arg as string))
    const expected = (await comparison.reference.run(args)).map((bytes) => bytes.toString('latin1'))
    const actual = wire(await comparison.engine.run(automation, args))
    expect({ command: command.map(String), replies: actual }).toEqual({
      command: command.map(String),
      replies: expected,
    })
  }
}

const scriptsOf = (table: readonly (string | Command)[]): Command[] =>
  table.map((row) => (typeof row === 'string' ? ['EVAL', row, '0'] : ['EVAL', ...row]))

describe('scripts answer as in Redis', () => {
  test.each(scriptsOf(REPLIES).map((command) => [command[1]!, command] as const))(
    'reply: %s',
    (_name, command) => same([command]),
  )
  test.each(scriptsOf(LANGUAGE).map((command) => [command[1]!, command] as const))(
    'language: %s',
    (_name, command) => same([command]),
  )
  test.each(scriptsOf(LIBRARIES).map((command) => [command[1]!, command] as const))(
    'library: %s',
    (_name, command) => same([command]),
  )
  test.each(Object.entries(PROGRAMS))('program: %s', (_name, commands) => same(commands))
})

describe('scripts and the automation that they belong to', () => {
  const run = async (
    automation: string,
    args: Command,
    options: { readOnly?: boolean } = {},
  ): Promise<string> => wire(await comparison.engine.run(automation, args, options))[0]
  const sha1 = (source: string): string => createHash('sha1').update(source).digest('hex')

  test('keys that were not declared are served as well, and only those of the automation', async () => {
    await run('others', ['SET', 'secret', 'theirs'])
    expect(await run('keys', ['EVAL', 'return redis.call("SET", "other", 1)', '0'])).toBe('+OK\r\n')
    expect(
      await run('keys', [
        'EVAL',
        'redis.call("INCR", KEYS[1]) return redis.call("MGET", KEYS[1], "other", "secret")',
        '1',
        'a',
      ]),
    ).toBe('*3\r\n$1\r\n1\r\n$1\r\n1\r\n$-1\r\n')
    const chain =
      'local name = "a" for i = 1, 20 do redis.call("SET", name .. i, i) name = name .. redis.call("GET", name .. i) end return name'
    expect(await run('keys', ['EVAL', chain, '0'])).toContain('a1234567891011')
    expect(await run('keys', ['EVAL', 'return redis.call("GET", "kv:{others}:k:secret")', '0'])).toBe(
      '$-1\r\n',
    )
  })

  test('keys are checked as outside of scripts', async () => {
    expect(await run('checked', ['EVAL', 'return redis.call("SET", "$own", 1)', '0'])).toMatch(
      /^-ERR invalid key: names that start with/,
    )
    expect(await run('checked', ['EVAL', 'return redis.call("SET", ("k"):rep(256), 1)', '0'])).toMatch(
      /^-ERR invalid key/,
    )
    expect(await run('checked', ['EVAL', 'return redis.call("EXISTS", KEYS[1])', '1', '$own'])).toBe(':0\r\n')
  })

  test('a script of one automation is unknown to another', async () => {
    const source = 'return "only mine"'
    expect(await run('mine', ['SCRIPT', 'LOAD', source])).toContain(sha1(source))
    expect(await run('mine', ['EVALSHA', sha1(source), '0'])).toContain('only mine')
    expect(await run('other', ['EVALSHA', sha1(source), '0'])).toBe(
      '-NOSCRIPT No matching script. Please use EVAL.\r\n',
    )
    expect(await run('other', ['SCRIPT', 'EXISTS', sha1(source)])).toBe('*1\r\n:0\r\n')
  })

  test('a read-only token runs scripts that read', async () => {
    await run('reader', ['SET', 'k', 'v'])
    expect(
      await run('reader', ['EVAL', 'return redis.call("GET", KEYS[1])', '1', 'k'], { readOnly: true }),
    ).toBe('$1\r\nv\r\n')
    expect(
      await run('reader', ['EVAL', 'return redis.call("SET", KEYS[1], "x")', '1', 'k'], { readOnly: true }),
    ).toMatch(/^-NOPERM this token is read-only/)
    expect(
      await run('reader', ['EVAL', 'return redis.acl_check_cmd("SET", KEYS[1], "x")', '1', 'k'], {
        readOnly: true,
      }),
    ).toBe('$-1\r\n')
    expect(await run('reader', ['GET', 'k'])).toBe('$1\r\nv\r\n')
  })

  test('what is not offered is not offered to scripts', async () => {
    expect(await run('offered', ['EVAL', 'return redis.call("DEBUG", "SLEEP", "x")', '0'])).toMatch(
      /^-NOPERM 'debug' is not offered/,
    )
    expect(await run('offered', ['EVAL', 'return redis.call("SCRIPT", "DEBUG", "YES")', '0'])).toMatch(
      /^-NOPERM/,
    )
    expect(await run('offered', ['SCRIPT', 'DEBUG', 'YES'])).toMatch(
      /^-NOPERM 'script\|debug' is not offered/,
    )
  })

  test('a value that a script makes may not be larger than any other', async () => {
    const source = 'return redis.call("SET", KEYS[1], ("x"):rep(ARGV[1]))'
    expect(await run('large', ['EVAL', source, '1', 'k', '1048576'])).toBe('+OK\r\n')
    expect(await run('large', ['EVAL', source, '1', 'k', '1048577'])).toMatch(/^-ERR value too large/)
    expect(await run('large', ['STRLEN', 'k'])).toBe(':1048576\r\n')
  })

  test('one script is one write, whatever it writes; none when it only reads', async () => {
    await run('versions', [
      'EVAL',
      'for i, k in ipairs(KEYS) do redis.call("SET", k, i) end',
      '3',
      'a',
      'b',
      'c',
    ])
    expect(await comparison.engine.version('versions')).toBe(1)
    await run('versions', ['EVAL', 'return redis.call("MGET", unpack(KEYS))', '3', 'a', 'b', 'c'])
    expect(await comparison.engine.version('versions')).toBe(1)
    await run('versions', ['EVAL', 'redis.call("DEL", KEYS[1]) error("after")', '1', 'a'])
    expect(await comparison.engine.version('versions')).toBe(2)
    expect(await run('versions', ['EXISTS', 'a', 'b'])).toBe(':1\r\n')
  })

  test('a script that is killed has written nothing, at once or under the watchdog', async () => {
    await run('killed', ['SET', 'k', 'before'])
    const killed =
      /^-ERR Error running script [0-9a-f]{40}, the script was killed: it ran longer than AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS allows; nothing was written/
    expect(
      await run('killed', ['EVAL', 'redis.call("SET", KEYS[1], "after") while true do end', '1', 'k']),
    ).toMatch(killed)
    expect(
      await run('killed', [
        'EVAL',
        'redis.call("SET", KEYS[1], "after") return ("a"):rep(5000):find((".-"):rep(9) .. "b")',
        '1',
        'k',
      ]),
    ).toMatch(killed)
    expect(await run('killed', ['GET', 'k'])).toBe('$6\r\nbefore\r\n')
    expect(await comparison.engine.version('killed')).toBe(1)
  })

  test('a script that comes to the watchdog starts again, and writes once', async () => {
    const source = `
      local n = redis.call("INCR", KEYS[1])
      local count = 0
      for word in ("key=value "):rep(1000):gmatch("(%w+)=%w+") do count = count + 1 end
      return {n, count}`
    expect(await run('watched', ['EVAL', source, '1', 'n'])).toBe('*2\r\n:1\r\n:1000\r\n')
    expect(await run('watched', ['GET', 'n'])).toBe('$1\r\n1\r\n')
  })

  test('an automation whose scripts are slow has to wait; others have not', async () => {
    const outcomes: string[] = []
    do outcomes.push(await run('slow', ['EVAL', 'while true do end', '0']))
    while (!outcomes.at(-1)!.startsWith('-TRYAGAIN') && outcomes.length < 20)
    expect(outcomes[0]).toContain('the script was killed')
    expect(outcomes.at(-1)).toMatch(/^-TRYAGAIN slow scripts of this automation used up its time/)
    expect(await run('quick', ['EVAL', 'return 1', '0'])).toBe(':1\r\n')
  })

  test('many slow scripts in one pipeline do not stop the others', async () => {
    const busy = 'local t = {} for i = 1, 4e5 do t[1] = i end return 1'
    const pipeline = Array.from({ length: 40 }, () => run('pipeline', ['EVAL', busy, '0']))
    let finished = false
    const all = Promise.all(pipeline).then((replies) => {
      finished = true
      return replies
    })
    for (let i = 0; i < 3; i++) await run('bystander', ['INCR', 'n'])
    expect(finished).toBe(false)
    expect(new Set(await all)).toEqual(new Set([':1\r\n']))
  })

  test('concurrent scripts lose nothing, from two processes', async () => {
    const second = await startEngine(comparison.backingRedis.url)
    const source =
      'local n = tonumber(redis.call("GET", KEYS[1]) or 0) redis.call("SET", KEYS[1], n + 1) redis.call("RPUSH", KEYS[2], n) return n'
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        (i % 2 === 0 ? comparison.engine : second).run('concurrent', ['EVAL', source, '2', 'n', 'l']),
      ),
    )
    expect(await run('concurrent', ['GET', 'n'])).toBe('$3\r\n100\r\n')
    const list = (await comparison.engine.run('concurrent', ['LRANGE', 'l', '0', '-1'])) as Buffer[]
    expect(list.map(Number)).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(await comparison.engine.version('concurrent')).toBe(100)
    await second.close()
  })

  test('all keys of the automation are a command away, those of another are not', async () => {
    await run('names', ['MSET', 'a', '1', 'b', '2'])
    expect(
      await run('names', [
        'EVAL',
        'local k = redis.call("KEYS", "*") table.sort(k) return {k, redis.call("DBSIZE")}',
        '0',
      ]),
    ).toBe('*2\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n:2\r\n')
  })
})

describe('scripts through the door', () => {
  test('a client calls a script by its hash: in a transaction, in RESP3, after SCRIPT FLUSH', async () => {
    const server = await startServer({}, comparison.backingRedis)
    try {
      const client = await server.client('door')
      client.defineCommand('bump', { numberOfKeys: 1, lua: 'return redis.call("INCRBY", KEYS[1], ARGV[1])' })
      const bump = (client as unknown as { bump(key: string, by: number): Promise<number> }).bump.bind(client)
      expect(await bump('n', 2)).toBe(2)
      expect(await bump('n', 3)).toBe(5)
      expect(await client.script('FLUSH')).toBe('OK')
      expect(await bump('n', 1)).toBe(6)

      const source = 'redis.call("SET", KEYS[1], ARGV[1]) if ARGV[2] then error("no") end return ARGV[1]'
      const outcomes = await client
        .multi()
        .set('t', '0')
        .eval(source, 1, 't', '1')
        .script('LOAD', source)
        .eval(source, 1, 't', '2', 'x')
        .get('t')
        .exec()
      expect(outcomes!.map(([error, reply]) => error?.message.slice(0, 23) ?? reply)).toEqual([
        'OK',
        '1',
        createHash('sha1').update(source).digest('hex'),
        'ERR user_script:1: no s',
        '2',
      ])

      const killed = await client
        .multi()
        .set('t', '3')
        .eval('redis.call("SET", KEYS[1], "4") while true do end', 1, 't')
        .get('t')
        .exec()
      expect(killed![1]![0]?.message).toContain('the script was killed')
      expect(killed![2]![1]).toBe('3')

      const socket = await server.respClient()
      socket.send('HELLO', '3', 'AUTH', 'default', await server.token('door'))
      await socket.until('modules\r\n*0\r\n')
      socket.send('EVAL', 'redis.setresp(3) return {map = {a = {double = 1.5}}}', '0')
      expect(await socket.until('1.5\r\n')).toBe('%1\r\n$1\r\na\r\n,1.5\r\n')
      socket.send('EVAL', 'error("secret-canary-in-an-error")', '0')
      await socket.until('\r\n')
      expect(server.logged()).not.toContain('secret-canary')
    } finally {
      await server.stop()
    }
  })
})
