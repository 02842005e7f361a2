import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ClientSource, clientsOfRedis, clientsOfServers } from '../helpers/client-source.ts'
import { startRedis, type TestRedis } from '../helpers/redis.ts'
import { startServer, type TestServer } from '../helpers/server.ts'
import { play } from './lib/play.ts'

let server: TestServer
let other: TestServer
let real: TestRedis

beforeAll(async () => {
  ;[server, real] = await Promise.all([startServer(), startRedis()])
  other = await startServer({}, server.redis)
})
afterAll(async () => {
  await other.stop()
  await Promise.all([server.stop(), real.stop()])
})

/** What a scenario shows with a real Redis, and with this server, must be the same. */
async function compared(scenario: (source: ClientSource) => Promise<unknown>): Promise<void> {
  const shown: unknown[] = []
  for (const source of [await clientsOfRedis(real), await clientsOfServers([server])]) {
    shown.push(await scenario(source))
    source.close()
  }
  expect(shown[1]).toEqual(shown[0])
}

const same = (script: string, protocol: 2 | 3 = 3): Promise<void> =>
  compared((source) => play(source, script, protocol))

describe('what was read', () => {
  test('is told once when it changes', () =>
    same(`
      A CLIENT TRACKING ON => A1
      P SET k 1 => P1
      A GET k => A1
      P SET k 2 => P1 A1
      P SET k 3 => P1
      A GET k => A1
      P DEL k => P1 A1
      A MGET k l m => A1
      P MSET l 1 m 2 n 3 => P1 A2
      A EXISTS k => A1
      P INCR k => P1 A1
    `))

  test('is told whatever changes it', () =>
    same(`
      A CLIENT TRACKING ON => A1
      P RPUSH l a b c => P1
      P HSET h f 1 => P1
      P SADD s a => P1
      P ZADD z 1 a => P1
      A LRANGE l 0 -1 => A1
      P LREM l 1 a => P1 A1
      A LRANGE l 0 -1 => A1
      P LPOP l => P1 A1
      A HGETALL h => A1
      P HINCRBY h f 2 => P1 A1
      A SMEMBERS s => A1
      P SADD s a => P1
      P SREM s a => P1 A1
      A ZRANGE z 0 -1 => A1
      P ZINCRBY z 2 a => P1 A1
      A TTL z => A1
      P EXPIRE z 1000 => P1 A1
      A TTL z => A1
      P PERSIST z => P1 A1
      A TYPE z => A1
      P RENAME z y => P1 A1
      A GET y2 => A1
      P COPY y y2 => P1 A1
      A GET y2 => A1
      P EVAL redis.call('del',KEYS[1])return(1) 1 y2 => P1 A1
      A STRLEN c => A1
      P APPEND c x => P1 A1
      A GETRANGE c 0 1 => A1
      P SETRANGE c 1 y => P1 A1
      A BITCOUNT c => A1
      P SETBIT c 0 1 => P1 A1
      A GET c => A1
      P GETDEL c => P1 A1
      A GET c => A1
      P GETEX c EX 10 => P1
      P GETSET c 1 => P1 A1
    `))

  test('is told to everyone who read it, behind the reply to one who changes it', () =>
    same(`
      A CLIENT TRACKING ON => A1
      B CLIENT TRACKING ON => B1
      A GET k => A1
      B GET k => B1
      A SET k 1 => A2 B1
      A SET k 2 => A1
      A GET k => A1
      A MULTI => A1
      A SET k 3 => A1
      A SET other 3 => A1
      A EXEC => A2
      A MULTI => A1
      A GET k => A1
      A GET other => A1
      A EXEC => A1
      B MSET k 1 => B1 A1
      B SET other 1 => B1 A1
      A EVAL return(redis.call('get',KEYS[1])) 1 k => A1
      B SET k 2 => B1 A1
      A EVAL return(redis.call('get','undeclared')) 1 k => A1
      B SET undeclared 2 => B1
      B SET k 2 => B1 A1
    `))

  test('is not told to one who does not track, or no longer does', () =>
    same(`
      A GET k => A1
      P SET k 1 => P1
      A CLIENT TRACKING ON => A1
      A GET k => A1
      A CLIENT TRACKING OFF => A1
      P SET k 2 => P1
      A GET k => A1
      P SET k 3 => P1
      A CLIENT TRACKING ON => A1
      P SET k 4 => P1
      A GET k => A1
      P SET k 5 => P1 A1
    `))

  test('is forgotten when everything is deleted', () =>
    same(`
      A CLIENT TRACKING ON => A1
      B CLIENT TRACKING ON BCAST PREFIX none => B1
      A GET k => A1
      P FLUSHALL => P1 A1 B1
      P SET k 1 => P1
      A FLUSHDB => A2 B1
      P FLUSHDB => P1 A1 B1
    `))

  test('with OPTIN only behind CLIENT CACHING YES', () =>
    same(`
      A CLIENT TRACKING ON OPTIN => A1
      A GET k => A1
      P SET k 1 => P1
      A CLIENT CACHING YES => A1
      A CLIENT TRACKINGINFO => A1
      A GET k => A1
      A GET l => A1
      A CLIENT TRACKINGINFO => A1
      P SET l 1 => P1
      P SET k 1 => P1 A1
      A CLIENT CACHING YES => A1
      A CLIENT GETREDIR => A1
      A GET k => A1
      P SET k 1 => P1 A1
      A CLIENT CACHING YES => A1
      A PING => A1
      A GET k => A1
      P SET k 1 => P1
      A CLIENT CACHING YES => A1
      A MULTI => A1
      A GET k => A1
      A GET l => A1
      A EXEC => A1
      P SET l 1 => P1 A1
      P SET k 1 => P1 A1
      A MULTI => A1
      A CLIENT CACHING YES => A1
      A GET l => A1
      A EXEC => A1
      A GET k => A1
      P SET k 1 => P1
      P SET l 1 => P1 A1
      A CLIENT CACHING NO => A1
      A CLIENT CACHING MAYBE => A1
    `))

  test('with OPTOUT all but what is behind CLIENT CACHING NO', () =>
    same(`
      A CLIENT TRACKING ON OPTOUT => A1
      A CLIENT CACHING NO => A1
      A CLIENT TRACKINGINFO => A1
      A GET k => A1
      A GET l => A1
      P SET k 1 => P1
      P SET l 1 => P1 A1
      A CLIENT CACHING YES => A1
    `))

  test('with NOLOOP is not told to the one who changed it', () =>
    same(`
      A CLIENT TRACKING ON NOLOOP => A1
      A GET k => A1
      A SET k 1 => A1
      P SET k 2 => P1
      A GET k => A1
      A INCR k => A1
      A GET k => A1
      A MULTI => A1
      A SET k 3 => A1
      A EXEC => A1
      A GET k => A1
      A EVAL redis.call('del',KEYS[1])return(1) 1 k => A1
      A GET k => A1
      P SET k 2 => P1 A1
      A GET l => A1
      A RPUSH l a => A1
      A LLEN l => A1
      A BLPOP l 0 => A1
      A LLEN l => A1
      A DEL none => A1
      P RPUSH l b => P1 A1
      A LLEN l => A1
      A FLUSHALL => A2
    `))

  test('without RESP3 is told to nobody', () =>
    compared(async (source) => {
      const [tracker, writer] = [await source.client(2), await source.client(2)]
      const shown = [await tracker.raw('CLIENT', 'TRACKING', 'ON'), await tracker.raw('GET', 'k')]
      shown.push(await writer.raw('SET', 'k', '1'), await tracker.raw('GET', 'k'))
      // From here on it is.
      await tracker.raw('HELLO', '3')
      shown.push(await writer.raw('SET', 'k', '2'), await tracker.frame())
      return shown
    }))
})

describe('prefixes', () => {
  test('one or several, or all keys', () =>
    same(`
      A CLIENT TRACKING ON BCAST PREFIX user: PREFIX item: => A1
      B CLIENT TRACKING ON BCAST => B1
      P SET user:1 1 => P1 A1 B1
      P SET user 1 => P1 B1
      P INCR item:1 => P1 A1 B1
      P DEL item:1 => P1 A1 B1
      A SET item:2 1 => A2 B1
      A GET x => A1
      P SET x 1 => P1 B1
      A CLIENT TRACKING ON BCAST PREFIX other: => A1
      P SET other:1 1 => P1 A1 B1
      P EXPIRE other:1 100 => P1 A1 B1
      A CLIENT TRACKINGINFO => A1
      B CLIENT TRACKINGINFO => B1
      A CLIENT TRACKING OFF => A1
      P SET other:1 1 => P1 B1
      A PING => A1
    `))

  test('a request that changes several keys is one message', () =>
    compared(async (source) => {
      const [tracker, writer] = [await source.client(3), await source.client(3)]
      await tracker.raw('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'a')
      await writer.raw('MSET', 'a1', '1', 'b', '2', 'a2', '3')
      return tracker.frame()
    }))

  test('with NOLOOP', () =>
    same(`
      A CLIENT TRACKING ON BCAST NOLOOP => A1
      A SET a 1 => A1
      A INCR a => A1
      A DEL nothing => A1
      P SET b 1 => P1 A1
      A SET c 1 => A1
      A PING => A1
    `))
})

describe('refusals and descriptions', () => {
  test('are those of Redis', () =>
    same(`
      A CLIENT TRACKING => A1
      A CLIENT TRACKING MAYBE => A1
      A CLIENT TRACKING ON NONSENSE => A1
      A CLIENT TRACKING ON REDIRECT => A1
      A CLIENT TRACKING ON PREFIX => A1
      A CLIENT TRACKING ON REDIRECT x => A1
      A CLIENT TRACKING ON REDIRECT 0 => A1
      A CLIENT TRACKING ON REDIRECT 123456789012345 => A1
      A CLIENT TRACKING ON PREFIX a => A1
      A CLIENT TRACKING ON BCAST OPTIN => A1
      A CLIENT TRACKING ON OPTIN OPTOUT => A1
      A CLIENT TRACKING ON BCAST PREFIX ab PREFIX a => A1
      A CLIENT TRACKINGINFO => A1
      A CLIENT GETREDIR => A1
      A CLIENT CACHING YES => A1
      A CLIENT TRACKING ON OPTIN => A1
      A CLIENT TRACKING ON OPTOUT => A1
      A CLIENT TRACKING ON BCAST => A1
      A CLIENT TRACKING ON => A1
      A CLIENT TRACKINGINFO => A1
      A CLIENT GETREDIR => A1
      A CLIENT TRACKING OFF => A1
      A CLIENT TRACKING ON BCAST PREFIX b PREFIX a => A1
      A CLIENT TRACKING ON BCAST PREFIX ab => A1
      A CLIENT TRACKING ON => A1
      A CLIENT TRACKINGINFO => A1
      A CLIENT CACHING YES => A1
      A CLIENT TRACKINGINFO more => A1
      A CLIENT CACHING => A1
      A CLIENT TRACKING OFF => A1
      A CLIENT TRACKING OFF => A1
    `))
})

describe('redirection', () => {
  const idOf = async (client: { raw(...args: string[]): Promise<string> }): Promise<string> =>
    (await client.raw('CLIENT', 'ID')).slice(1, -2)

  test('to a RESP2 listener', () =>
    compared(async (source) => {
      const [tracker, receiver, writer] = await Promise.all([
        source.client(2),
        source.client(2),
        source.client(2),
      ])
      const frames = [
        await tracker.raw('CLIENT', 'TRACKING', 'ON', 'REDIRECT', await idOf(receiver)),
        await receiver.raw('SUBSCRIBE', '__redis__:invalidate'),
        await tracker.raw('GET', 'k'),
        await tracker.raw('MGET', 'l', 'm'),
        await writer.raw('SET', 'k', '1'),
        await receiver.frame(),
        await tracker.raw('SET', 'l', '1'),
        await receiver.frame(),
        await writer.raw('FLUSHALL'),
        await receiver.frame(),
        (await tracker.raw('CLIENT', 'GETREDIR')) === `:${await idOf(tracker)}\r\n`,
        /flags=[^ U]+/.exec(await tracker.raw('CLIENT', 'INFO'))![0],
      ]
      const info = await tracker.raw('CLIENT', 'INFO')
      expect(info).toContain(` redir=${(await tracker.raw('CLIENT', 'GETREDIR')).slice(1, -2)} `)
      receiver.destroy()
      return frames
    }))

  test('to a RESP3 connection, also one that listens to nothing, and to itself', () =>
    compared(async (source) => {
      const [tracker, receiver, writer] = await Promise.all([
        source.client(2),
        source.client(3),
        source.client(2),
      ])
      const frames = [
        await tracker.raw('CLIENT', 'TRACKING', 'ON', 'BCAST', 'REDIRECT', await idOf(receiver)),
        await writer.raw('SET', 'k', '1'),
        await receiver.frame(),
        await receiver.raw('CLIENT', 'TRACKING', 'ON', 'REDIRECT', await idOf(receiver)),
        await receiver.raw('GET', 'x'),
        await tracker.raw('CLIENT', 'TRACKING', 'OFF'),
        await writer.raw('SET', 'x', '1'),
        await receiver.frame(),
      ]
      return frames
    }))

  test('that is broken is told with each change', () =>
    compared(async (source) => {
      const [tracker, receiver, writer] = await Promise.all([
        source.client(3),
        source.client(3),
        source.client(2),
      ])
      const id = await idOf(receiver)
      const shown = [
        await tracker.raw('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id),
        await tracker.raw('GET', 'k'),
        await tracker.raw('GET', 'l'),
      ]
      receiver.destroy()
      await source.untilConnected(3)
      shown.push(await writer.raw('SET', 'k', '1'), (await tracker.frame()).replace(id, 'ID'))
      shown.push(await writer.raw('SET', 'l', '1'), (await tracker.frame()).replace(id, 'ID'))
      shown.push((await tracker.raw('CLIENT', 'TRACKINGINFO')).replace(id, 'ID'))
      shown.push(/flags=[^ U]+/.exec(await tracker.raw('CLIENT', 'INFO'))![0])
      return shown
    }))
})
