import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { RespClient } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'
import { BODIES, CALLS, LOADS, REGISTRATIONS, SEQUENCES } from './functions-scripts.ts'
import { type WireTree, wireTree } from './lib/wire-tree.ts'

/** Functions on a real Redis 7.0 and here, through their doors: replies byte for byte in RESP2 and RESP3. */

let redis: TestRedis
let server: TestServer
let automations = 0

beforeAll(async () => {
  ;[redis, server] = await Promise.all([startRedis(), startServer()])
})

afterAll(async () => {
  await server.stop()
  await redis.stop()
})

type Command = readonly string[]

/** Libraries and functions come in no order in Redis. */
const sorted = (tree: WireTree): WireTree =>
  typeof tree === 'string'
    ? tree
    : tree.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

const shown = (command: Command, reply: Buffer): unknown =>
  command[0] === 'FUNCTION' && command[1] === 'LIST' ? sorted(wireTree(reply)) : reply.toString('latin1')

async function ask(client: RespClient, command: Command): Promise<Buffer> {
  return (await client.send(...command.map((word) => Buffer.from(word))).frameBytes(1))[0]!
}

/** On both; `<dump>` stands for what the last FUNCTION DUMP answered. */
async function same(commands: readonly Command[]): Promise<void> {
  for (const protocol of ['2', '3']) {
    const reference = await RespClient.connect(redis.url)
    const ours = await server.respClient()
    await reference.raw('FLUSHALL')
    await reference.raw('FUNCTION', 'FLUSH')
    await reference.raw('HELLO', protocol)
    await ours.raw('HELLO', protocol, 'AUTH', 'default', await server.token(`functions-${++automations}`))
    const dumps: Buffer[] = [Buffer.alloc(0), Buffer.alloc(0)]
    for (const command of commands) {
      const asked = [reference, ours].map(async (client, i) => {
        const args = command.map((word) => (word === '<dump>' ? dumps[i]! : Buffer.from(word)))
        const reply = (await client.send(...args).frameBytes(1))[0]!
        if (command[1] !== 'DUMP') return shown(command, reply)
        dumps[i] = reply.subarray(reply.indexOf('\n') + 1, -2)
        return 'a payload'
      })
      const [expected, actual] = await Promise.all(asked)
      expect({ command, protocol, reply: actual }).toEqual({ command, protocol, reply: expected })
    }
    reference.destroy()
  }
}

const library = (body: string, name = 'lib'): string => `#!lua name=${name}\n${body}`

const functionOf = (body: string, flags?: string): string =>
  library(
    `local atLoad = redis\nlocal n = 0\nredis.register_function{function_name="f", callback=function(keys, args)\n${body}\nend${
      flags === undefined ? '' : `, flags={${flags}}`
    }}`,
  )

describe('functions answer as in Redis', () => {
  test.each(LOADS.map((code) => [JSON.stringify(code.slice(0, 60)), code] as const))(
    'load %s',
    (_name, code) =>
      same([
        ['FUNCTION', 'LOAD', code],
        ['FUNCTION', 'LIST', 'WITHCODE'],
      ]),
  )

  test('registration', () =>
    same(
      REGISTRATIONS.flatMap((body): Command[] => [
        ['FUNCTION', 'LOAD', 'REPLACE', library(body)],
        ['FUNCTION', 'LIST'],
      ]),
    ))

  test('what a function does', () =>
    same(
      BODIES.flatMap((body): Command[] => [
        ['FUNCTION', 'LOAD', 'REPLACE', functionOf(body)],
        ['FCALL', 'f', '1', 'key', 'arg'],
        ['FCALL_RO', 'f', '1', 'key', 'arg'],
        ['FUNCTION', 'LOAD', 'REPLACE', functionOf(body, '"no-writes"')],
        ['FCALL', 'F', '1', 'key', 'arg'],
        ['FCALL_RO', 'f', '1', 'key', 'arg'],
      ]),
    ))

  test.each(CALLS.map((command) => [JSON.stringify(command), command] as const))('%s', (_name, command) =>
    same([
      ['FUNCTION', 'LOAD', functionOf('return {#keys, #args}')],
      command,
      ['FUNCTION', 'LIST'],
      ['FUNCTION', 'STATS'],
    ]),
  )

  test.each(Object.entries(SEQUENCES))('%s', (_name, commands) => same(commands))
})

test('a script cannot call what it may not, and functions survive FLUSHALL', async () => {
  await same([
    ['FUNCTION', 'LOAD', functionOf('return redis.call("INCR", keys[1])')],
    ['EVAL', 'return redis.pcall("FCALL", "f", 1, "k")', '0'],
    ['EVAL', 'return redis.pcall("FUNCTION", "LIST")', '0'],
    ['EVAL', 'return redis.register_function', '0'],
    ['EVAL', 'return redis.register_function("g", function() end)', '0'],
    ['EVAL', '#!lua name=x\nreturn 1', '0'],
    ['EVAL', '#!lua flags=no-writes\nreturn redis.call("SET", "a", 1)', '0'],
    ['FLUSHALL'],
    ['FCALL', 'f', '1', 'k'],
    ['FLUSHDB'],
    ['FCALL', 'f', '1', 'k'],
  ])
})

test('the client that asked gets the answer, whatever bytes the code has', async () => {
  const ours = await server.respClient()
  await ours.raw('AUTH', await server.token('bytes'))
  const code = Buffer.concat([
    Buffer.from(library('redis.register_function("f", function() return "')),
    Buffer.from([1, 200, 255]),
    Buffer.from('" end)'),
  ])
  expect((await ours.send('FUNCTION', 'LOAD', code).frameBytes(1))[0]!.toString('latin1')).toBe(
    '$3\r\nlib\r\n',
  )
  const [reply] = await ours.send('FCALL', 'f', '0').frameBytes(1)
  expect(reply).toEqual(Buffer.from('$3\r\n\x01\xc8\xff\r\n', 'latin1'))
  expect((await ask(ours, ['FUNCTION', 'LIST', 'WITHCODE'])).includes(code)).toBe(true)
})
