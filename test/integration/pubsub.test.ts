import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { startRedis } from '../helpers/redis.ts'
import { RespClient, request } from '../helpers/resp-client.ts'
import { SHORT_LIFE_SECONDS, startServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
/** Another process before the same Redis, as far as that can see. */
let other: TestServer

beforeAll(async () => {
  server = await startServer()
  other = await startServer({}, server.redis)
})
afterAll(async () => {
  await other.stop()
  await server.stop()
})

let automations = 0
const ownAutomation = (): string => `pubsub-${++automations}`

async function login(
  to: TestServer,
  automation: string,
  options: Parameters<TestServer['token']>[1] & { protocol?: 2 | 3 } = {},
): Promise<RespClient> {
  const client = await RespClient.connect(to.app.ports.resp)
  onTestFinished(() => client.destroy())
  expect(await client.raw('AUTH', await to.token(automation, options))).toBe('+OK\r\n')
  if (options.protocol === 3) await client.raw('HELLO', '3')
  return client
}

const array = (type: '*' | '>', ...items: ReadonlyArray<string | number>): string =>
  `${type}${items.length}\r\n${items.map((item) => (typeof item === 'number' ? `:${item}\r\n` : `$${Buffer.byteLength(item, 'latin1')}\r\n${item}\r\n`)).join('')}`
const message = (channel: string, text: string): string => array('*', 'message', channel, text)

async function subscriber(to: TestServer, automation: string, ...channels: string[]): Promise<RespClient> {
  const client = await login(to, automation)
  client.send('SUBSCRIBE', ...channels)
  await client.frames(channels.length)
  return client
}

describe('across processes', () => {
  test('messages arrive, and are counted', async () => {
    const automation = ownAutomation()
    const here = await subscriber(server, automation, 'c')
    const there = await subscriber(other, automation, 'c')
    await there.raw('PSUBSCRIBE', 'c*')
    await there.raw('SSUBSCRIBE', 'c')
    const [publisher, elsewhere] = [await login(server, automation), await login(other, automation)]
    for (const each of [publisher, elsewhere]) {
      expect(await each.raw('PUBLISH', 'c', 'm')).toBe(':3\r\n')
      expect(await here.frame()).toBe(message('c', 'm'))
      expect(await there.frames(2)).toEqual([message('c', 'm'), array('*', 'pmessage', 'c*', 'c', 'm')])
      expect(await each.raw('SPUBLISH', 'c', 's')).toBe(':1\r\n')
      expect(await there.frame()).toBe(array('*', 'smessage', 'c', 's'))
      expect(await each.raw('PUBLISH', 'x', 'm')).toBe(':0\r\n')
    }
    there.destroy()
    await eventually(async () => (await publisher.raw('PUBLISH', 'c', 'm')) === ':1\r\n')
  })

  test('PUBSUB tells of all of them', async () => {
    const automation = ownAutomation()
    const [here, there] = [
      await subscriber(server, automation, 'a', 'b'),
      await subscriber(other, automation, 'b', 'c'),
    ]
    await here.raw('PSUBSCRIBE', 'p*')
    there.send('PSUBSCRIBE', 'p*', 'q*').send('SSUBSCRIBE', 's')
    await there.frames(3)
    for (const asking of [await login(server, automation), await login(other, automation)]) {
      const names = (frame: string): string[] =>
        frame
          .split('\r\n')
          .filter((line) => /^\w/.test(line))
          .sort()
      expect(names(await asking.raw('PUBSUB', 'CHANNELS'))).toEqual(['a', 'b', 'c'])
      expect(names(await asking.raw('PUBSUB', 'CHANNELS', '[bc]'))).toEqual(['b', 'c'])
      expect(await asking.raw('PUBSUB', 'NUMSUB', 'a', 'b', 'x')).toBe(array('*', 'a', 1, 'b', 2, 'x', 0))
      expect(await asking.raw('PUBSUB', 'NUMPAT')).toBe(':2\r\n')
      expect(names(await asking.raw('PUBSUB', 'SHARDCHANNELS'))).toEqual(['s'])
      expect(await asking.raw('PUBSUB', 'SHARDNUMSUB', 's', 'a')).toBe(array('*', 's', 1, 'a', 0))
    }
  })

  test('messages of one publisher keep their order', async () => {
    const automation = ownAutomation()
    const listeners = [await subscriber(server, automation, 'c'), await subscriber(other, automation, 'c')]
    const publishers = [await login(server, automation), await login(other, automation)]
    const COUNT = 1_000
    for (const [i, publisher] of publishers.entries()) {
      publisher.write(
        Buffer.concat(Array.from({ length: COUNT }, (_, n) => request('PUBLISH', 'c', `${i}-${n}`))),
      )
    }
    for (const listener of listeners) {
      const texts = (await listener.frames(publishers.length * COUNT)).map(
        (frame) => frame.split('\r\n').at(-2)!,
      )
      for (const i of publishers.keys())
        expect(texts.filter((text) => text.startsWith(`${i}-`))).toEqual(
          Array.from({ length: COUNT }, (_, n) => `${i}-${n}`),
        )
    }
    expect(new Set(await publishers[0]!.frames(COUNT))).toEqual(new Set([':2\r\n']))
  })
})

test('who listens elsewhere is read again only when that has changed', async () => {
  const automation = ownAutomation()
  const backing = server.backing()
  const readings = async (): Promise<number> =>
    Number(/cmdstat_hgetall:calls=(\d+)/.exec(await backing.info('commandstats'))?.[1] ?? 0)
  const there = await subscriber(other, automation, 'c')
  const publisher = await login(server, automation)
  const publish = async (times: number): Promise<Set<string>> =>
    new Set(
      await publisher
        .write(Buffer.concat(Array.from({ length: times }, () => request('PUBLISH', 'c', 'm'))))
        .frames(times),
    )
  expect(await publish(1)).toEqual(new Set([':1\r\n']))
  const before = await readings()
  for (let i = 0; i < 10; i++) expect(await publish(50)).toEqual(new Set([':1\r\n']))
  // Each renewal of a record counts as a change; other tests' automations have none that publish now.
  expect((await readings()) - before).toBeLessThan(10)
  await subscriber(other, automation, 'c')
  expect(await publish(1)).toEqual(new Set([':2\r\n']))
  there.destroy()
  await eventually(async () => (await publish(1)).has(':1\r\n'))
})

test('a stamp that was lost is made again', async () => {
  const automation = ownAutomation()
  const backing = server.backing()
  const publisher = await login(server, automation)
  for (let i = 1; i < 4; i++) {
    await subscriber(other, automation, 'c')
    expect(await publisher.raw('PUBLISH', 'c', 'm')).toBe(`:${i}\r\n`)
    await backing.del(`kv:{${automation}}:n`)
    expect(await publisher.raw('PUBLISH', 'c', 'm')).toBe(`:${i}\r\n`)
  }
})

test('a server that was stopped is not counted any more', async () => {
  const automation = ownAutomation()
  const third = await startServer({}, server.redis)
  await subscriber(third, automation, 'c')
  const publisher = await login(server, automation)
  expect(await publisher.raw('PUBLISH', 'c', 'm')).toBe(':1\r\n')
  await third.stop()
  expect(await server.backing().exists(`kv:{${automation}}:l`)).toBe(0)
  expect(await publisher.raw('PUBSUB', 'NUMSUB', 'c')).toBe(array('*', 'c', 0))
})

test('automations hear nothing of each other', async () => {
  const [mine, theirs] = [ownAutomation(), ownAutomation()]
  const spy = await subscriber(server, theirs, 'c')
  spy.send('PSUBSCRIBE', '*', '', `kv:{${mine}}:*`).send('SSUBSCRIBE', 'c', `kv:{${mine}}:p`)
  await spy.frames(5)
  const [listener, publisher] = [await subscriber(server, mine, 'c'), await login(other, mine)]
  expect(await publisher.raw('PUBLISH', 'c', 'secret')).toBe(':1\r\n')
  expect(await publisher.raw('SPUBLISH', 'c', 'secret')).toBe(':0\r\n')
  await publisher.raw('RPUSH', 'k', 'x')
  expect(await listener.frame()).toBe(message('c', 'secret'))
  const asking = await login(server, theirs)
  expect(await asking.raw('PUBSUB', 'NUMSUB', 'c')).toBe(array('*', 'c', 1))
  expect(await asking.raw('PUBLISH', 'c', 'own')).toBe(':2\r\n')
  // Had anything crossed, it would have come before this.
  expect((await spy.frames(2)).sort()).toEqual(
    [array('*', 'pmessage', '*', 'c', 'own'), message('c', 'own')].sort(),
  )
  expect(await asking.raw('CLIENT', 'LIST')).not.toContain(
    `id=${(await publisher.raw('CLIENT', 'ID')).slice(1).trim()} `,
  )
  expect(spy.pending).toBe(0)
})

test('the Redis sees neither channels nor messages', async () => {
  const automation = ownAutomation()
  const backing = server.backing()
  const heard: Buffer[] = []
  backing.on('pmessageBuffer', (_pattern, channel, text) =>
    heard.push(channel as unknown as Buffer, text as Buffer),
  )
  await backing.psubscribe('*')
  const watching = await server.backing().monitor()
  onTestFinished(() => watching.disconnect())
  const seen: string[] = []
  watching.on('monitor', (_time, args: string[]) => seen.push(args.join(' ')))
  const listener = await subscriber(server, automation, 'canary-channel')
  listener.send('PSUBSCRIBE', 'canary-*').send('SSUBSCRIBE', 'canary-shard')
  await listener.frames(2)
  const publisher = await login(other, automation)
  for (const command of [
    ['PUBLISH', 'canary-channel', 'canary-message'],
    ['SPUBLISH', 'canary-shard', 'canary-message'],
    [
      'EVAL',
      'for i = 1, 2 do redis.call("PUBLISH", ARGV[1], ARGV[2]) end',
      '0',
      'canary-channel',
      'canary-message',
    ],
  ])
    await publisher.raw(...command)
  await listener.frames(7)
  await eventually(
    () =>
      heard.length >= 6 &&
      seen.some((line) => /^hset /i.test(line)) &&
      seen.some((line) => /^publish /i.test(line)),
  )
  expect(new Set(heard.filter((_, i) => i % 2 === 0).map(String))).toEqual(new Set([`kv:{${automation}}:p`]))
  expect(`${Buffer.concat(heard).toString('latin1')} ${seen.join(' ')} ${server.logged()}`).not.toContain(
    'canary',
  )
})

test('any bytes pass, in channels and in messages', async () => {
  const automation = ownAutomation()
  const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  const large = Buffer.concat(Array.from({ length: 2_000 }, () => every))
  const listener = await login(server, automation)
  await listener.raw('SUBSCRIBE', every)
  const publisher = await login(other, automation)
  for (const text of [every, large, Buffer.alloc(0)]) {
    expect(await publisher.raw('PUBLISH', every, text)).toBe(':1\r\n')
    expect(await listener.frame()).toBe(message(every.toString('latin1'), text.toString('latin1')))
  }
})

test('whoever hears of a write sees it', async () => {
  const automation = ownAutomation()
  const listener = await login(server, automation, { protocol: 3 })
  await listener.raw('SUBSCRIBE', 'c')
  const publisher = await login(other, automation)
  for (let i = 0; i < 20; i++) {
    // One that is sent as it is, one that is computed, and one on a list.
    publisher.write(
      Buffer.concat([
        request('SET', 's', i),
        request('APPEND', 'a', 'x'),
        request('RPUSH', 'l', i),
        request('PUBLISH', 'c', i),
      ]),
    )
    expect(await listener.frame()).toContain(`\r\n${i}\r\n`)
    listener.send('GET', 's').send('STRLEN', 'a').send('LLEN', 'l')
    expect(await listener.frames(3)).toEqual([
      `$${String(i).length}\r\n${i}\r\n`,
      `:${i + 1}\r\n`,
      `:${i + 1}\r\n`,
    ])
  }
})

test('a RESP3 listener works on, and its replies keep their order', async () => {
  const automation = ownAutomation()
  const listener = await login(server, automation, { protocol: 3 })
  await listener.raw('SUBSCRIBE', 'c')
  const publisher = await login(server, automation)
  for (let i = 0; i < 200; i++) {
    publisher.send('PUBLISH', 'c', `m${i}`)
    listener.send('ECHO', `e${i}`).send('SET', 'k', String(i)).send('GET', 'k')
  }
  const frames = await listener.frames(800)
  const pushes = frames.filter((frame) => frame.startsWith('>'))
  expect(pushes).toEqual(Array.from({ length: 200 }, (_, i) => array('>', 'message', 'c', `m${i}`)))
  const replies = frames.filter((frame) => !frame.startsWith('>'))
  expect(replies).toEqual(
    Array.from({ length: 200 }, (_, i) => [
      `$${`e${i}`.length}\r\ne${i}\r\n`,
      '+OK\r\n',
      `$${`${i}`.length}\r\n${i}\r\n`,
    ]).flat(),
  )
})

describe('coming and going', () => {
  test('no message comes before the confirmation', async () => {
    const automation = ownAutomation()
    const publisher = await login(server, automation)
    let stopped = false
    const publishing = (async () => {
      while (!stopped) await publisher.raw('PUBLISH', 'c', 'm')
    })()
    for (let i = 0; i < 50; i++) {
      const listener = await login(i % 2 === 0 ? server : other, automation)
      const [first, second] = await listener.send('SUBSCRIBE', 'c').frames(2)
      expect(first).toBe(array('*', 'subscribe', 'c', 1))
      expect(second).toBe(message('c', 'm'))
      listener.destroy()
    }
    stopped = true
    await publishing
  })

  test('a message that was counted arrives', async () => {
    const automation = ownAutomation()
    const publishers = [await login(server, automation), await login(other, automation)]
    for (let i = 0; i < 60; i++) {
      const listener = await login(server, automation)
      listener.send('SUBSCRIBE', 'c')
      const publisher = publishers[i % 2]!
      let sent = 0
      while ((await publisher.raw('PUBLISH', 'c', `m${sent}`)) === ':0\r\n') sent++
      expect(await listener.frame()).toBe(array('*', 'subscribe', 'c', 1))
      await publisher.raw('PUBLISH', 'c', 'end')
      const arrived: string[] = []
      while (arrived.at(-1) !== message('c', 'end')) arrived.push(await listener.frame())
      expect(arrived).toContain(message('c', `m${sent}`))
      listener.destroy()
      await eventually(async () => (await publisher.raw('PUBLISH', 'c', 'x')) === ':0\r\n')
    }
  })

  test('those who leave do not take others with them', async () => {
    const automation = ownAutomation()
    const [restless, publisher] = [await login(server, automation), await login(server, automation)]
    for (let i = 0; i < 30; i++) {
      restless.send('UNSUBSCRIBE', 'x').send('SUBSCRIBE', 'x').send('UNSUBSCRIBE', 'x')
      const listener = await login(server, automation)
      listener.send('SUBSCRIBE', 'c')
      restless.send('UNSUBSCRIBE', 'y')
      await Promise.all([restless.frames(4), listener.frame()])
      publisher.send('PUBLISH', 'c', `m${i}`)
      expect(await listener.frame()).toBe(message('c', `m${i}`))
      listener.destroy()
    }
  })

  test('who is gone before the confirmation is not counted', async () => {
    const automation = ownAutomation()
    const token = await server.token(automation)
    for (let i = 0; i < 50; i++) {
      const listener = await RespClient.connect(server.app.ports.resp)
      await listener.raw('AUTH', token)
      listener.send('SUBSCRIBE', 'c', 'd').send('PSUBSCRIBE', '*').send('SSUBSCRIBE', 's')
      if (i % 2 === 0) listener.destroy()
      else listener.socket.resetAndDestroy()
    }
    const asking = await login(server, automation)
    await eventually(
      async () => (await asking.raw('PUBSUB', 'NUMSUB', 'c', 'd')) === array('*', 'c', 0, 'd', 0),
    )
    await eventually(async () => (await asking.raw('PUBSUB', 'NUMPAT')) === ':0\r\n')
    const backing = server.backing()
    await eventually(async () => (await backing.keys(`kv:{${automation}}:*`)).length === 0)
    await eventually(async () => (await backing.pubsub('NUMSUB', `kv:{${automation}}:p`))[1] === 0)
  })

  test('RESET ends all subscriptions', async () => {
    const automation = ownAutomation()
    const listener = await login(server, automation)
    listener
      .send('SUBSCRIBE', 'c')
      .send('PSUBSCRIBE', '*')
      .send('SSUBSCRIBE', 's')
      .send('RESET')
      .send('GET', 'x')
    expect((await listener.frames(5)).slice(3)).toEqual([
      '+RESET\r\n',
      '-NOAUTH Authentication required.\r\n',
    ])
    const asking = await login(other, automation)
    await eventually(async () => (await asking.raw('PUBLISH', 'c', 'm')) === ':0\r\n')
    await listener.raw('AUTH', await server.token(automation))
    expect(await listener.raw('SUBSCRIBE', 'c')).toBe(array('*', 'subscribe', 'c', 1))
  })

  test('CLIENT LIST shows who listens', async () => {
    const automation = ownAutomation()
    const listener = await subscriber(server, automation, 'a', 'b')
    await listener.raw('PSUBSCRIBE', '*')
    const asking = await login(server, automation)
    expect(await asking.raw('CLIENT', 'LIST', 'TYPE', 'PUBSUB')).toMatch(
      /^\$\d+\r\nid=\d+ .* flags=P db=0 sub=2 psub=1 ssub=0 [^\n]*\n\r\n$/,
    )
    expect(await asking.raw('CLIENT', 'LIST', 'TYPE', 'NORMAL')).not.toContain('flags=P')
  })
})

test('within MULTI messages are sent by EXEC, and nobody begins to listen', async () => {
  const automation = ownAutomation()
  const listener = await subscriber(server, automation, 'c')
  const client = await login(other, automation)
  const run = async (...lines: string[]): Promise<string[]> => {
    for (const line of lines) client.send(...line.split(' '))
    return client.frames(lines.length)
  }
  expect((await run('MULTI', 'SET k v', 'PUBLISH c one', 'GET k', 'EXEC')).at(-1)).toBe(
    '*3\r\n+OK\r\n:1\r\n$1\r\nv\r\n',
  )
  await run('MULTI', 'PUBLISH c discarded', 'DISCARD')
  await run('WATCH k', 'SET k w', 'MULTI', 'PUBLISH c conflicting', 'EXEC')
  expect((await run('MULTI', 'SUBSCRIBE x', 'EXEC')).slice(1)).toEqual([
    '-ERR Command not allowed inside a transaction\r\n',
    '-EXECABORT Transaction discarded because of previous errors.\r\n',
  ])
  await run('PUBLISH c two')
  expect(await listener.frames(2)).toEqual([message('c', 'one'), message('c', 'two')])
})

test('a read-only token may listen, and may not publish', async () => {
  const automation = ownAutomation()
  const reader = await login(server, automation, { scope: 'kv:read', protocol: 3 })
  expect(await reader.raw('SUBSCRIBE', 'c')).toBe(array('>', 'subscribe', 'c', 1))
  expect(await reader.raw('PUBLISH', 'c', 'm')).toMatch(/^-NOPERM /)
  expect(await reader.raw('SPUBLISH', 'c', 'm')).toMatch(/^-NOPERM /)
})

test('a listener is cut off when its token expires', async () => {
  const automation = ownAutomation()
  const listener = await login(server, automation, { ttlSeconds: SHORT_LIFE_SECONDS })
  await listener.raw('SUBSCRIBE', 'c')
  expect(await listener.framesUntilClosed()).toEqual([])
  const asking = await login(server, automation)
  await eventually(async () => (await asking.raw('PUBLISH', 'c', 'm')) === ':0\r\n')
})

test('a listener that does not read is cut, and the others go on', async () => {
  const small = await startServer({ AUTOMATION_KV_MAX_BACKLOG: String(1024 * 1024) }, server.redis)
  onTestFinished(() => small.stop())
  const automation = ownAutomation()
  const [slow, good] = [await subscriber(small, automation, 'c'), await subscriber(small, automation, 'c')]
  const publisher = await login(server, automation)
  slow.socket.pause()
  const text = 'x'.repeat(500_000)
  let sent = 0
  await eventually(async () => {
    await publisher.raw('PUBLISH', 'c', text)
    sent++
    return small.logged().includes('a slow listener was cut')
  }, 20_000)
  expect(await good.frames(sent)).toHaveLength(sent)
  slow.socket.resume()
  await slow.framesUntilClosed()
  await eventually(async () => (await publisher.raw('PUBLISH', 'c', 'm')) === ':1\r\n')
}, 40_000)

describe('when the link to the Redis is lost', () => {
  const start = async (): Promise<TestServer> => {
    const redis = await startRedis()
    const started = await startServer({}, redis)
    onTestFinished(async () => {
      await started.stop()
      await redis.stop()
    })
    return started
  }

  /** Messages that were sent in between are lost, as with Redis: sent until one arrives. */
  const heardBy = async (listener: RespClient, publisher: RespClient): Promise<void> => {
    await eventually(async () => {
      const sent = await publisher.raw('PUBLISH', 'c', 'm')
      return !sent.startsWith('-') && listener.pending > 0
    })
    await listener.frame()
  }

  test.each([['its subscribing connection is killed'], ['it is started again']])(
    'all listen again: %s',
    async (how) => {
      const lone = await start()
      const automation = ownAutomation()
      const [listener, publisher] = [await subscriber(lone, automation, 'c'), await login(lone, automation)]
      await listener.raw('PSUBSCRIBE', 'd*')
      if (how.startsWith('its')) await lone.backing().call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      else await lone.redis.restart()
      await heardBy(listener, publisher)
      await eventually(async () => (await publisher.raw('PUBLISH', 'd', 'm')) === ':1\r\n')
      await eventually(async () => (await publisher.raw('PUBSUB', 'NUMSUB', 'c')) === array('*', 'c', 1))
    },
  )

  test('a subscription that failed leaves nothing, and spoils none after it', async () => {
    const lone = await start()
    const automation = ownAutomation()
    const [listener, publisher] = [await login(lone, automation), await login(lone, automation)]
    await lone.redis.kill()
    expect(await listener.raw('SUBSCRIBE', 'c')).toMatch(/^-TRYAGAIN /)
    expect(await listener.raw('GET', 'x')).toMatch(/^-TRYAGAIN /)
    await lone.redis.restart()
    await eventually(async () => (await publisher.raw('PUBLISH', 'c', 'm')) === ':0\r\n')
    await eventually(async () => (await listener.raw('SUBSCRIBE', 'c')) === array('*', 'subscribe', 'c', 1))
    await heardBy(listener, publisher)
  })
})

test('a thousand listen on few connections', async () => {
  const automation = ownAutomation()
  const token = await server.token(automation)
  const listeners: RespClient[] = []
  for (let i = 0; i < 1_000; i++) {
    const listener = await RespClient.connect(server.app.ports.resp)
    listeners.push(listener.send('AUTH', token).send('SUBSCRIBE', 'all', `own-${i}`))
  }
  onTestFinished(() => {
    for (const listener of listeners) listener.destroy()
  })
  for (const listener of listeners) await listener.frames(3)
  const lines = String(await server.backing().client('LIST')).split('\n')
  expect(lines.filter((line) => / name=automation-kv(-subscriber)? /.test(line)).length).toBeLessThanOrEqual(
    10,
  )
  const publisher = await login(other, automation)
  expect(await publisher.raw('PUBLISH', 'all', 'm')).toBe(':1000\r\n')
  expect(new Set(await Promise.all(listeners.map((listener) => listener.frame())))).toEqual(
    new Set([message('all', 'm')]),
  )
  expect(await publisher.raw('PUBLISH', 'own-7', 'm')).toBe(':1\r\n')
  expect(await listeners[7]!.frame()).toBe(message('own-7', 'm'))
}, 60_000)
