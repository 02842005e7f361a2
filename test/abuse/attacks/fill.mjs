// What several attacks fill their store with.
import { encode } from '../lib/peer.mjs'

/** @typedef {import('../lib/context.mjs').Context} Context */
/** @typedef {(string | number | Buffer)[]} Command */

/**
 * `count` requests of `each` elements under one key.
 * @param {string} command
 * @param {string} key
 * @param {number} count elements
 * @param {(n: number) => Command} element
 */
export function* elements(command, key, count, element) {
  const each = 1_000
  for (let at = 0; at < count; at += each) {
    yield [
      command,
      key,
      ...Array.from({ length: Math.min(each, count - at) }, (_, n) => element(at + n)).flat(),
    ]
  }
}

/**
 * A setup that sends these commands on one connection.
 * @param {(context: Context) => Iterable<Command>} commands
 */
export const filling = (commands) => async (/** @type {Context} */ context) => {
  const peer = await context.open()
  await context.fill(peer, commands(context))
  peer.close()
}

/**
 * A list, set, hash, sorted set of so many small elements, under `list`, `set`, `hash`, `zset`.
 * @param {number} full
 */
export const listOf = (full) =>
  filling((context) =>
    elements('RPUSH', 'list', context.some(full), (n) => [`element ${(n * 7_919) % full}`]),
  )
/** @param {number} full */
export const setOf = (full) =>
  filling((context) => elements('SADD', 'set', context.some(full), (n) => [`member ${n}`]))
/** @param {number} full */
export const hashOf = (full) =>
  filling((context) => elements('HSET', 'hash', context.some(full), (n) => [`field ${n}`, `value ${n}`]))
/** @param {number} full */
export const zsetOf = (full) =>
  filling((context) => elements('ZADD', 'zset', context.some(full), (n) => [n, `member ${n}`]))

/**
 * `count` strings of `bytes` under `value:<n>`.
 * @param {number} count
 * @param {number} bytes
 */
export const valuesOf = (count, bytes) =>
  filling(function* (context) {
    const value = Buffer.alloc(bytes, 'v')
    for (let n = 0; n < context.some(count); n++) yield ['SET', `value:${n}`, value]
  })

/** The largest value that the server takes, by default. */
export const LARGEST = 1024 * 1024

/**
 * The same request many times, as one piece.
 * @param {Buffer} request
 * @param {number} times
 */
export const times = (request, times) => Buffer.concat(Array(times).fill(request))

/** @param {...(string | number | Buffer)} args */
export const command = (...args) => encode(args)
