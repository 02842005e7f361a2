import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ClientSource, clientsOfRedis, clientsOfServers } from '../helpers/client-source.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { startServer, type TestServer } from '../helpers/server.ts'
import { parseLines } from './lib/compare.ts'

let server: TestServer
let real: TestRedis

beforeAll(async () => {
  ;[server, real] = await Promise.all([startServer(), startRedis()])
})
afterAll(() => Promise.all([server.stop(), real.stop()]))

/** The names of fields, or what else is compared of a reply. */
type Part = (frame: string) => string

const play = async (source: ClientSource, script: string, protocol: 2 | 3, part: Part): Promise<string[]> => {
  const client = await source.client(protocol)
  const shown: string[] = []
  for (const { text, args } of parseLines(script)) shown.push(`${text} => ${part(await client.raw(...args))}`)
  return shown
}

async function same(script: string, protocol: 2 | 3 = 2, part: Part = (frame) => frame): Promise<void> {
  const shown: string[][] = []
  for (const source of [await clientsOfRedis(real), await clientsOfServers([server])]) {
    shown.push(await play(source, script, protocol, part))
    source.close()
  }
  expect(shown[1]).toEqual(shown[0])
}

describe.each([2, 3] as const)('RESP%i', (protocol) => {
  test('a refused EXEC discards the transaction', () =>
    same(
      `
      MULTI
      SET a 1
      EXEC x
      EXEC
      EXEC x
      MULTI
      NOSUCH
      EXEC x y
      GET a
      WATCH a
      MULTI
      EXEC x
      MULTI
      EXEC
      MULTI
      DISCARD x
      EXEC
      EVAL "return redis.pcall('EXEC', 'x')" 0
      `,
      protocol,
    ))

  test('names that nothing has are shown as they came', () =>
    same(
      `
      "\\xc3\\x96n"
      "\\xff\\xfe\\x80abc"
      "\\x01\\x1b\\x7f\\x09"
      "a\\x0d\\x0ab"
      "ab\\x00cd"
      "{100*\\xc3\\xa9}"
      OBJECT "\\xff"
      CLIENT "\\xc3\\xa9\\x0ax"
      EXPIRE a 1 "\\xff\\x01"
      XREADGROUP GROUP "\\xc3\\xa9" c STREAMS k >
      `,
      protocol,
    ))
})

test('what MEMORY USAGE, OBJECT FREQ and CONFIG say to what they do not know', () =>
  same(`
    MEMORY USAGE
    MEMORY USAGE nokey
    MEMORY USAGE nokey SAMPLES
    MEMORY USAGE nokey SAMPLES x
    MEMORY USAGE nokey SAMPLES -1
    MEMORY USAGE nokey SAMPLES 0
    MEMORY USAGE nokey FOO 1
    MEMORY STATS x
    MEMORY DOCTOR x
    MEMORY NOSUCH
    SET k v
    OBJECT FREQ k
    OBJECT FREQ nokey
    OBJECT FREQ
    MULTI
    OBJECT FREQ k
    MEMORY USAGE nokey
    MEMORY USAGE nokey SAMPLES x
    EXEC
    CONFIG
    CONFIG GET
    CONFIG GET nosuch
    CONFIG GET no*such
    CONFIG NOSUCH
  `))

/** What Redis and this server have alike. */
test.each([2, 3] as const)('CONFIG GET of what holds for both (RESP%i)', (protocol) =>
  same(
    `
    CONFIG GET maxmemory-policy
    CONFIG GET MaxMemory-Policy
    CONFIG GET notify-keyspace-events
    CONFIG GET hash-max-listpack-v?lue
    CONFIG GET appendon*y appendonly
    CONFIG GET timeout TIMEOUT
    CONFIG GET stream-node-max-bytes nosuch
    CONFIG GET zset-max-listpack-[e]ntries
    CONFIG GET *-intset-*
    EVAL "return redis.pcall('CONFIG', 'GET', 'timeout')" 0
    `,
    protocol,
  ),
)

test('what CLIENT KILL, PAUSE and UNPAUSE say, and whom they leave', () =>
  same(`
    CLIENT KILL
    CLIENT KILL a:1
    CLIENT KILL ID
    CLIENT KILL ID x
    CLIENT KILL ID 0
    CLIENT KILL ID 99999999999999999999
    CLIENT KILL ID 123456
    CLIENT KILL ID 123456 ID 123457
    CLIENT KILL TYPE foo
    CLIENT KILL TYPE pubsub
    CLIENT KILL TYPE master
    CLIENT KILL USER nosuch
    CLIENT KILL USER default SKIPME maybe
    CLIENT KILL ID 1 SKIPME
    CLIENT KILL FOO bar
    CLIENT KILL ADDR a:1 LADDR b:2
    CLIENT KILL SKIPME no ID 123456
    CLIENT LIST TYPE foo
    CLIENT PAUSE
    CLIENT PAUSE x
    CLIENT PAUSE -1
    CLIENT PAUSE x FOO
    CLIENT PAUSE 99999999999999999999
    CLIENT PAUSE 1 WRITE x
    CLIENT PAUSE 1 WRITE
    CLIENT PAUSE 1
    CLIENT PAUSE 0
    CLIENT UNPAUSE x
    CLIENT UNPAUSE
    CLIENT KILL USER default
    CLIENT KILL TYPE normal SKIPME yes
    PING
    CLIENT KILL USER default SKIPME no
  `))

test('SLOWLOG and LATENCY, when there is nothing to tell', () =>
  same(`
    SLOWLOG RESET
    SLOWLOG
    SLOWLOG LEN
    SLOWLOG LEN x
    SLOWLOG GET
    SLOWLOG GET 5
    SLOWLOG GET -1
    SLOWLOG GET -2
    SLOWLOG GET x
    SLOWLOG GET 1 2
    SLOWLOG RESET
    SLOWLOG NOSUCH
    LATENCY
    LATENCY LATEST
    LATENCY HISTORY
    LATENCY HISTORY command
    LATENCY RESET
    LATENCY RESET command fork
    LATENCY DOCTOR x
    LATENCY NOSUCH
    EVAL "return redis.pcall('LATENCY', 'LATEST')" 0
  `))

test('ROLE, of a Redis that has no replicas', () => same('ROLE\nROLE x'))

/** The fields of CLIENT INFO up to what Redis 7.0 has; 7.2 added two. */
const fieldsOfLine: Part = (frame) =>
  frame
    .match(/\b[a-z][a-z-]*(?==)/g)!
    .filter((name) => !name.startsWith('lib-'))
    .join(' ')

test('CLIENT INFO and CLIENT LIST have the fields of Redis, in its order', () =>
  same('CLIENT INFO\nCLIENT LIST TYPE NORMAL\nCLIENT INFO', 2, (frame) =>
    frame
      .split('\n')
      .filter((line) => line.includes('cmd=client|'))
      .map(fieldsOfLine)
      .join('\n'),
  ))
