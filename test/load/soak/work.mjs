// What the clients of the soak do. All keys come again and again, so that what is stored does not grow.
import { setTimeout as delay } from 'node:timers/promises'
import { RespClient, RestClient } from './clients.mjs'

/**
 * What the workers share. `count` adds commands; `timed` measures work, and counts it.
 * @typedef {object} Soak
 * @property {import('../lib/subject.mjs').Subject} server
 * @property {boolean} running
 * @property {(automation?: string) => string} token
 * @property {(n: number) => void} count
 * @property {<T>(work: () => Promise<T>, commands?: number) => Promise<T>} timed
 */

/** @typedef {import('./clients.mjs').Arg} Arg */
/** @typedef {import('./clients.mjs').Reply} Reply */

/** @param {number} limit */
const below = (limit) => Math.floor(Math.random() * limit)
/** @template T @param {readonly T[]} list @returns {T} */
const pick = (list) => /** @type {T} */ (list[below(list.length)])
const word = () => `w${below(50)}`
/** @param {number} bytes */
const text = (bytes) => 'abcdefghij'.repeat(Math.ceil(bytes / 10)).slice(0, bytes)
const think = () => delay(1 + below(15))

class Wrong extends Error {}
/** @param {string} what @param {unknown} got @param {unknown} expected */
const same = (what, got, expected) => {
  if (JSON.stringify(got) !== JSON.stringify(expected))
    throw new Wrong(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(expected)}`.slice(0, 500))
}

/**
 * A few commands of each family, some of which are checked. `call` sends one and measures.
 * @type {Record<string, (
 *   call: (...command: Arg[]) => Promise<Reply>,
 *   client: RespClient,
 *   many: (commands: readonly (readonly Arg[])[]) => Promise<Reply[]>,
 * ) => Promise<unknown>>}
 */
const FAMILIES = {
  strings: async (call) => {
    const value = text(pick([10, 100, 1_000, 20_000]))
    await call('SET', 's', value)
    same('GET', await call('GET', 's'), value)
    await call('APPEND', 's', 'x')
    same('STRLEN', await call('STRLEN', 's'), value.length + 1)
    await call('SET', `t${below(20)}`, '1', 'EX', 5)
    await call('MSET', 'a', '1', 'b', '2')
    same('MGET', await call('MGET', 'a', 'b', 'none'), ['1', '2', null])
    await call('INCRBY', 'n', below(10))
    await call('GETRANGE', 's', 0, 5)
  },
  bitmaps: async (call) => {
    await call('SETBIT', 'bits', below(1_000), 1)
    await call('BITCOUNT', 'bits')
    await call('BITFIELD', 'bits', 'INCRBY', 'u8', '#3', 1)
  },
  lists: async (call) => {
    await call('RPUSH', 'l', word(), word(), word())
    await call('LRANGE', 'l', 0, -1)
    await call('LREM', 'l', 1, word())
    await call('LMOVE', 'l', 'm', 'LEFT', 'RIGHT')
    await call('LTRIM', 'l', -20, -1)
    await call('LTRIM', 'm', -20, -1)
    await call('LPOP', 'l')
  },
  hashes: async (call) => {
    const value = text(200)
    await call('HSET', 'h', word(), value, 'last', value)
    same('HGET', await call('HGET', 'h', 'last'), value)
    await call('HGETALL', 'h')
    await call('HINCRBY', 'counts', word(), 1)
    await call('HDEL', 'h', word())
    await call('HSCAN', 'h', 0)
  },
  sets: async (call) => {
    await call('SADD', 'x', word(), word())
    await call('SADD', 'y', word())
    await call('SINTERSTORE', 'z', 'x', 'y')
    await call('SMEMBERS', 'x')
    await call('SREM', 'x', word())
    await call('SPOP', 'y')
  },
  'sorted sets': async (call) => {
    await call('ZADD', 'zs', below(100), word(), below(100), word())
    await call('ZRANGE', 'zs', 0, -1, 'WITHSCORES')
    await call('ZINCRBY', 'zs', 1, word())
    await call('ZRANGEBYLEX', 'lex', '-', '+')
    await call('ZPOPMIN', 'zs')
  },
  streams: async (call) => {
    const id = await call('XADD', 'st', 'MAXLEN', 50, '*', 'field', text(100))
    same('XRANGE', await call('XRANGE', 'st', id, id), [[id, ['field', text(100)]]])
    await call('XREAD', 'COUNT', 5, 'STREAMS', 'st', 0)
    await call('XLEN', 'st')
  },
  hyperloglogs: async (call) => {
    await call('PFADD', 'hll', word())
    await call('PFCOUNT', 'hll')
  },
  keys: async (call) => {
    await call('SCAN', 0, 'COUNT', 100)
    await call('EXPIRE', `t${below(20)}`, 3)
    await call('RENAME', 'a', 'a2')
    await call('COPY', 'a2', 'a', 'REPLACE')
    await call('KEYS', 't*')
    await call('DEL', 'a2', `t${below(20)}`)
    await call('DBSIZE')
    await call('SORT', 'x', 'ALPHA')
  },
  transactions: async (call, _client, many) => {
    await call('WATCH', 'n')
    const replies = await many([
      ['MULTI'],
      ['SET', 'tx', 'one'],
      ['GET', 'tx'],
      ['APPEND', 'tx', 'two'],
      ['GET', 'tx'],
      ['EXEC'],
    ])
    same('EXEC', replies.at(-1), ['OK', 'one', 6, 'onetwo'])
    await many([['MULTI'], ['INCR', 'n'], ['DISCARD']])
  },
  scripts: async (call) => {
    const script = "redis.call('SET', KEYS[1], ARGV[1]); return {redis.call('GET', KEYS[1]), #ARGV}"
    same('EVAL', await call('EVAL', script, 1, 'scripted', 'value'), ['value', 1])
  },
  pipelines: async (_call, _client, many) => {
    const value = text(100)
    const replies = await many(
      Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? ['SET', `p${n}`, value] : ['GET', `p${n - 1}`])),
    )
    for (const [n, reply] of replies.entries()) same('pipeline', reply, n % 2 === 0 ? 'OK' : value)
  },
}

/** One connection that works through all families, again and again. */
const families = async (soak, index) => {
  const client = await RespClient.open(soak.server.port, soak.token(`families-${index}`))
  const many = async (commands) => {
    const replies = await soak.timed(() => client.pipeline(commands), commands.length)
    const failure = replies.find((reply) => reply instanceof Error)
    if (failure !== undefined) throw new Error(failure.message)
    return replies
  }
  const call = async (...command) => (await many([command.map(String)]))[0]
  // The keys that RENAME and SORT expect.
  await call('SET', 'a', '1')
  await call('ZADD', 'lex', 0, 'a', 0, 'b', 0, 'c')
  while (soak.running) {
    await pick(Object.values(FAMILIES))(call, client, many).catch(async (error) => {
      if (/no such key/.test(error.message)) return call('SET', 'a', '1')
      throw error
    })
    await think()
  }
  client.end()
}

/** @param {Soak} soak @param {number} index */
const rest = async (soak, index) => {
  const client = new RestClient(soak.server.httpPort, soak.token(`rest-${index}`))
  /** @param {Parameters<RestClient['call']>} args */
  const call = (...args) => soak.timed(() => client.call(...args))
  while (soak.running) {
    const key = `doc-${below(20)}`
    const value = { name: text(pick([10, 1_000, 10_000])), list: [1, 2, 3], nested: { n: below(100) } }
    await call('PUT', `/${key}`, value)
    same('GET', (await call('GET', `/${key}`)).value, value)
    await call('PATCH', `/${key}`, { path: 'nested.added', value: below(100) })
    await call('GET', `/${key}?path=nested.n`)
    await call('POST', '/counter/incr', { by: 2 })
    await call('POST', '/list/rpush', { value })
    await call('POST', '/list/lpop')
    await call('POST', '/batch', {
      operations: [
        { op: 'set', key: 'b1', value: 1 },
        { op: 'incr', key: 'b1' },
        { op: 'get', key: 'b1' },
      ],
    })
    await call('GET', '?prefix=doc-')
    await call('GET', '/missing', undefined, [404])
    await call('DELETE', `/${key}`)
    await think()
  }
  client.close()
}

/** One that waits and one that pushes: each element comes once, in order. */
const blocking = async (soak, index) => {
  const token = soak.token(`blocking-${index}`)
  const [taker, giver] = await Promise.all([
    RespClient.open(soak.server.port, token),
    RespClient.open(soak.server.port, token),
  ])
  await giver.call('DEL', 'queue')
  for (let n = 0; soak.running; n++) {
    const popped = taker.call('BLPOP', 'other', 'queue', 10)
    if (n % 3 > 0) await delay(below(20))
    await soak.timed(() => giver.call('RPUSH', 'queue', n))
    same('BLPOP', await popped, ['queue', String(n)])
    if (n % 50 === 0) same('BLPOP that times out', await taker.call('BLPOP', 'other', '0.05'), null)
    soak.count(1)
  }
  taker.end()
  giver.end()
}

const pubsub = async (soak, index) => {
  const token = soak.token(`pubsub-${index}`)
  const publisher = await RespClient.open(soak.server.port, token)
  while (soak.running) {
    const listener = await RespClient.open(soak.server.port, token)
    let heard = 0
    let all
    const done = new Promise((resolve) => (all = resolve))
    listener.onMessage = ([, , channel, message]) => {
      if ((message ?? channel) === `end`) all()
      else heard++
    }
    await listener.call('SUBSCRIBE', 'news')
    await listener.call('PSUBSCRIBE', 'other:*')
    for (let n = 0; n < 50; n++) {
      same(
        'PUBLISH',
        await soak.timed(() => publisher.call('PUBLISH', n % 2 === 0 ? 'news' : 'other:1', text(200))),
        1,
      )
      if (n % 10 === 0) await think()
    }
    await publisher.call('PUBLISH', 'news', 'end')
    await Promise.race([done, delay(10_000)])
    same('messages', heard, 50)
    listener.abort()
  }
  publisher.end()
}

/** Ways to come and go; what a client that hangs up has sent may or may not be done. */
const VISITS = [
  async (client) => {
    await client.call('QUIT')
  },
  async (client) => {
    await client.call('SET', 'visit', text(1_000))
    client.end()
  },
  async (client) => {
    client.send('SET', 'visit', text(1_000))
    client.abort()
  },
  async (client) => {
    await client.call('SET', 'large', text(100_000))
    for (let n = 0; n < 20; n++) client.send('GET', 'large')
    await delay(below(5))
    client.abort()
  },
  async (client) => {
    client.send('BLPOP', 'nothing', '0')
    await delay(below(20))
    client.abort()
  },
  async (client) => {
    client.send('SUBSCRIBE', 'news', 'more')
    await delay(below(20))
    client.abort()
  },
  async (client) => {
    for (const command of [['MULTI'], ['INCR', 'n'], ['INCR', 'n']]) client.send(...command)
    client.abort()
  },
  async (client) => {
    client.socket.write(`*3\r\n$3\r\nSET\r\n$5\r\nvisit\r\n$100000\r\n${text(50_000)}`)
    await delay(below(5))
    client.abort()
  },
  async (client) => {
    client.send('EVAL', "for i = 1, 20 do redis.call('SET', KEYS[1], i) end", '1', 'scripted')
    client.abort()
  },
  async (client) => {
    const replies = await client.pipeline([['NOSUCH'], ['GET'], ['SET', 'visit', '1', 'XX', 'NX'], ['PING']])
    same('after errors', replies.at(-1), 'PONG')
    client.socket.write('*1\r\n$-5\r\n')
    await delay(5)
    client.abort()
  },
]

const visits = async (soak) => {
  // Tokens and automations come again after some thousand visits, as far as the caches of the server reach.
  const tokens = Array.from({ length: 1_000 }, (_, n) => soak.token(`visitor-${n % 500}`, `run-${n}`))
  while (soak.running) {
    if (below(20) === 0) {
      const stranger = await RespClient.open(soak.server.port)
      const [reply] = await stranger.pipeline([['AUTH', 'not.a.token']])
      same('a wrong token', /^WRONGPASS/.test(reply.message), true)
      stranger.abort()
    }
    const client = await soak.timed(() => RespClient.open(soak.server.port, pick(tokens)))
    await pick(VISITS)(client)
    soak.count(1)
    await think()
  }
}

const restVisits = async (soak) => {
  while (soak.running) {
    const client = new RestClient(soak.server.httpPort, soak.token(`rest-visitor-${below(200)}`))
    const body = JSON.stringify({ text: text(50_000) })
    await client.abort('PUT', '/aborted', body, pick([10, 30_000, body.length]))
    await client.call('PUT', '/kept', { n: 1 })
    client.close()
    soak.count(2)
    await think()
  }
}

/**
 * Who works, and how many of each.
 * @type {[work: (soak: Soak, index: number) => Promise<void>, count: number][]}
 */
export const WORKERS = [
  [families, 16],
  [rest, 6],
  [blocking, 4],
  [pubsub, 2],
  [visits, 3],
  [restVisits, 1],
]
