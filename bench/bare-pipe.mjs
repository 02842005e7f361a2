// Bytes in, bytes out: what node:net alone costs. One connection to Redis for each client. A contender of
// `npm run bench`.
import { connect, createServer } from 'node:net'

const target = { host: '127.0.0.1', port: Number(process.env.REDIS_PORT), noDelay: true }

const server = createServer({ noDelay: true }, (socket) => {
  const redis = connect(target)
  socket.pipe(redis)
  redis.pipe(socket)
  for (const [one, other] of [
    [socket, redis],
    [redis, socket],
  ]) {
    one.on('error', () => other.destroy())
    one.on('close', () => other.destroy())
  }
})
server.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 }, () =>
  console.log('ready'),
)
