// redis-cli and redis-benchmark, as they are used in a terminal.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { feature, host, none, port, restart, tell, token, url } from './probe.mjs'

const AUTH = { ...process.env, REDISCLI_AUTH: token }
const SERVER = ['-h', host, '-p', String(port)]

/** @typedef {{ code: number | null, output: Buffer, errors: string }} Ended */

/** @param {string} program @param {string[]} args @param {NodeJS.ProcessEnv} env */
const start = (program, args, env = AUTH) => {
  const child = spawn(program, args, { env })
  child.stdin.on('error', () => {})
  const output = { text: Buffer.alloc(0), errors: '' }
  /** @type {Set<() => void>} */
  const waiting = new Set()
  const collect = (/** @type {Buffer} */ chunk) => {
    output.text = Buffer.concat([output.text, chunk])
    for (const wake of waiting) wake()
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', (chunk) => (output.errors += chunk))
  /** @type {Promise<Ended>} */
  const ended = new Promise((resolve) =>
    child.once('close', (code) => resolve({ code, output: output.text, errors: output.errors })),
  )
  /** Resolves when the output has the pattern. @param {RegExp} pattern @returns {Promise<RegExpExecArray>} */
  const until = (pattern) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(output.text.toString())
        if (match === null) return
        waiting.delete(look)
        resolve(match)
      }
      waiting.add(look)
      void ended.then(() => reject(new Error(`ended without ${pattern}: ${output.text} ${output.errors}`)))
      look()
    })
  return { child, until, ended }
}

/**
 * Runs a program to its end.
 * @param {string} program
 * @param {string[]} args
 * @param {string | Buffer} input
 * @param {NodeJS.ProcessEnv} env
 */
const run = async (program, args, input = '', env = AUTH) => {
  const { child, ended } = start(program, args, env)
  child.stdin.end(input)
  return ended
}

/** What redis-cli prints for a command. @param {string[]} args */
const cli = async (...args) =>
  (await run('redis-cli', [...SERVER, ...args])).output.toString().replace(/\n$/, '')
/** @param {string[]} args */
const lines = async (...args) => (await cli(...args)).split('\n')
/** Commands on standard input, a line each. @param {string} input @param {string[]} options */
const piped = async (input, ...options) =>
  (await run('redis-cli', [...SERVER, ...options], input)).output.toString().trimEnd().split('\n')

tell(
  'version',
  (await run('redis-cli', ['--version'])).output.toString().replace(/^redis-cli (\S+)[^]*/, '$1'),
)

await feature('url', async () => {
  assert.equal((await run('redis-cli', ['-u', url, 'PING'], '', process.env)).output.toString(), 'PONG\n')
})
await feature('hostport', async () => {
  assert.equal(await cli('PING'), 'PONG')
  assert.equal(
    (
      await run('redis-cli', [...SERVER, '-a', token, '--no-auth-warning', 'PING'], '', process.env)
    ).output.toString(),
    'PONG\n',
  )
  assert.equal(
    (
      await run(
        'redis-cli',
        [...SERVER, '--user', 'any', '--pass', token, '--no-auth-warning', 'PING'],
        '',
        process.env,
      )
    ).output.toString(),
    'PONG\n',
  )
  assert.match(await cli('INFO'), /redis_version:/)
})
await feature('strings', async () => {
  assert.equal(await cli('SET', 's', 'v', 'EX', '100'), 'OK')
  assert.equal(await cli('GET', 's'), 'v')
  assert.equal(await cli('INCR', 'n'), '1')
  assert.deepEqual(await lines('-r', '3', 'INCR', 'n'), ['2', '3', '4'])
  assert.equal(await cli('--no-raw', 'GET', 'absent'), '(nil)')
})
await feature('lists', async () => {
  assert.equal(await cli('RPUSH', 'l', 'a', 'b'), '2')
  assert.equal(await cli('--csv', 'LRANGE', 'l', '0', '-1'), '"a","b"')
})
await feature('hashes', async () => {
  assert.equal(await cli('HSET', 'h', 'a', '1'), '1')
  assert.equal(await cli('--no-raw', 'HGETALL', 'h'), '1) "a"\n2) "1"')
})
await feature('sets', async () => {
  await cli('SADD', 't', 'a', 'b')
  assert.deepEqual((await lines('SMEMBERS', 't')).sort(), ['a', 'b'])
})
await feature('zsets', async () => {
  await cli('ZADD', 'z', '1', 'a', '2.5', 'b')
  assert.deepEqual(await lines('ZRANGE', 'z', '0', '-1', 'WITHSCORES'), ['a', '1', 'b', '2.5'])
})
await feature('streams', async () => {
  await cli('XADD', 'x', '1-1', 'k', 'v')
  assert.deepEqual(await lines('XRANGE', 'x', '-', '+'), ['1-1', 'k', 'v'])
})
await feature('pipeline', async () => {
  assert.deepEqual(await piped('SET a 1\nINCR a\nGET a\n'), ['OK', '2', '2'])
  const protocol = Array.from(
    { length: 1000 },
    (_, i) => `*3\r\n$5\r\nRPUSH\r\n$4\r\nmass\r\n$${String(i).length}\r\n${i}\r\n`,
  ).join('')
  const { output } = await run('redis-cli', [...SERVER, '--pipe'], protocol)
  assert.match(output.toString(), /errors: 0, replies: 1000/)
  assert.equal(await cli('LLEN', 'mass'), '1000')
})
await feature('transaction', async () => {
  assert.deepEqual(await piped('MULTI\nSET m 1\nINCR m\nEXEC\n'), ['OK', 'QUEUED', 'QUEUED', 'OK', '2'])
  assert.deepEqual(await piped('WATCH m\nSET m 9\nMULTI\nGET m\nEXEC\n', '--no-raw'), [
    'OK',
    'OK',
    'OK',
    'QUEUED',
    '(nil)',
  ])
})
await feature('pubsub', async () => {
  const listener = start('redis-cli', [...SERVER, 'SUBSCRIBE', 'news'])
  await listener.until(/subscribe\nnews\n1\n/)
  assert.equal(await cli('PUBLISH', 'news', 'hello'), '1')
  await listener.until(/message\nnews\nhello\n/)
  listener.child.kill()
  await listener.ended
})
await feature('blocking', async () => {
  const waiter = run('redis-cli', [...SERVER, 'BLPOP', 'later', '10'])
  await cli('RPUSH', 'later', 'job')
  assert.equal((await waiter).output.toString(), 'later\njob\n')
})
await feature('script', async () => {
  assert.deepEqual(
    await lines('EVAL', "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}", '1', 'c', 'x'),
    ['c', 'x', '1'],
  )
  const sha = await cli('SCRIPT', 'LOAD', 'return ARGV[1]')
  assert.equal(await cli('EVALSHA', sha, '0', 'v'), 'v')
  const folder = mkdtempSync(join(tmpdir(), 'akv-cli-'))
  writeFileSync(join(folder, 'script.lua'), 'return {KEYS[1], ARGV[1]}')
  assert.deepEqual(await lines('--eval', join(folder, 'script.lua'), 'key', ',', 'arg'), ['key', 'arg'])
  rmSync(folder, { recursive: true })
})
none('lock', 'not part of the client')
await feature('resp3', async () => {
  assert.equal(await cli('-3', '--no-raw', 'HGETALL', 'h'), '1# "a" => "1"')
  assert.equal(await cli('--json', 'HGETALL', 'h'), '{"a":"1"}')
})
await feature('scan', async () => {
  await piped(Array.from({ length: 150 }, (_, i) => `SET scan:${i} ${i}\n`).join(''))
  assert.equal(new Set(await lines('--scan', '--pattern', 'scan:*')).size, 150)
})
await feature('binary', async () => {
  const blob = Buffer.concat([
    Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    Buffer.from('\r\n$-1\r\n'),
  ])
  await run('redis-cli', [...SERVER, '-x', 'SET', 'bin'], blob)
  assert.ok((await run('redis-cli', [...SERVER, 'GET', 'bin'])).output.subarray(0, -1).equals(blob))
  assert.deepEqual(await piped('SET "k\\x00\\xff" "\\r\\n"\nGET "k\\x00\\xff"\n', '--no-raw'), [
    'OK',
    '"\\r\\n"',
  ])
})
await feature('big', async () => {
  const big = Buffer.from(randomBytes(450 * 1024).toString('hex'))
  await run('redis-cli', [...SERVER, '-x', 'SET', 'big'], big)
  assert.ok((await run('redis-cli', [...SERVER, 'GET', 'big'])).output.subarray(0, -1).equals(big))
  await cli('DEL', 'big')
})
await feature('errors', async () => {
  assert.match(await cli('LPUSH', 's', 'x'), /^WRONGTYPE /)
  assert.match(await cli('CONFIG', 'SET', 'timeout', '1'), /^NOPERM /)
  const { code, errors } = await run('redis-cli', [...SERVER, '-e', 'LPUSH', 's', 'x'])
  assert.equal(code, 1)
  assert.match(errors, /WRONGTYPE/)
  assert.match(
    (
      await run('redis-cli', [...SERVER, 'GET', 's'], '', { ...process.env, REDISCLI_AUTH: undefined })
    ).output.toString(),
    /NOAUTH/,
  )
  assert.match(
    (await run('redis-cli', [...SERVER, 'GET', 's'], '', { ...AUTH, REDISCLI_AUTH: 'wrong' })).errors,
    /WRONGPASS/,
  )
})

/**
 * A tool that answers, or prints why it cannot.
 * @param {string} name
 * @param {string[]} args
 * @param {RegExp} works
 * @param {RegExp} [refused]
 */
const tool = async (name, args, works, refused, why = '') => {
  const { output, errors } = await run('redis-cli', [...SERVER, ...args])
  const text = `${output}\n${errors}`
  const refusal = refused?.exec(text)
  if (refusal) tell('refused', name, why === '' ? refusal[0] : why)
  else if (works.test(text)) tell('ok', name)
  else tell('fail', name, text.slice(-600))
}

// script of util-linux gives a terminal; without a width redis-cli would ask it where the cursor is.
const SCRIPT = '/usr/bin/script'
/** @param {string[]} args */
const terminal = (...args) =>
  start(SCRIPT, ['-qec', `stty cols 200; redis-cli ${[...SERVER, ...args].join(' ')}`, '/dev/null'], {
    ...AUTH,
    TERM: 'xterm',
  })

const interactive = async () => {
  const { child, until, ended } = terminal()
  // Only after a prompt: what is typed before it is thrown away.
  await until(/> /)
  child.stdin.write('zadd k')
  await until(/\[NX\|XX\]/)
  child.stdin.write(' 1 one\r')
  await until(/\(integer\) 1[^]*> $/)
  child.stdin.write('help zadd\r')
  await until(/summary:[^]*> $/)
  child.stdin.write('multi\r')
  await until(/\(TX\)> $/)
  child.stdin.write('exec\r')
  await until(/\(empty array\)[^]*> $/)
  child.stdin.write('exit\r')
  await ended
}
const stat = async () => {
  const { child, until, ended } = terminal('--stat', '-i', '0.1')
  await until(/keys[^]*\n\s*\d+/)
  child.kill()
  await ended
}
for (const [name, check] of Object.entries({ interactive, stat })) {
  if (existsSync(SCRIPT)) await feature(name, check)
  else none(name, 'no terminal to try it in')
}
await tool('bigkeys', ['--bigkeys'], /Sampled \d+ keys[^]*Biggest\s+list found/)
await tool('memkeys', ['--memkeys'], /Sampled \d+ keys[^]*Biggest\s+list found .* bytes/)
await tool(
  'hotkeys',
  ['--hotkeys'],
  /Sampled \d+ keys/,
  /ERR An LFU .*|NOPERM .*/,
  'needs an LFU policy, as with Redis: says so and ends',
)
await feature('latency', async () => {
  const latency = start('redis-cli', [...SERVER, '--latency', '--raw', '-i', '0.3'])
  await latency.until(/\d/)
  latency.child.kill()
  await latency.ended
})
await feature('monitor', async () => {
  const monitor = start('redis-cli', [...SERVER, 'MONITOR'])
  await monitor.until(/OK/)
  await run('redis-cli', [...SERVER, 'SET', 'monitored', '1'])
  await monitor.until(/"SET" "monitored" "1"/)
  monitor.child.kill()
  await monitor.ended
})
await tool('rdb', ['--rdb', '/dev/null'], /Transfer finished/, /NOPERM .*/)
await feature('benchmark', async () => {
  const args = [...SERVER, '-a', token, '-t', 'set,get,incr,lpush,hset', '-n', '1000', '-c', '20', '-q']
  for (const extra of [[], ['-P', '16']]) {
    const { output, errors, code } = await run('redis-benchmark', [...args, ...extra])
    assert.equal(code, 0, errors)
    assert.equal(output.toString().match(/requests per second/g)?.length, 5, `${output}${errors}`)
  }
})
await feature('reconnect after an error for the first command, also with Redis', async () => {
  const session = start('redis-cli', SERVER)
  session.child.stdin.write('SET before 1\n')
  await session.until(/OK/)
  await restart()
  // The first command after the break is lost, also with Redis: redis-cli connects again for the next one.
  session.child.stdin.end('GET before\nGET before\n')
  const { output, errors } = await session.ended
  assert.match(output.toString(), /1\n$/, `${output}${errors}`)
})
