// The least that Node.js can do for REST: node:http and one command of ioredis; no routes, no validation,
// nothing of the product. A contender of `npm run bench`.
import { createServer } from 'node:http'
import { Redis } from 'ioredis'

const redis = new Redis(String(process.env.REDIS_URL))
const bearer = `Bearer ${process.env.SECRET}`

/** @param {import('node:http').ServerResponse} response @param {number} status @param {string} body */
const answer = (response, status, body) =>
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body)

const server = createServer((request, response) => {
  const { method, url = '', headers } = request
  const key = url.slice('/kv/'.length)
  if (headers.authorization !== bearer) {
    answer(response, 401, '{"error":"unauthorized"}')
  } else if (method === 'GET') {
    redis.get(key).then(
      (value) =>
        value === null
          ? answer(response, 404, '{"error":"key_not_found"}')
          : answer(response, 200, `{"value":${value}}`),
      () => answer(response, 503, '{"error":"unavailable"}'),
    )
  } else {
    /** @type {Buffer[]} */
    const chunks = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () =>
      redis.set(key, Buffer.concat(chunks)).then(
        () => answer(response, 200, '{"ok":true}'),
        () => answer(response, 503, '{"error":"unavailable"}'),
      ),
    )
  }
})
server.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 }, () =>
  console.log('ready'),
)
