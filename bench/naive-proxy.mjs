// What anyone would write first: redis-parser and ioredis with a key prefix, and jose for each value. A
// contender of `npm run bench`. It keeps the order of a connection, as it must, by finishing one command
// before the next. Its INCR loses updates.
import { createServer } from 'node:net'
import { Redis } from 'ioredis'
import { CompactEncrypt, compactDecrypt, jwtVerify } from 'jose'
import Parser from 'redis-parser'

const redis = new Redis(String(process.env.REDIS_URL))
const secret = Buffer.from(String(process.env.SECRET))
const key = secret.subarray(0, 32)

/** @param {Buffer} value */
const seal = (value) =>
  new CompactEncrypt(value).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(key)
/** @param {string | null} sealed */
const open = async (sealed) =>
  sealed === null ? null : Buffer.from((await compactDecrypt(sealed, key)).plaintext)
/** @param {Buffer | null} value */
const bulk = (value) =>
  value === null
    ? Buffer.from('$-1\r\n')
    : Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')])
/** @param {(Buffer | null)[]} parts */
const array = (parts) => Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...parts.map(bulk)])

const COMMANDS = {
  GET: async (name, key) => bulk(await open(await redis.get(name(key)))),
  SET: async (name, key, value) => `+${await redis.set(name(key), await seal(value))}\r\n`,
  INCR: async (name, key) => {
    const value = BigInt(String((await open(await redis.get(name(key)))) ?? '0')) + 1n
    await redis.set(name(key), await seal(Buffer.from(String(value))))
    return `:${value}\r\n`
  },
  MGET: async (name, ...keys) => array(await Promise.all((await redis.mget(keys.map(name))).map(open))),
  LPUSH: async (name, key, ...values) =>
    `:${await redis.lpush(name(key), ...(await Promise.all(values.map(seal))))}\r\n`,
  LPOP: async (name, key) => bulk(await open(await redis.lpop(name(key)))),
  HSET: async (name, key, ...pairs) =>
    `:${await redis.hset(name(key), ...(await Promise.all(pairs.map((item, index) => (index % 2 === 0 ? item : seal(item))))))}\r\n`,
  HGETALL: async (name, key) => {
    const entries = Object.entries(await redis.hgetall(name(key)))
    const parts = await Promise.all(
      entries.map(async ([field, sealed]) => [Buffer.from(field), await open(sealed)]),
    )
    return array(parts.flat())
  },
  DEL: async (name, key) => `:${await redis.del(name(key))}\r\n`,
}

const server = createServer({ noDelay: true }, (socket) => {
  let automation
  let last = Promise.resolve()
  const answer = async ([command, ...args]) => {
    const name = String(command).toUpperCase()
    try {
      if (name === 'AUTH') {
        automation = (await jwtVerify(String(args.at(-1)), secret)).payload.automation_id
        return '+OK\r\n'
      }
      if (automation === undefined) return '-NOAUTH Authentication required.\r\n'
      const run = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
      return run === undefined
        ? '-ERR unknown command\r\n'
        : await run((key) => `kv:${automation}:${key}`, ...args)
    } catch (error) {
      return `-ERR ${error instanceof Error ? error.name : error}\r\n`
    }
  }
  const parser = new Parser({
    returnBuffers: true,
    returnReply: (args) => {
      last = last.then(async () => {
        const reply = await answer(args)
        if (!socket.destroyed) socket.write(reply)
      })
    },
    returnError: () => socket.destroy(),
  })
  socket.on('data', (chunk) => parser.execute(chunk))
  socket.on('error', () => socket.destroy())
})
server.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 }, () =>
  console.log('ready'),
)
