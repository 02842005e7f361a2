// The least that serves JSON values over REST: Fastify and ioredis; one password, no isolation, no sealing, no versions.
// A contender of `npm run bench`.
import Fastify from 'fastify'
import { Redis } from 'ioredis'

const redis = new Redis(process.env.REDIS_URL)
const app = Fastify()
const bearer = `Bearer ${process.env.SECRET}`

app.addHook('onRequest', async (request, reply) => {
  if (request.headers.authorization !== bearer) return reply.code(401).send({ error: 'unauthorized' })
})
app.get('/kv/:key', async ({ params: { key } }, reply) => {
  const value = await redis.get(key)
  return value === null ? reply.code(404).send({ error: 'key_not_found' }) : { key, value: JSON.parse(value) }
})
app.put('/kv/:key', async ({ params: { key }, body }) => {
  await redis.set(key, JSON.stringify(body))
  return { key, value: body }
})
app.post('/kv/:key/incr', async ({ params: { key } }) => ({ key, value: await redis.incr(key) }))
app.post('/kv/batch', async ({ body: { operations } }) => {
  const multi = redis.multi()
  for (const { op, key, value } of operations) op === 'set' ? multi.set(key, JSON.stringify(value)) : multi[op](key)
  return { results: (await multi.exec()).map(([, value]) => ({ success: true, value })) }
})
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 })
console.log('ready')
