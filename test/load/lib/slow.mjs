// Clients that read slowly or not at all. The kernels' socket buffers take some megabytes of each; what
// counts is what the server keeps.
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from '../../../bench/lib/client.mjs'
import { othersServed, startBystander } from './bystander.mjs'
import { bulk, CheckedClient, encode, OK, openMany } from './client.mjs'
import { MIB } from './subject.mjs'

const VALUE = Buffer.alloc(100 * 1024, 'slow readers meet large values. ')
const GET = encode(['GET', 'large'])
const READ_BYTES = 1_024

/** What a connection may cost beyond what lies in the kernel: see "Bounds" on the page. */
const PER_READER_BYTES = 32 * MIB
const SHARED_BYTES = 192 * MIB

/** @typedef {import('./trial.mjs').Context} Context */

/**
 * @param {Context['ground']} ground
 * @param {Context['server']} server
 * @param {string} name
 * @param {number} count
 */
const targetsOf = (ground, server, name, count) =>
  Array.from({ length: count }, (_, index) => ({
    port: server.port,
    password: ground.token(`${name}-${index}`),
  }))

/**
 * @param {Context['ground']} ground
 * @param {Context['server']} server
 * @param {string} name
 * @param {number} count
 */
const openWithValue = async (ground, server, name, count) => {
  const clients = await openMany(targetsOf(ground, server, name, count))
  await Promise.all(clients.map((client) => client.send(encode(['SET', 'large', VALUE]), OK)))
  return clients
}

/**
 * 1 KB a second from replies of 100 KiB; in the end all is read, and must be right.
 * @param {{ clients: number, gets: number, seconds: number }} size
 * @returns {import('./trial.mjs').Scenario}
 */
export const slowReaders = ({ clients: count, gets, seconds }) => ({
  id: 'slow-readers',
  title: `${count} clients that read 1 KB/s, ${gets} replies of 100 KiB each`,
  async work({ ground, server, clients, atMost, peak }) {
    clients.push(...(await openWithValue(ground, server, 'slow', count)))
    const reply = bulk(VALUE)
    const bystander = await startBystander(server, ground.token('bystander'))
    const finished = clients.map((client) => {
      client.socket.pause()
      /** @type {Promise<void>} */
      const all = new Promise((resolve) => {
        for (let i = 1; i <= gets; i++) client.expect(reply, i === gets ? resolve : undefined)
      })
      client.socket.write(Buffer.concat(Array(gets).fill(GET)))
      return Promise.race([all, client.failed])
    })
    for (let second = 0; second < seconds; second++) {
      await delay(1_000)
      for (const { socket } of clients) socket.read(READ_BYTES)
    }
    const most = peak()
    const measured = await bystander.stop()
    const held = (await server.memory()).arrayBuffers
    for (const { socket } of clients) socket.resume()
    await Promise.all(finished)
    atMost(
      'peak of resident memory above the baseline',
      most,
      count * PER_READER_BYTES + SHARED_BYTES,
      'bytes',
    )
    return {
      'asked for, all clients together': [count * gets * VALUE.length, 'bytes'],
      'peak of resident memory above the baseline, a client': [most / count, 'bytes'],
      'in buffers at the end, a client': [held / count, 'bytes'],
      ...othersServed(measured, atMost),
    }
  },
})

/** Sends GETs until the server takes no more: answers how many bytes of requests it took. */
const sendUntilStuck = async (socket, mostBytes) => {
  const piece = Buffer.concat(Array(2_000).fill(GET))
  const drained = () => new Promise((resolve) => socket.once('drain', () => resolve(true)))
  for (;;) {
    const more = socket.write(piece)
    if (socket.bytesWritten > mostBytes) break
    if (!more && (await Promise.race([drained(), delay(3_000, false)])) === false) break
  }
  return socket.bytesWritten - socket.writableLength
}

/**
 * @param {{ clients: number, mostBytes: number, seconds: number }} size
 * @returns {import('./trial.mjs').Scenario}
 */
export const neverReaders = ({ clients: count, mostBytes, seconds }) => ({
  id: `never-readers-${count}`,
  title:
    count === 1
      ? 'a client that sends GETs of 100 KiB and never reads'
      : `${count} clients that send GETs of 100 KiB and never read`,
  async work({ ground, server, clients, atMost, check, peak }) {
    clients.push(...(await openWithValue(ground, server, 'deaf', count)))
    const bystander = await startBystander(server, ground.token('bystander'))
    for (const { socket } of clients) socket.pause()
    const taken = await Promise.all(clients.map(({ socket }) => sendUntilStuck(socket, mostBytes)))
    await delay(seconds * 1_000)
    const measured = await bystander.stop()
    check(
      'the server stops reading from a client that does not read',
      Math.max(...taken) < mostBytes,
      `${Math.max(...taken)} bytes were taken`,
    )
    const held = (await server.memory()).arrayBuffers
    atMost(
      'peak of resident memory above the baseline',
      peak(),
      count * PER_READER_BYTES + SHARED_BYTES,
      'bytes',
    )
    return {
      'requests that were taken, kernel included, a client': [Math.max(...taken), 'bytes'],
      'peak of resident memory above the baseline, a client': [peak() / count, 'bytes'],
      'in buffers at the end, a client': [held / count, 'bytes'],
      ...othersServed(measured, atMost),
    }
  },
})

/**
 * A subscriber that does not read is cut at AUTOMATION_KV_MAX_BACKLOG.
 * @param {{ mostBytes: number }} size
 * @returns {import('./trial.mjs').Scenario}
 */
export const deafListener = ({ mostBytes }) => ({
  id: 'deaf-listener',
  title: 'a subscriber that never reads',
  async work({ ground, server, clients, atMost, check, peak }) {
    const target = { port: server.port, password: ground.token('listeners') }
    const listener = await CheckedClient.open(target)
    clients.push(listener)
    await listener.send(
      encode(['SUBSCRIBE', 'news']),
      Buffer.from('*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n'),
    )
    const reader = await CheckedClient.open(target)
    clients.push(reader)
    await reader.send(
      encode(['SUBSCRIBE', 'news']),
      Buffer.from('*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n'),
    )
    listener.socket.pause()
    const bystander = await startBystander(server, ground.token('bystander'))
    const publisher = await Client.open(target)
    const message = Buffer.alloc(16 * 1024, 'n')
    const request = encode(['PUBLISH', 'news', message])
    const push = Buffer.concat([Buffer.from('*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n'), bulk(message)])
    let published = 0
    while (server.notes.length === 0 && published < mostBytes) {
      /** @type {Promise<void>} */
      const heard = new Promise((resolve) => {
        for (let i = 1; i <= 20; i++) reader.expect(push, i === 20 ? resolve : undefined)
      })
      await publisher.send(Buffer.concat(Array(20).fill(request)), 20)
      await Promise.race([heard, reader.failed])
      published += 20 * message.length
    }
    publisher.close()
    const measured = await bystander.stop()
    check(
      'the subscriber that does not read is cut',
      server.notes.length === 1,
      `${published} bytes were published`,
    )
    check('the subscriber that reads stays', !reader.closed)
    atMost('peak of resident memory above the baseline', peak(), PER_READER_BYTES + SHARED_BYTES, 'bytes')
    return {
      'published until it was cut, kernel included': [published, 'bytes'],
      ...othersServed(measured, atMost),
    }
  },
})
