// Much at once: a pipeline of 100 MiB on one connection, and many values of 1 MiB.
import { randomBytes } from 'node:crypto'
import { othersServed, startBystander } from './bystander.mjs'
import { bulk, CheckedClient, drive, encode, OK, openMany } from './client.mjs'
import { MIB } from './subject.mjs'

/**
 * What a pipeline may cost, however long it is: it waits in the client and the kernel while the server works.
 */
const PIPELINE_BYTES = 192 * MIB

/**
 * @typedef {import('./trial.mjs').Context} Context
 * @typedef {import('./trial.mjs').Scenario} Scenario
 */

/**
 * @param {Context} context
 * @param {readonly Buffer[]} parts
 * @param {readonly Buffer[]} replies
 * @param {number} commands
 * @returns {Promise<import('./trial.mjs').Figures>}
 */
const sendWhole = async ({ ground, server, clients, atMost, peak }, parts, replies, commands) => {
  const client = await CheckedClient.open({ port: server.port, password: ground.token('pipeline') })
  clients.push(client)
  const bystander = await startBystander(server, ground.token('bystander'))
  const whole = Buffer.concat(parts)
  const startedAt = performance.now()
  /** @type {Promise<void>} */
  const last = new Promise((resolve) => {
    for (const [index, reply] of replies.entries())
      client.expect(reply, index === replies.length - 1 ? resolve : undefined)
  })
  client.socket.write(whole)
  await Promise.race([last, client.failed])
  const seconds = (performance.now() - startedAt) / 1_000
  const measured = await bystander.stop()
  atMost('peak of resident memory above the baseline', peak(), PIPELINE_BYTES, 'bytes')
  return {
    'sent at once': [whole.length, 'bytes'],
    'commands, each answered in its turn': [commands, ''],
    throughput: [commands / seconds, 'commands/s'],
    'bytes of requests a second': [whole.length / seconds, 'bytes/s'],
    ...othersServed(measured, atMost),
  }
}

/**
 * Blocks of 98 SETs, a GET of the last one and an ECHO of the block's number, so that a reply in a wrong
 * place shows.
 * @param {{ bytes: number }} size
 * @returns {Scenario}
 */
export const smallPipeline = ({ bytes }) => ({
  id: 'pipeline-small',
  title: `${Math.round(bytes / MIB)} MiB of SETs of 100 B in one pipeline`,
  work(context) {
    /** @type {Buffer[]} */
    const parts = []
    /** @type {Buffer[]} */
    const replies = []
    let size = 0
    for (let block = 0; size < bytes; block++) {
      const value = Buffer.from(`block ${block} `.padEnd(100, '.'))
      const requests = Array.from({ length: 98 }, (_, n) =>
        encode(['SET', `key:${(block * 98 + n) % 900}`, value]),
      )
      requests.push(encode(['GET', `key:${(block * 98 + 97) % 900}`]), encode(['ECHO', block]))
      const part = Buffer.concat(requests)
      parts.push(part)
      size += part.length
      replies.push(Buffer.concat([...Array(98).fill(OK), bulk(value), bulk(Buffer.from(String(block)))]))
    }
    return sendWhole(context, parts, replies, parts.length * 100)
  },
})

/** @param {{ bytes: number }} size @returns {Scenario} */
export const largePipeline = ({ bytes }) => ({
  id: 'pipeline-large',
  title: `${Math.round(bytes / MIB)} MiB of SETs of 1 MiB in one pipeline`,
  async work(context) {
    const count = Math.round(bytes / MIB)
    const values = Array.from({ length: 4 }, () => Buffer.from(randomBytes(MIB / 2).toString('hex')))
    /** @type {Buffer[]} */
    const parts = []
    /** @type {Buffer[]} */
    const replies = []
    for (let n = 0; n < count; n++) {
      parts.push(
        encode(['SET', `large:${n % 10}`, values[n % 4]]),
        encode(['STRLEN', `large:${n % 10}`]),
        encode(['ECHO', n]),
      )
      replies.push(OK, Buffer.from(`:${MIB}\r\n`), bulk(Buffer.from(String(n))))
    }
    const figures = await sendWhole(context, parts, replies, parts.length)
    const [client] = context.clients
    for (let n = Math.max(0, count - 10); n < count; n++)
      await client.send(encode(['GET', `large:${n % 10}`]), bulk(values[n % 4]))
    return figures
  },
})

/** @param {{ connections: number, seconds: number }} size @returns {Scenario} */
export const largeValues = ({ connections, seconds }) => ({
  id: 'large-values',
  title: `${connections} connections, GET and SET of 1 MiB`,
  async work({ ground, server, clients, atMost, peak }) {
    const targets = Array.from({ length: connections }, (_, index) => ({
      port: server.port,
      password: ground.token(`large-${index}`),
    }))
    clients.push(...(await openMany(targets)))
    const values = Array.from({ length: 4 }, () => Buffer.from(randomBytes(MIB / 2).toString('hex')))
    const sets = values.map((value) => encode(['SET', 'large', value]))
    const get = encode(['GET', 'large'])
    const replies = values.map(bulk)
    const result = await drive(clients, seconds, (_, n) => {
      const turn = (n >> 1) % values.length
      return n % 2 === 0 ? { request: sets[turn], reply: OK } : { request: get, reply: replies[turn] }
    })
    // Of each: what is received, sealed (4/3), written to the Redis or read from it, opened, and sent; and as
    // much garbage.
    atMost('peak of resident memory above the baseline', peak(), connections * 12 * MIB + 192 * MIB, 'bytes')
    return {
      throughput: [result.rate, 'commands/s'],
      'bytes of values a second': [result.rate * MIB, 'bytes/s'],
      'latency, p50': [result.p50, 'ms'],
      'latency, p99': [result.p99, 'ms'],
      'latency, p99.9': [result.p999, 'ms'],
    }
  },
})
