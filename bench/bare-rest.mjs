// The least that serves JSON values over REST: Fastify and ioredis; one password, no isolation, no sealing,
// no versions. A contender of `npm run bench`.
import Fastify from 'fastify'
import { Redis } from 'ioredis'

const redis = new Redis(String(process.env.REDIS_URL))
const app = Fastify()
/** @typedef {{ Params: { key: string } }} OfKey */
/**
 * @typedef {{ Body: { operations: { op: 'set' | 'get' | 'incr', key: string, value?: unknown }[] } }} OfBatch
 */
const bearer = `Bearer ${process.env.SECRET}`

app.addHook('onRequest', async (request, reply) => {
  if (request.headers.authorization !== bearer) return reply.code(401).send({ error: 'unauthorized' })
})
app.get(
  '/kv/:key',
  async (/** @type {import('fastify').FastifyRequest<OfKey>} */ { params: { key } }, reply) => {
    const value = await redis.get(key)
    return value === null
      ? reply.code(404).send({ error: 'key_not_found' })
      : { key, value: JSON.parse(value) }
  },
)
app.put(
  '/kv/:key',
  async (/** @type {import('fastify').FastifyRequest<OfKey>} */ { params: { key }, body }) => {
    await redis.set(key, JSON.stringify(body))
    return { key, value: body }
  },
)
app.post(
  '/kv/:key/incr',
  async (/** @type {import('fastify').FastifyRequest<OfKey>} */ { params: { key } }) => ({
    key,
    value: await redis.incr(key),
  }),
)
app.post(
  '/kv/batch',
  async (/** @type {import('fastify').FastifyRequest<OfBatch>} */ { body: { operations } }) => {
    const multi = redis.multi()
    for (const { op, key, value } of operations)
      op === 'set' ? multi.set(key, JSON.stringify(value)) : multi[op](key)
    return { results: ((await multi.exec()) ?? []).map(([, value]) => ({ success: true, value })) }
  },
)
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 })
console.log('ready')
