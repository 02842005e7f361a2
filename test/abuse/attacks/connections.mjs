// Connections: many, busy, silent, with bad tokens.
import { setTimeout as delay } from 'node:timers/promises'
import { mint } from '../lib/tokens.mjs'
import { command, times } from './fill.mjs'

/** @typedef {import('../lib/types.mjs').Row} Row */

/** @type {(name: string, title: string, password: (n: number) => string) => Row} */
const badLogins = (name, title, password) => ({
  name,
  title,
  door: 'resp',
  scope: 'none',
  async attack(context) {
    const one = async (/** @type {number} */ lane) => {
      for (let n = lane; context.running; n += 50)
        await context.open({ password: password(n) }).catch(() => {})
    }
    await Promise.all(Array.from({ length: context.some(50) }, (_, lane) => one(lane)))
  },
})

/** @type {Row[]} */
export const CONNECTIONS = [
  {
    name: 'ping-5000',
    title: '5,000 connections with PING, each as fast as it is answered',
    door: 'resp',
    scope: 'kv:read',
    least: 6,
    async attack(context) {
      await context.repeat(await context.openMany(5_000), command('PING'))
    },
  },
  {
    name: 'get-flood',
    title: 'GET, pipelined without waiting on 50 connections',
    door: 'resp',
    scope: 'kv:read',
    async attack(context) {
      await context.flood(await context.openMany(50), times(command('GET', 'key'), 1_000))
    },
  },
  {
    name: 'connections-all',
    title: 'one token opens connections until it is refused',
    door: 'resp',
    scope: 'kv:read',
    least: 15,
    async attack(context) {
      // The server's limit may be above what one process may open on this machine: as many as can be.
      let failed = 0
      while (context.running && failed < 200) {
        const some = await Promise.allSettled(Array.from({ length: 100 }, () => context.open()))
        failed += some.filter(({ status }) => status === 'rejected').length
      }
      await context.over
    },
  },
  {
    name: 'connect-no-login',
    title: 'no token: connections without login, until refused',
    door: 'resp',
    scope: 'none',
    async attack(context) {
      while (context.running)
        await Promise.allSettled(Array.from({ length: 100 }, () => context.open({ login: false })))
    },
  },
  {
    name: 'reconnect-storm',
    title: 'connect, AUTH, PING, leave: on 50 lanes',
    door: 'resp',
    scope: 'kv:read',
    async attack(context) {
      const one = async () => {
        while (context.running) {
          const peer = await context.open().catch(() => undefined)
          if (peer === undefined) await context.pause(10)
          else await peer.call('PING').catch(() => {})
          peer?.close()
        }
      }
      await Promise.all(Array.from({ length: context.some(50) }, one))
    },
  },
  badLogins('login-random', 'no token: AUTH with random text', (n) => `${'r'.repeat(300)}${n}`),
  badLogins(
    'login-garbage-jwt',
    'no token: AUTH with a JWT that is garbage, 15 kB',
    (n) =>
      `${Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url')}.${'A'.repeat(15_000)}${n}.AAAA`,
  ),
  badLogins('login-wrong-secret', 'no token: AUTH with a JWT signed with another secret', (n) =>
    mint('another secret of thirty-two bytes', `automation-${n}`),
  ),
  {
    name: 'login-bad-pipelined',
    title: 'no token: AUTH with wrong JWTs, pipelined on 20 connections',
    door: 'resp',
    scope: 'none',
    async attack(context) {
      let n = 0
      while (context.running) {
        const peers = await context.openMany(20)
        const request = () =>
          Buffer.concat(
            Array.from({ length: 20 }, () =>
              command('AUTH', mint('another secret of thirty-two bytes', `automation-${n++}`)),
            ),
          )
        await context.repeat(peers, request, 20)
        await delay(10)
      }
    },
  },
  {
    name: 'http-silent',
    title: 'no token: 3,000 HTTP connections that send nothing',
    door: 'rest',
    scope: 'none',
    async attack(context) {
      for (let n = 0; n < context.some(3_000) && context.running; n++) {
        context.http()
        if (n % 100 === 0) await context.pause(5)
      }
      await context.over
    },
  },
  {
    name: 'http-half-headers',
    title: 'no token: 3,000 HTTP connections with half a request head, a byte now and then',
    door: 'rest',
    scope: 'none',
    async attack(context) {
      const all = []
      for (let n = 0; n < context.some(3_000) && context.running; n++) {
        const { socket } = context.http()
        socket.write(
          `GET /api/automation/v1/kv/a HTTP/1.1\r\nHost: localhost\r\nX-Filler: ${'f'.repeat(8_000)}`,
        )
        all.push(socket)
        if (n % 100 === 0) await context.pause(5)
      }
      while (context.running) {
        for (const socket of all) if (!socket.destroyed) socket.write('f')
        await context.pause(500)
      }
    },
  },
  {
    name: 'http-half-bodies',
    title: '300 PUTs of 1 MiB whose last byte does not come',
    door: 'rest',
    scope: 'kv',
    async attack(context) {
      const body = JSON.stringify('b'.repeat(1_000_000))
      for (let n = 0; n < context.some(300) && context.running; n++) {
        const { socket } = context.http()
        socket.write(context.restBytes('PUT', '/big', body).subarray(0, -1))
        if (n % 10 === 0) await context.pause(1)
      }
      await context.over
    },
  },
]
