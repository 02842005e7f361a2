// What single parts cost by themselves: no arrangement of the rest can be faster than these.
import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { encode, load } from './client.mjs'
import { spread } from './statistics.mjs'

const MIB = 1024 * 1024
/** Of a sealed value: the protected header, as additional authenticated data. */
const HEADER_BYTES = 106
const PIECE = 49_152

const key = createSecretKey(randomBytes(32))
const header = randomBytes(HEADER_BYTES)

const seal = (plaintext) => {
  const cipher = createCipheriv('aes-256-gcm', key, randomBytes(12))
  cipher.setAAD(header)
  const text = cipher.update(plaintext)
  cipher.final()
  return { text, tag: cipher.getAuthTag() }
}

const sealLong = (plaintext) => {
  const { text } = seal(plaintext)
  for (let at = 0; at < text.length; at += PIECE) text.toString('base64url', at, at + PIECE)
}

/** How often `work` can be done in a second by one thread that does nothing else. */
const alone = (work, seconds) => {
  const startedAt = performance.now()
  let count = 0
  while (performance.now() - startedAt < seconds * 1_000) {
    for (let n = 0; n < 10; n++) work()
    count += 10
  }
  return count / ((performance.now() - startedAt) / 1_000)
}

const throughRedis = async (redis, command, seconds) => {
  const bytes = encode(command)
  return (await load(Array(10).fill(redis), { seconds, next: () => bytes, replies: 1 })).rate
}

export const floors = async ({ redis }, { rounds, seconds }) => {
  const [small, large] = [randomBytes(100), randomBytes(MIB)]
  const sealed = randomBytes(MIB).toString('base64url')
  /** @type {[string, () => number | Promise<number>][]} */
  const kinds = [
    ['AES-256-GCM of 100 B by node:crypto, one thread', () => alone(() => seal(small), seconds)],
    ['AES-256-GCM of 1 MiB and its base64url, one thread', () => alone(() => sealLong(large), seconds)],
    [
      'a sealed value of 1 MiB to the Redis, SET',
      () => throughRedis(redis, ['SET', 'floor', sealed], seconds),
    ],
    [
      'the same by a script',
      () =>
        throughRedis(
          redis,
          ['EVAL', "return redis.call('SET', KEYS[1], ARGV[1])", '1', 'floor', sealed],
          seconds,
        ),
    ],
  ]
  const runs = kinds.map(() => /** @type {number[]} */ ([]))
  for (let round = 0; round < rounds; round++)
    for (const [at, [, measure]] of kinds.entries()) runs[at]?.push(await measure())
  return kinds.map(([title], at) => ({ title, ...spread(runs[at]) }))
}
