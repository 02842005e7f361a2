// Two socket.io servers that reach each other's clients through Redis, by messages or by a stream.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import { check, end, host, password, port, until, version } from './check.mjs'

const by = process.env.KV_ADAPTER
version(`@socket.io/${by}-adapter`)
const connect = () => new Redis({ host, port, password })
const adapterOf = async () => {
  if (by === 'redis') {
    const { createAdapter } = await import('@socket.io/redis-adapter')
    return createAdapter(connect(), connect())
  }
  const { createAdapter } = await import('@socket.io/redis-streams-adapter')
  return createAdapter(connect())
}
const start = async () => {
  const http = createServer()
  const server = new Server(http, { adapter: await adapterOf() })
  server.on('connection', (socket) => {
    socket.join('room')
    socket.on('say', (text) => server.to('room').emit('said', text))
  })
  server.on('ask', (_question, answer) => answer('pong'))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return { server, url: `http://127.0.0.1:${http.address().port}` }
}
const [one, two] = [await start(), await start()]
const clients = [one, two].map(({ url }) => io(url, { transports: ['websocket'] }))

await check('a room is reached on both servers', async () => {
  await Promise.all(clients.map((client) => client.connected || once(client, 'connect')))
  await until(async () => {
    const sockets = await one.server
      .in('room')
      .fetchSockets()
      .catch(() => [])
    return sockets.length === 2
  }, 50)
  const heard = clients.map((client) => once(client, 'said'))
  clients[0].emit('say', 'hello')
  assert.deepEqual(await Promise.all(heard), [['hello'], ['hello']])
})
await check('one server asks the other', async () => {
  const answers = await one.server.serverSideEmitWithAck('ask', 'ping')
  assert.deepEqual(answers, ['pong'])
})
await check('200 messages in order', async () => {
  const got = []
  const all = new Promise((resolve) => clients[1].on('n', (n) => got.push(n) === 200 && resolve()))
  for (let n = 0; n < 200; n++) one.server.to('room').emit('n', n)
  await all
  assert.deepEqual(
    got,
    Array.from({ length: 200 }, (_, n) => n),
  )
})
end()
