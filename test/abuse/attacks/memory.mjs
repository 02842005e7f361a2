// What the server holds for a client: unfinished requests, queues, subscriptions, waiting keys.
import { command, LARGEST, times } from './fill.mjs'

/** @typedef {import('../lib/types.mjs').Row} Row */

const CHUNK = Buffer.alloc(256 * 1024, 'x')

/** @type {Row[]} */
export const MEMORY = [
  {
    name: 'multi-250mb',
    title: 'MULTI, 250 MB of SETs, no EXEC',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const peer = await context.open()
      await peer.call('MULTI')
      await context.flood([peer], command('SET', 'key', Buffer.alloc(LARGEST, 'q')), {
        most: context.some(250_000_000),
      })
    },
  },
  {
    name: 'multi-small',
    title: 'MULTI on 20 connections, small commands queued without end',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const peers = await context.openMany(20)
      await Promise.all(peers.map((peer) => peer.call('MULTI')))
      await context.flood(peers, times(command('GET', 'k'), 1_000), { most: context.some(20_000_000) })
    },
  },
  {
    name: 'unfinished-5x50mb',
    title: '5 requests of 50 MB that do not end',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const size = context.some(50_000_000)
      // Values of the largest size that is taken, so that each argument is kept.
      const count = Math.ceil(size / LARGEST)
      const argument = Buffer.concat([
        Buffer.from(`$${LARGEST}\r\n`),
        Buffer.alloc(LARGEST, 'h'),
        Buffer.from('\r\n'),
      ])
      const peers = await context.openMany(5)
      await Promise.all(
        peers.map(async (peer) => {
          await peer.push(Buffer.from(`*${count + 3}\r\n$5\r\nRPUSH\r\n$4\r\nlist\r\n`))
          for (let n = 0; n < count && context.running; n++) await peer.push(argument)
          await peer.push(Buffer.from(`$${LARGEST}\r\n`))
          while (context.running && !peer.closed) {
            await peer.push(Buffer.from('x'))
            await context.pause(100)
          }
        }),
      )
    },
  },
  {
    name: 'unfinished-200',
    title: '200 requests of up to 16 MB that do not end',
    door: 'resp',
    scope: 'kv:read',
    async attack(context) {
      const peers = await context.openMany(200)
      const most = context.some(16_000_000)
      await Promise.all(
        peers.map(async (peer) => {
          await peer.push(Buffer.from('*1000000\r\n$4\r\nMGET\r\n'))
          const piece = Buffer.from(`$200\r\n${'k'.repeat(200)}\r\n`.repeat(500))
          for (let sent = 0; sent < most && context.running && !peer.closed; sent += piece.length)
            await peer.push(piece)
        }),
      )
      await context.over
    },
  },
  {
    name: 'before-login',
    title: 'no token: 4,000 connections, each with 60 kB of an unfinished request',
    door: 'resp',
    scope: 'none',
    async attack(context) {
      const peers = await context.openMany(4_000)
      const bytes = Buffer.concat([Buffer.from('*2\r\n$4\r\nAUTH\r\n$16000\r\n'), CHUNK.subarray(0, 15_000)])
      for (const peer of peers) peer.write(bytes)
      await context.over
    },
  },
  {
    name: 'channels-1mb',
    title: '12 channel names of 1 MB, and 15 PUBLISH on them at a time',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const names = Array.from({ length: 12 }, (_, n) => Buffer.alloc(1_000_000, String.fromCharCode(97 + n)))
      const listeners = await context.openMany(5)
      await Promise.all(listeners.map((listener) => listener.send(command('SUBSCRIBE', ...names), 12)))
      const request = Buffer.concat(
        Array.from({ length: 15 }, (_, n) => command('PUBLISH', /** @type {Buffer} */ (names[n % 12]), 'm')),
      )
      await context.repeat(await context.openMany(1), request, 15)
    },
  },
  {
    name: 'subscribe-100000',
    title: 'SUBSCRIBE to 100,000 channels on each of 4 connections',
    door: 'resp',
    scope: 'kv:read',
    async attack(context) {
      const peers = await context.openMany(4)
      await Promise.all(
        peers.map(async (peer, index) => {
          for (let at = 0; at < context.some(100_000) && context.running; at += 1_000) {
            await peer.send(
              command(
                'SUBSCRIBE',
                ...Array.from({ length: 1_000 }, (_, n) => `${'channel'.repeat(10)}:${index}:${at + n}`),
              ),
              1_000,
            )
          }
        }),
      )
      await context.over
    },
  },
  {
    name: 'publish-500',
    title: 'PUBLISH of 10 kB, pipelined, to 500 subscribers of its own',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const listeners = await context.openMany(500)
      await Promise.all(listeners.map((listener) => listener.call('SUBSCRIBE', 'news')))
      await context.repeat(
        await context.openMany(2),
        times(command('PUBLISH', 'news', Buffer.alloc(10_000, 'n')), 20),
        20,
      )
    },
  },
  {
    name: 'publish-unread',
    title: 'PUBLISH of 100 kB to 100 subscribers that do not read',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const listeners = await context.openMany(100)
      await Promise.all(listeners.map((listener) => listener.call('SUBSCRIBE', 'news')))
      for (const listener of listeners) listener.stopReading()
      await context.repeat(await context.openMany(1), command('PUBLISH', 'news', Buffer.alloc(100_000, 'n')))
    },
  },
  {
    name: 'watch-100000',
    title: 'WATCH of 100,000 keys on each of 4 connections, then EXEC',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const keys = Array.from({ length: context.some(100_000) }, (_, n) => `watched:${n}`)
      await context.repeat(
        await context.openMany(4),
        Buffer.concat([
          command('WATCH', ...keys),
          command('MULTI'),
          command('SET', 'k', 'v'),
          command('EXEC'),
        ]),
        4,
      )
    },
  },
  {
    name: 'wait-20x10',
    title: '20 WAIT 1 0 on each of 10 connections',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      const peers = await context.openMany(10)
      const request = Buffer.concat([command('SET', 'k', 'v'), times(command('WAIT', '1', '0'), 20)])
      for (const peer of peers) peer.write(request)
      await context.over
    },
  },
  {
    name: 'xread-block-20000',
    title: 'XREAD BLOCK 0 on 20,000 streams, on 4 connections',
    door: 'resp',
    scope: 'kv:read',
    async attack(context) {
      const count = context.some(20_000)
      const names = Array.from({ length: count }, (_, n) => `stream:${n}`)
      const peers = await context.openMany(4)
      const request = command('XREAD', 'BLOCK', '0', 'STREAMS', ...names, ...Array(count).fill('$'))
      for (const peer of peers) peer.write(request)
      await context.over
    },
  },
  {
    name: 'blpop-wakeups',
    title: 'BLPOP of one key on 5,000 connections, woken by RPUSH without end',
    door: 'resp',
    scope: 'kv',
    least: 6,
    async attack(context) {
      const peers = await context.openMany(5_000)
      const waiting = context.repeat(peers, command('BLPOP', 'queue', '0'))
      await context.repeat(await context.openMany(2), times(command('RPUSH', 'queue', 'a'), 50), 50)
      await waiting
    },
  },
  {
    name: 'blpop-timeouts',
    title: 'BLPOP of 1,000 keys with a timeout of 10 ms on 500 connections',
    door: 'resp',
    scope: 'kv',
    async attack(context) {
      await context.repeat(
        await context.openMany(500),
        command('BLPOP', ...Array.from({ length: 1_000 }, (_, n) => `q:${n}`), '0.01'),
      )
    },
  },
]
