import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clientsOfRedis, clientsOfServers } from '../helpers/client-source.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { startServer, type TestServer } from '../helpers/server.ts'
import { play } from './lib/play.ts'

let server: TestServer
let real: TestRedis

beforeAll(async () => {
  ;[server, real] = await Promise.all([startServer(), startRedis()])
})
afterAll(() => Promise.all([server.stop(), real.stop()]))

async function same(script: string, protocol: 2 | 3): Promise<void> {
  const shown: unknown[] = []
  for (const source of [await clientsOfRedis(real), await clientsOfServers([server])]) {
    shown.push(await play(source, script, protocol))
    source.close()
  }
  expect(shown[1]).toEqual(shown[0])
}

describe.each([2, 3] as const)('RESP%i', (protocol) => {
  test('confirmations, their counts, and messages', () =>
    same(
      `
      A SUBSCRIBE a => A1
      A SUBSCRIBE a b a => A3
      A PSUBSCRIBE a* => A1
      A SSUBSCRIBE a s => A2
      P PUBLISH a m1 => P1 A2
      P SPUBLISH a m2 => P1 A1
      P SPUBLISH s m3 => P1 A1
      P PUBLISH s m4 => P1
      P PUBLISH ab m5 => P1 A1
      P PUBLISH "" m => P1
      P PUBLISH b "" => P1 A1
      A UNSUBSCRIBE other => A1
      A UNSUBSCRIBE a a => A2
      P PUBLISH a m6 => P1 A1
      A UNSUBSCRIBE => A1
      A UNSUBSCRIBE => A1
      A PUNSUBSCRIBE other => A1
      A PUNSUBSCRIBE => A1
      A PUNSUBSCRIBE => A1
      A SUNSUBSCRIBE a => A1
      A SUNSUBSCRIBE => A1
      A SUNSUBSCRIBE => A1
      P PUBLISH a m7 => P1
      P SPUBLISH a m8 => P1
      A SET k v => A1
      A UNSUBSCRIBE a b => A2
      A PUNSUBSCRIBE a b => A2
      A SUNSUBSCRIBE a b => A2
      A SUBSCRIBE "" => A1
      P PUBLISH "" m9 => P1 A1
      P PUBSUB CHANNELS => P1
      P PUBSUB CHANNELS * => P1
      `,
      protocol,
    ))

  test('patterns', () =>
    same(
      `
      A PSUBSCRIBE news.* => A1
      A PSUBSCRIBE *.art => A1
      A SUBSCRIBE news.art => A1
      B PSUBSCRIBE [a-c]?\\x5c* => B1
      ~P PUBLISH news.art x => P1 A3
      P PUBLISH ab* x => P1 B1
      P PUBLISH abc x => P1
      B PSUBSCRIBE \\x00\\xff* => B1
      P PUBLISH \\x00\\xff\\x0d\\x0a \\x00\\xff\\x0d\\x0a => P1 B1
      B PSUBSCRIBE * => B1
      P PUBLISH "" x => P1
      P PUBLISH x x => P1 B1
      P PUBSUB NUMPAT => P1
      `,
      protocol,
    ))

  test('what is allowed to a listener', () =>
    same(
      `
      A SUBSCRIBE a => A1
      A PING => A1
      A PING hello => A1
      A PING a b => A1
      A SET x y => A1
      A GET x => A1
      A ECHO x => A1
      A PUBLISH nobody x => A1
      A NOSUCHCOMMAND => A1
      A GET => A1
      A PUBSUB NUMPAT => A1
      A CLIENT GETNAME => A1
      A SUBSCRIBE => A1
      A EXEC => A1
      A DISCARD => A1
      A UNWATCH => A1
      A XREAD STREAMS none 0 => A1
      A UNSUBSCRIBE => A1
      A PING => A1
      A GET x => A1
      A SSUBSCRIBE s => A1
      A GET x => A1
      A PING => A1
      A SUNSUBSCRIBE s => A1
      A GET x => A1
      A PSUBSCRIBE p => A1
      A GET x => A1
      A QUIT => A1
      `,
      protocol,
    ))

  test('in a transaction', () =>
    same(
      `
      A SUBSCRIBE a => A1
      B MULTI => B1
      B PUBLISH a 1 => B1
      B SET x 1 => B1
      B SPUBLISH a 2 => B1
      B PUBLISH a 3 => B1
      B PUBSUB NUMSUB a => B1
      B EXEC => B1 A2
      B MULTI => B1
      B PUBLISH a 1 => B1
      B DISCARD => B1
      B MULTI => B1
      B PUBLISH a => B1
      B EXEC => B1
      `,
      protocol,
    ))

  test('PUBSUB', () =>
    same(
      `
      A SUBSCRIBE a b c => A3
      A PSUBSCRIBE a* => A1
      A SSUBSCRIBE s t => A2
      B SUBSCRIBE a => B1
      B PSUBSCRIBE a* b* => B2
      B SSUBSCRIBE s => B1
      ~P PUBSUB CHANNELS => P1
      ~P PUBSUB CHANNELS [ab] => P1
      P PUBSUB CHANNELS x* => P1
      P PUBSUB NUMSUB a c x a => P1
      P PUBSUB NUMSUB => P1
      P PUBSUB NUMPAT => P1
      ~P PUBSUB SHARDCHANNELS => P1
      P PUBSUB SHARDCHANNELS t* => P1
      P PUBSUB SHARDNUMSUB s t x => P1
      P PUBSUB SHARDNUMSUB => P1
      P PUBSUB => P1
      P PUBSUB FOO => P1
      P PUBSUB CHANNELS a b => P1
      P PUBSUB SHARDCHANNELS a b => P1
      P PUBSUB NUMPAT x => P1
      P PUBSUB HELP => P1
      P PUBLISH a => P1
      P PUBLISH a b c => P1
      P SPUBLISH a => P1
      P PUBLISH a 1 => P1 A2 B2
      P PUBLISH b 1 => P1 A1 B1
      P SPUBLISH s 1 => P1 A1 B1
      `,
      protocol,
    ))

  test('CLIENT REPLY', () =>
    same(
      `
      A SUBSCRIBE a => A1
      A UNSUBSCRIBE => A1
      A CLIENT REPLY SKIP =>
      A SET x y =>
      A SUBSCRIBE a => A1
      P PUBLISH a m => P1 A1
      A RESET => A1
      P PUBLISH a m => P1
      `,
      protocol,
    ))
})

test('messages come to a RESP3 client whose replies are off', () =>
  same(
    `
    A SUBSCRIBE a => A1
    A CLIENT REPLY OFF =>
    A SET x y =>
    P PUBLISH a m => P1 A1
    A CLIENT REPLY ON => A1
    A GET x => A1
    `,
    3,
  ))
